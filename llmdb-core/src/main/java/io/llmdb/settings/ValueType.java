package io.llmdb.settings;

import java.util.function.Function;

/** What the values of a setting look like as text, and which of them are allowed. */
final class ValueType<T> {

    interface Parser<T> {
        T parse(String text) throws BadValue;
    }

    interface Check<T> {
        void check(T value) throws BadValue;
    }

    private final String allowed;
    private final Parser<T> parser;
    private final Check<T> check;
    private final Function<T, String> format;
    private final Function<String, String> mask;
    private final boolean bareBooleanAllowed;

    private ValueType(
            String allowed,
            Parser<T> parser,
            Check<T> check,
            Function<T, String> format,
            Function<String, String> mask,
            boolean bareBooleanAllowed) {
        this.allowed = allowed;
        this.parser = parser;
        this.check = check;
        this.format = format;
        this.mask = mask;
        this.bareBooleanAllowed = bareBooleanAllowed;
    }

    /** @param allowed what is allowed, so that "must be " can stand before it */
    static <T> ValueType<T> of(String allowed, Parser<T> parser, Check<T> check, Function<T, String> format) {
        return new ValueType<>(allowed, parser, check, format, Function.identity(), false);
    }

    /** The same one, of which given texts are shown only masked. */
    ValueType<T> masked(Function<String, String> newMask) {
        return new ValueType<>(allowed, parser, check, format, newMask, bareBooleanAllowed);
    }

    ValueType<T> withBareBooleans() {
        return new ValueType<>(allowed, parser, check, format, mask, true);
    }

    String allowed() {
        return allowed;
    }

    /** Whether an unquoted true or false is a value and not a slip. */
    boolean isBareBooleanAllowed() {
        return bareBooleanAllowed;
    }

    T parse(String text) throws BadValue {
        T value = parser.parse(text);
        check.check(value);
        return value;
    }

    void check(T value) throws BadValue {
        check.check(value);
    }

    /** A value as people may see it. */
    String format(T value) {
        return format.apply(value);
    }

    /** A text that was given, as people may see it. */
    String mask(String text) {
        return mask.apply(text);
    }
}
