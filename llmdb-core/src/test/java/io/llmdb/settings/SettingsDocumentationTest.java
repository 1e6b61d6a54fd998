package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The sample file and the table say what the code does. */
class SettingsDocumentationTest {

    private static final Path DOCS = Path.of("..", "docs");

    @Test
    void theSampleFileSetsEverythingToItsDefault() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml(DOCS.resolve("proxy_config.yaml"))
                .environment(Map.of("DATABASE_URL", "postgresql://db/llm"))
                .build();
        Map<String, String> defaults = byName(LlmDbSettings.builder().build().effective());

        assertThat(settings.warnings()).isEmpty();
        for (EffectiveSetting setting : settings.effective()) {
            if (setting.name().equals(Known.SALT_KEY.qualifiedName())
                    || setting.name().equals(Known.EARLIER_SALT_KEY.qualifiedName())) {
                continue;
            }
            assertThat(setting.source().kind()).as(setting.name()).isEqualTo(SettingSource.Kind.FILE);
            if (!setting.name().equals(Known.DATABASE_URL.qualifiedName())) {
                assertThat(setting.value()).as(setting.name()).isEqualTo(defaults.get(setting.name()));
            }
        }
    }

    @Test
    void theTableHasEverySettingWithItsDefaultAndItsVariables() throws Exception {
        List<String> lines = Files.readAllLines(DOCS.resolve("settings.md"));

        for (Setting<?> setting : Known.ALL) {
            String row = "| `" + setting.name() + "` | " + defaultOf(setting) + " | ";
            assertThat(lines)
                    .filteredOn(line -> line.startsWith(row))
                    .as(row)
                    .singleElement()
                    .satisfies(line -> assertThat(setting.variables()
                                    .subList(1, setting.variables().size()))
                            .allSatisfy(variable -> assertThat(line).contains("`" + variable + "`")));
        }
        assertThat(lines.stream().filter(line -> line.startsWith("| `"))).hasSize(Known.ALL.size());
    }

    @Test
    void everySettingHasItsNameOnce() {
        assertThat(Known.ALL).extracting(Setting::name).doesNotHaveDuplicates();
    }

    private static <T> String defaultOf(Setting<T> setting) {
        return setting.format(setting.defaultValue());
    }

    private static Map<String, String> byName(List<EffectiveSetting> effective) {
        return effective.stream()
                .collect(java.util.stream.Collectors.toMap(EffectiveSetting::name, EffectiveSetting::value));
    }
}
