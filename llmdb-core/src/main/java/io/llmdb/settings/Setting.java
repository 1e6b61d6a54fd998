package io.llmdb.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** One setting: where it stands, how it is read, what it is when nobody sets it. */
final class Setting<T> {

    /** Every setting can be given as an environment variable with this before its name in capitals. */
    static final String VARIABLE_PREFIX = "LLMDB_";

    private final Section section;
    private final String name;
    private final ValueType<T> type;
    private final @Nullable T defaultValue;
    private final boolean optional;
    private final List<String> variables;

    private Setting(
            Section section,
            String name,
            ValueType<T> type,
            @Nullable T defaultValue,
            boolean optional,
            List<String> variables) {
        this.section = section;
        this.name = name;
        this.type = type;
        this.defaultValue = defaultValue;
        this.optional = optional;
        this.variables = List.copyOf(variables);
    }

    /** A setting that always has a value. */
    static <T> Setting<T> of(Section section, String name, ValueType<T> type, T defaultValue) {
        return new Setting<>(section, name, type, defaultValue, false, List.of(variable(name)));
    }

    /** A setting that may have none, which {@code none} says. */
    static <T> Setting<T> optional(Section section, String name, ValueType<T> type, @Nullable T defaultValue) {
        return new Setting<>(section, name, type, defaultValue, true, List.of(variable(name)));
    }

    /** The same one, read from further environment variables too. */
    Setting<T> orFrom(String variable) {
        List<String> more = new ArrayList<>(variables);
        more.add(variable);
        return new Setting<>(section, name, type, defaultValue, optional, more);
    }

    private static String variable(String name) {
        return VARIABLE_PREFIX + name.toUpperCase(Locale.ROOT);
    }

    Section section() {
        return section;
    }

    String name() {
        return name;
    }

    String qualifiedName() {
        return section.qualify(name);
    }

    ValueType<T> type() {
        return type;
    }

    @Nullable
    T defaultValue() {
        return defaultValue;
    }

    boolean isOptional() {
        return optional;
    }

    /** The environment variables that may hold it, the winning one first. */
    List<String> variables() {
        return variables;
    }

    String format(@Nullable T value) {
        return value == null ? "none" : type.format(value);
    }

    @Override
    public String toString() {
        return qualifiedName();
    }
}
