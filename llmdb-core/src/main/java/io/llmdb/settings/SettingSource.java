package io.llmdb.settings;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a setting's value came from.
 *
 * @param kind which of the sources
 * @param file the file's name, for {@link Kind#FILE}; null otherwise
 * @param line the line in that file, from 1; 0 where none is known
 * @param variable the environment variable: for {@link Kind#ENVIRONMENT}, and for a value in a file that is
 *     {@code os.environ/NAME}; null otherwise
 */
public record SettingSource(
        Kind kind,
        @Nullable String file,
        int line,
        @Nullable String variable) {

    /** The sources; an earlier one wins over a later one. */
    public enum Kind {
        /** Set by the application through a builder. */
        BUILDER,
        /** Written in the proxy's YAML. */
        FILE,
        /** An environment variable. */
        ENVIRONMENT,
        /** Not set anywhere. */
        DEFAULT
    }

    /** Set by the application. */
    static final SettingSource BUILDER = new SettingSource(Kind.BUILDER, null, 0, null);

    /** Not set anywhere. */
    static final SettingSource DEFAULT = new SettingSource(Kind.DEFAULT, null, 0, null);

    /** Checks that there is a kind. */
    public SettingSource {
        Objects.requireNonNull(kind, "kind");
    }

    static SettingSource file(String file, int line) {
        return new SettingSource(Kind.FILE, file, line, null);
    }

    static SettingSource environment(String variable) {
        return new SettingSource(Kind.ENVIRONMENT, null, 0, variable);
    }

    SettingSource through(String environmentVariable) {
        return new SettingSource(kind, file, line, environmentVariable);
    }

    /**
     * For people.
     *
     * @return {@code builder}, {@code proxy_config.yaml:12}, {@code environment DATABASE_URL} or {@code default}
     */
    @Override
    public String toString() {
        return switch (kind) {
            case BUILDER -> "builder";
            case FILE ->
                file + (line > 0 ? ":" + line : "") + (variable == null ? "" : " (environment " + variable + ")");
            case ENVIRONMENT -> "environment " + variable;
            case DEFAULT -> "default";
        };
    }
}
