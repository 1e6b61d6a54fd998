package io.llmdb.settings;

import java.util.Objects;

/**
 * A setting as it holds, for the line that is logged once at the start.
 *
 * @param name the setting's name with its section, such as {@code general_settings.disable_spend_logs}
 * @param value its value, secrets masked; {@code none} where it has none
 * @param source where the value came from
 */
public record EffectiveSetting(String name, String value, SettingSource source) {

    /** Checks that all of it is there. */
    public EffectiveSetting {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(value, "value");
        Objects.requireNonNull(source, "source");
    }

    /**
     * One line for people.
     *
     * @return for example {@code llmdb.schema = llmdb (default)}
     */
    @Override
    public String toString() {
        return name + " = " + value + " (" + source + ")";
    }
}
