package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetDuration;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Files as LiteLLM's users have them are read as they mean them, without a warning. */
class RealLifeYamlTest {

    private static final Path FILES = Path.of("src", "test", "resources", "io", "llmdb", "settings");

    private static final Map<String, String> ENVIRONMENT = Map.of(
            "DATABASE_URL", "postgresql://llmproxy:dbpassword9090@db.example.com/litellm?sslmode=require",
            "LITELLM_SALT_KEY", "sk-Zp0vS2c5r7w9LxQ1",
            "LITELLM_MASTER_KEY", "sk-1234",
            "LITELLM_LOG", "DEBUG",
            "TZ", "Europe/Berlin",
            "TIMEZONE", "nonsense of somebody else");

    @Test
    void small() {
        LlmDbSettings settings = quiet("small.yaml");

        // The file's URL wins over the environment's.
        assertThat(settings.requireDatabaseUrl().jdbcUrl()).isEqualTo("jdbc:postgresql://db:5432/litellm");
    }

    @Test
    void production() {
        LlmDbSettings settings = quiet("production.yaml");

        assertThat(settings.connection().poolLimit()).isEqualTo(10);
        assertThat(settings.connection().connectionTimeout()).isEqualTo(Duration.ofMinutes(1));
        assertThat(settings.requireDatabaseUrl().properties()).containsExactly(Map.entry("sslmode", "require"));
        assertThat(settings.logs().disableSpendLogs()).isTrue();
        assertThat(settings.logs().disableErrorLogs()).isTrue();
        assertThat(settings.logs().disableSpendUpdates()).isFalse();
        assertThat(settings.logs().storePrompts()).isTrue();
        assertThat(settings.logs().retentionPeriod()).isEqualTo(new BudgetDuration(30, BudgetDuration.Unit.DAY));
        assertThat(settings.logs().retentionInterval()).isEqualTo(Duration.ofDays(1));
        assertThat(settings.delivery().longestWait()).isEqualTo(Duration.ofMinutes(1));
        assertThat(settings.budgets().maxBudget()).isEqualByComparingTo("1000");
        assertThat(settings.budgets().budgetDuration()).hasToString("30d");
        assertThat(settings.budgets().timeZone()).isEqualTo(ZoneId.of("Asia/Singapore"));
        assertThat(settings.budgets().resetTime()).isEqualTo(LocalTime.NOON);
        assertThat(settings.budgets().endUserBudgetId()).isEqualTo("default_tier");
        assertThat(settings.budgets().allowRequestsOnDbUnavailable()).isTrue();
        assertThat(settings.models().storeModelInDb()).isTrue();
        assertThat(settings.audit().storeAuditLogs()).isTrue();
    }

    @Test
    void kubernetes() {
        LlmDbSettings settings = quiet("kubernetes.yaml");

        assertThat(settings.logs().disableSpendLogs()).isTrue();
        assertThat(settings.connection().poolLimit()).isEqualTo(25);
        assertThat(settings.models().storeModelInDb()).isFalse();
        assertThat(settings.budgets().maxBudget()).isNull();
    }

    @Test
    void tenThousandModelsThatShareAnchors() {
        String models = IntStream.range(0, 10_000)
                .mapToObj(i -> "  - {model_name: m" + i + ", litellm_params: *params}\n")
                .collect(Collectors.joining());
        String yaml = "x: &params {model: openai/gpt-4o, api_key: os.environ/KEY}\nmodel_list:\n" + models
                + "general_settings: {disable_spend_logs: True}\n";

        assertThat(LlmDbSettings.fromYaml(yaml, "large.yaml").logs().disableSpendLogs())
                .isTrue();
    }

    @Test
    void foreignTagsAndKeysDoNotMatter() {
        LlmDbSettings settings = LlmDbSettings.fromYaml(
                "model_list: !include models.yaml\n? [a, b]\n: c\n1: 2\ngeneral_settings: {disable_spend_logs: True, 5: x, alerting: !x y}\n",
                "tags.yaml");

        assertThat(settings.logs().disableSpendLogs()).isTrue();
        assertThat(settings.warnings()).isEmpty();
    }

    private static LlmDbSettings quiet(String file) {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml(FILES.resolve(file))
                .environment(ENVIRONMENT)
                .build();
        assertThat(settings.warnings()).isEmpty();
        return settings;
    }
}
