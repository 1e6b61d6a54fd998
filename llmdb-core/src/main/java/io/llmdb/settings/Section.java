package io.llmdb.settings;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The parts of the proxy's YAML in which we have settings. */
enum Section {
    GENERAL,
    LLM,
    LLMDB,
    /** Settings that are secrets and have no place in a file. */
    ENVIRONMENT;

    /** The names of the top-level keys, the winning one first: ours wins over LiteLLM's. */
    List<String> names() {
        return switch (this) {
            case GENERAL -> List.of("general_settings");
            case LLM -> List.of("llm_settings", "litellm_settings");
            case LLMDB -> List.of("llmdb");
            case ENVIRONMENT -> List.of();
        };
    }

    /** What a setting of this section is called where no file says otherwise. */
    String qualify(String setting) {
        return names().isEmpty() ? setting : names().get(0) + "." + setting;
    }

    static @Nullable Section named(String topLevelKey) {
        for (Section section : values()) {
            if (section.names().contains(topLevelKey)) {
                return section;
            }
        }
        return null;
    }
}
