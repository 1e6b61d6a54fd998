package io.llmdb.settings;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One thing that is wrong, or odd, in the settings.
 *
 * @param setting the setting's name with its section, such as {@code general_settings.database_url}; for a fault of the
 *     whole file, the file's name
 * @param value the value as it was given, secrets masked; null where there is none to show
 * @param source where it stands
 * @param message what is wrong, and what is allowed
 */
public record SettingProblem(String setting, @Nullable String value, SettingSource source, String message) {

    /** Checks that all but the value is there. */
    public SettingProblem {
        Objects.requireNonNull(setting, "setting");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(message, "message");
    }

    /**
     * One line for people.
     *
     * @return for example {@code proxy_config.yaml:12: general_settings.disable_spend_logs: "maybe" must be true or
     *     false}
     */
    @Override
    public String toString() {
        StringBuilder line = new StringBuilder().append(source).append(": ");
        if (!setting.equals(source.file())) {
            line.append(setting).append(": ");
        }
        if (value != null) {
            line.append('"').append(value).append("\" ");
        }
        return line.append(message).toString();
    }
}
