package io.llmdb.internal;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Rules for what goes into columns, checked before PostgreSQL sees it, so that the message can name the argument. */
public final class Arguments {

    /** Longer ones do not fit into an index page of PostgreSQL whatever their characters. */
    private static final int MAX_ID_LENGTH = 600;

    private static final BigInteger MIN_INT = BigInteger.valueOf(Integer.MIN_VALUE);
    private static final BigInteger MAX_INT = BigInteger.valueOf(Integer.MAX_VALUE);
    private static final BigInteger MIN_LONG = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger MAX_LONG = BigInteger.valueOf(Long.MAX_VALUE);

    private Arguments() {}

    /**
     * @param name the argument's name, for the message
     * @param value an id
     * @return the same id
     * @throws InvalidArgumentException where it is empty, longer than 600 characters or holds what PostgreSQL cannot
     *     store
     */
    public static String id(String name, String value) {
        text(name, value);
        if (value.isEmpty()) {
            throw new InvalidArgumentException(name + " is empty");
        }
        if (value.length() > MAX_ID_LENGTH) {
            throw new InvalidArgumentException(name + " \"" + value.substring(0, 40) + "...\" has " + value.length()
                    + " characters; use at most " + MAX_ID_LENGTH);
        }
        return value;
    }

    /**
     * Checks what a request names and a client may have written.
     *
     * @param endUser the end user; empty: none
     * @param tags the tags; an empty one counts for nothing
     * @throws InvalidArgumentException where one is no id
     */
    public static void requestIds(String endUser, List<String> tags) {
        if (!endUser.isEmpty()) {
            id("endUser", endUser);
        }
        for (String tag : tags) {
            if (!tag.isEmpty()) {
                id("tag", tag);
            }
        }
    }

    /**
     * @param name the argument's name, for the message
     * @param value a text
     * @return the same text
     * @throws InvalidArgumentException where it holds a NUL character or an unpaired surrogate
     */
    public static String text(String name, String value) {
        int nul = Objects.requireNonNull(value, name).indexOf('\0');
        if (nul >= 0) {
            throw new InvalidArgumentException(
                    name + " holds a NUL character at position " + nul + ", which PostgreSQL cannot store");
        }
        int half = halfCharacter(value);
        if (half >= 0) {
            throw new InvalidArgumentException(name + " holds half a character (an unpaired surrogate, \\u"
                    + Integer.toHexString(value.charAt(half)) + ") at position " + half
                    + ", which PostgreSQL cannot store");
        }
        return value;
    }

    private static int halfCharacter(String value) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (Character.isHighSurrogate(c)
                    && i + 1 < value.length()
                    && Character.isLowSurrogate(value.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * @param name the argument's name, for the message
     * @param value a text or null
     * @return the same text
     * @throws InvalidArgumentException where it holds a NUL character or an unpaired surrogate
     */
    public static @Nullable String optionalText(String name, @Nullable String value) {
        return value == null ? null : text(name, value);
    }

    /**
     * @param name the argument's name, for the message
     * @param values texts
     * @return an immutable copy
     * @throws InvalidArgumentException where one holds a NUL character or an unpaired surrogate
     */
    public static List<String> texts(String name, List<String> values) {
        List<String> copy = List.copyOf(values);
        copy.forEach(value -> text(name, value));
        return copy;
    }

    /**
     * @param name the argument's name, for the message
     * @param values texts by text
     * @return an immutable copy in the same order
     * @throws InvalidArgumentException where one holds a NUL character or an unpaired surrogate
     */
    public static Map<String, String> textMap(String name, Map<String, String> values) {
        Map<String, String> copy = new LinkedHashMap<>();
        values.forEach((key, value) -> copy.put(text(name, key), text(name + "." + key, value)));
        return Collections.unmodifiableMap(copy);
    }

    /**
     * A copy of a JSON object that nobody can change, with numbers as they come back from the database, so that what
     * was written equals what is read.
     *
     * @param name the argument's name, for the message
     * @param values texts, numbers, booleans, nulls, and lists and maps of these
     * @return an immutable copy in the same order
     * @throws InvalidArgumentException where it holds something else, a NUL character, an unpaired surrogate, or a
     *     number that is none
     */
    public static Map<String, Object> json(String name, Map<String, ?> values) {
        Map<String, Object> copy = new LinkedHashMap<>();
        values.forEach((key, value) -> copy.put(text(name, key), jsonValue(name + "." + key, value)));
        return Collections.unmodifiableMap(copy);
    }

    // A JSON null is an ordinary member of these collections, which the type Object cannot say.
    @SuppressWarnings("NullAway")
    private static Object jsonValue(String name, @Nullable Object value) {
        if (value == null || value instanceof Boolean) {
            return value;
        }
        if (value instanceof String string) {
            return text(name, string);
        }
        if (value instanceof Number number) {
            return number(name, number);
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> copy = new LinkedHashMap<>();
            map.forEach((key, member) -> {
                if (!(key instanceof String member0)) {
                    throw new InvalidArgumentException(name + " has a key that is no text: " + key);
                }
                copy.put(text(name, member0), jsonValue(name + "." + member0, member));
            });
            return Collections.unmodifiableMap(copy);
        }
        if (value instanceof Iterable<?> list) {
            List<Object> copy = new ArrayList<>();
            list.forEach(element -> copy.add(jsonValue(name + "[" + copy.size() + "]", element)));
            return Collections.unmodifiableList(copy);
        }
        throw new InvalidArgumentException(name + " is a " + value.getClass().getName()
                + ": use texts, numbers, booleans, null, and lists and maps of these");
    }

    private static Number number(String name, Number number) {
        if (number instanceof BigDecimal) {
            return number;
        }
        if (number instanceof Double || number instanceof Float) {
            try {
                return new BigDecimal(number.toString());
            } catch (NumberFormatException e) {
                throw new InvalidArgumentException(name + " is " + number + ", which JSON cannot say", e);
            }
        }
        BigInteger whole;
        try {
            whole = new BigInteger(number.toString());
        } catch (NumberFormatException e) {
            throw new InvalidArgumentException(name + " is a number of an unknown kind: " + number, e);
        }
        if (whole.compareTo(MIN_INT) >= 0 && whole.compareTo(MAX_INT) <= 0) {
            return whole.intValue();
        }
        return whole.compareTo(MIN_LONG) >= 0 && whole.compareTo(MAX_LONG) <= 0 ? (Number) whole.longValue() : whole;
    }
}
