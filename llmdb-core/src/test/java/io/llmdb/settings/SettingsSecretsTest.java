package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** No text made for people holds a secret. */
class SettingsSecretsTest {

    private static final String HUSH = "hush-hush-hush-hush";

    @Test
    void settingsAndTheirRecords() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml(
                        "general_settings:\n  database_url: postgresql://me:" + HUSH + "@db/llm?schema=public\n",
                        "p.yaml")
                .environment(Map.of("LLMDB_SALT_KEY", HUSH, "DATABASE_PASSWORD", HUSH))
                .build();

        assertThat(settings.toString()
                        + settings.connection()
                        + settings.models()
                        + settings.effective()
                        + settings.warnings())
                .contains("password=***")
                .contains("salt_key = *** (environment LLMDB_SALT_KEY)")
                .doesNotContain(HUSH);
        // It is there all the same.
        assertThat(settings.requireDatabaseUrl().password()).isEqualTo(Secret.of(HUSH));
        assertThat(settings.models().saltKey()).isEqualTo(Secret.of(HUSH));
    }

    @Test
    void conflictsAndErrors() {
        String yaml = "general_settings:\n  database_url: os.environ/BAD_URL\n";
        try {
            LlmDbSettings.builder()
                    .yaml(yaml, "p.yaml")
                    .environment(Map.of("BAD_URL", "postgresql://me:" + HUSH + "@db:port/llm"))
                    .build();
            throw new AssertionError("accepted");
        } catch (InvalidSettingsException e) {
            assertThat(e.getMessage() + e + e.problems())
                    .contains("postgresql://***@db:port/llm")
                    .doesNotContain(HUSH);
        }
    }

    @Test
    void secretsAreEqualByTheirText() {
        assertThat(Secret.of("a"))
                .isEqualTo(Secret.of("a"))
                .isNotEqualTo(Secret.of("b"))
                .hasToString("***");
        assertThat(Secret.of("a")).hasSameHashCodeAs(Secret.of("a"));
    }
}
