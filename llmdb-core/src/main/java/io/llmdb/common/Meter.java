package io.llmdb.common;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleSupplier;

/**
 * Something that is measured, to be read by whatever collects metrics.
 *
 * @param name what is measured, words with dots, such as {@code llmdb.spend.backlog.rows}
 * @param kind whether it goes up and down or only up
 * @param unit the unit, such as {@code rows}, {@code bytes}, {@code seconds}
 * @param description what it means, for people
 * @param tags what tells apart those of one name; empty: there is one only
 * @param value reads it; cheap, and safe for use by several threads
 */
public record Meter(
        String name, Kind kind, String unit, String description, Map<String, String> tags, DoubleSupplier value) {

    /** How a meter moves. */
    public enum Kind {
        /** Up and down. */
        GAUGE,
        /** Only up, from the start of the instance on. */
        COUNTER
    }

    /** Checks for null. */
    public Meter {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(unit, "unit");
        Objects.requireNonNull(description, "description");
        tags = Map.copyOf(tags);
        Objects.requireNonNull(value, "value");
    }

    /**
     * What goes up and down.
     *
     * @param name what is measured
     * @param unit the unit
     * @param description what it means
     * @param value reads it
     * @return the meter
     */
    public static Meter gauge(String name, String unit, String description, DoubleSupplier value) {
        return new Meter(name, Kind.GAUGE, unit, description, Map.of(), value);
    }

    /**
     * What only goes up.
     *
     * @param name what is measured
     * @param unit the unit
     * @param description what it means
     * @param value reads it
     * @return the meter
     */
    public static Meter counter(String name, String unit, String description, DoubleSupplier value) {
        return new Meter(name, Kind.COUNTER, unit, description, Map.of(), value);
    }

    /**
     * One of several meters of a name.
     *
     * @param key what tells them apart
     * @param text this one's value of it
     * @return a copy with the tag
     */
    public Meter tagged(String key, String text) {
        Map<String, String> more = new HashMap<>(tags);
        more.put(key, text);
        return new Meter(name, kind, unit, description, more, value);
    }
}
