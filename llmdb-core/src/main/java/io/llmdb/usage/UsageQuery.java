package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Asks for usage: over which days, told apart by what, of whom. Immutable.
 *
 * @param from the first day
 * @param to the last day
 * @param zone where the days are days; in any other than UTC see {@link Reports#usage}
 * @param byDay whether each day is told by itself
 * @param by what else is told apart
 * @param of the usage of these only: dimension → id; the empty text asks for requests without one
 * @param order which rows come first
 * @param limit how many rows at most, 1 to 100,000
 */
public record UsageQuery(
        LocalDate from,
        LocalDate to,
        ZoneId zone,
        boolean byDay,
        Set<UsageDimension> by,
        Map<UsageDimension, String> of,
        Order order,
        int limit) {

    /** The most rows that a report has. */
    public static final int MAX_ROWS = 100_000;

    private static final long MAX_DAYS = 3_700;

    /** Which rows come first. Rows that are equal in it are in the order of day and ids. */
    public enum Order {
        /** The earliest day. */
        DAY,
        /** The most spend. */
        SPEND,
        /** The most requests. */
        REQUESTS,
        /** The most tokens. */
        TOKENS,
        /** The most failed requests. */
        FAILURES
    }

    /**
     * Checks and copies.
     *
     * @throws InvalidArgumentException where the days are none or more than ten years, or the limit is out of its range
     */
    public UsageQuery {
        Objects.requireNonNull(zone, "zone");
        Objects.requireNonNull(order, "order");
        if (to.isBefore(from) || to.toEpochDay() - from.toEpochDay() > MAX_DAYS) {
            throw new InvalidArgumentException("from " + from + " to " + to + ": use 1 to " + MAX_DAYS + " days");
        }
        if (limit < 1 || limit > MAX_ROWS) {
            throw new InvalidArgumentException("limit " + limit + ": use 1 to " + MAX_ROWS);
        }
        by = by.isEmpty() ? Set.of() : Set.copyOf(EnumSet.copyOf(by));
        of = Map.copyOf(of);
    }

    /**
     * @param from the first day, of UTC
     * @param to the last day
     * @return asks for the sum of everything over these days
     */
    public static UsageQuery of(LocalDate from, LocalDate to) {
        return new UsageQuery(from, to, ZoneOffset.UTC, false, Set.of(), Map.of(), Order.DAY, 10_000);
    }

    /**
     * @param value where the days are days
     * @return a copy with it
     */
    public UsageQuery in(ZoneId value) {
        return new UsageQuery(from, to, value, byDay, by, of, order, limit);
    }

    /** @return a copy that tells each day by itself */
    public UsageQuery daily() {
        return new UsageQuery(from, to, zone, true, by, of, order, limit);
    }

    /**
     * @param dimensions what to tell apart
     * @return a copy with them
     */
    public UsageQuery by(UsageDimension... dimensions) {
        return new UsageQuery(from, to, zone, byDay, Set.of(dimensions), of, order, limit);
    }

    /**
     * @param dimension whose usage
     * @param id the id; the empty text asks for requests without one
     * @return a copy that asks for the usage of this only, beside what was asked for before
     */
    public UsageQuery only(UsageDimension dimension, String id) {
        Map<UsageDimension, String> more = new EnumMap<>(UsageDimension.class);
        more.putAll(of);
        more.put(dimension, Objects.requireNonNull(id, "id"));
        return new UsageQuery(from, to, zone, byDay, by, more, order, limit);
    }

    /**
     * @param value which rows come first
     * @param most how many at most
     * @return a copy with them
     */
    public UsageQuery top(Order value, int most) {
        return new UsageQuery(from, to, zone, byDay, by, of, value, most);
    }

    /** In one order, so that equal questions have equal texts. */
    List<UsageDimension> byInOrder() {
        return by.stream().sorted().toList();
    }

    Map<UsageDimension, String> ofInOrder() {
        return new TreeMap<>(of);
    }

    /** What the answer depends on, beside the days. */
    Set<UsageDimension> needed() {
        Set<UsageDimension> needed = EnumSet.noneOf(UsageDimension.class);
        needed.addAll(by);
        needed.addAll(of.keySet());
        return needed;
    }
}
