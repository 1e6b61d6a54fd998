package io.llmdb.spend;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterBook.Unbooked;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * All that a batch changes beside the log rows, and what is to be checked behind them, in one round trip: several
 * statements that the driver sends at once. Locks are taken in the order of the statements: counters, leases, daily
 * totals.
 */
final class Totals {

    private static final String REQUIRE_KEPT = "SELECT ${llmdb}.llmdb_require_kept(?::timestamptz)";

    private static final String REQUIRE_ONE_BOOK =
            "SELECT ${llmdb}.llmdb_require_one_book(?::timestamptz, ?::timestamptz, ?::boolean)";

    /** Behind all that a report sums up: takes its lock last and for the shortest time. */
    private static final String REOPEN = "SELECT ${llmdb}.llmdb_reopen(?::timestamptz[])";

    private static final long QUARTER_SECONDS = 900;

    private final BookingPolicy policy;
    private final CounterBook counters;
    private final String requireKept;
    private final String requireOneBook;
    private final String book;
    private final String reopen;
    private final String takeFromLeases;
    private final Map<DailyTotals, String> addDaily = new EnumMap<>(DailyTotals.class);

    Totals(Sql sql, BookingPolicy policy) {
        this.policy = policy;
        this.counters = new CounterBook(sql, policy);
        this.requireKept = sql.of(REQUIRE_KEPT);
        this.requireOneBook = sql.of(REQUIRE_ONE_BOOK);
        this.book = sql.of(CounterBook.BOOK);
        this.reopen = sql.of(REOPEN);
        this.takeFromLeases = sql.of(LeaseBook.TAKE);
        for (DailyTotals table : DailyTotals.values()) {
            addDaily.put(table, sql.of(table.sql()));
        }
    }

    private interface Arguments {
        void bind(SqlArrays arguments) throws SQLException;
    }

    private record Part(String sql, Arguments arguments) {}

    /**
     * @param events in the order of their ids; their log rows or receipts are written already
     * @param lookedUp whether each was looked up in the log and among the receipts
     */
    void add(Connection connection, List<SpendEvent> events, boolean lookedUp) throws SQLException {
        SpendEvent first = events.get(0);
        SpendEvent last = events.get(events.size() - 1);
        List<Part> parts = new ArrayList<>();
        parts.add(new Part(
                requireKept, arguments -> arguments.text(first.startTime().toString())));
        if (!lookedUp) {
            parts.add(new Part(
                    requireOneBook,
                    arguments -> arguments
                            .text(first.startTime().toString())
                            .text(last.startTime().toString())
                            .flag(policy.keepSpendLogs())));
        }
        if (!policy.updateCounters()) {
            run(connection, parts, -1);
            return;
        }
        BatchSums sums = new BatchSums(events);
        CounterDeltas deltas = new CounterDeltas(sums);
        int booking = parts.size();
        parts.add(new Part(book, arguments -> counters.bind(arguments, deltas)));
        LeaseBook leases = new LeaseBook(events);
        if (!leases.isEmpty()) {
            parts.add(new Part(takeFromLeases, leases::bind));
        }
        for (DailyTotals table : DailyTotals.values()) {
            if (!table.isEmpty(sums)) {
                parts.add(new Part(
                        Objects.requireNonNull(addDaily.get(table)), arguments -> table.bind(sums, arguments)));
            }
        }
        List<Instant> quarters = quarters(events);
        parts.add(new Part(reopen, arguments -> arguments.instants(quarters, quarter -> quarter)));
        counters.moveOn(connection, run(connection, parts, booking), deltas);
    }

    /** The quarters of an hour that the events start in. */
    private static List<Instant> quarters(List<SpendEvent> events) {
        List<Instant> quarters = new ArrayList<>();
        long last = Long.MIN_VALUE;
        for (SpendEvent event : events) {
            long quarter = Math.floorDiv(event.startTime().getEpochSecond(), QUARTER_SECONDS);
            if (quarter != last) {
                quarters.add(Instant.ofEpochSecond(quarter * QUARTER_SECONDS));
                last = quarter;
            }
        }
        return quarters;
    }

    private static List<Unbooked> run(Connection connection, List<Part> parts, int booking) throws SQLException {
        String sql = String.join(";\n", parts.stream().map(Part::sql).toList());
        List<Unbooked> unbooked = List.of();
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            SqlArrays arguments = new SqlArrays(statement);
            for (Part part : parts) {
                part.arguments.bind(arguments);
            }
            statement.execute();
            for (int i = 0; i < parts.size(); i++) {
                if (i == booking) {
                    try (ResultSet rows = statement.getResultSet()) {
                        unbooked = CounterBook.readUnbooked(rows);
                    }
                }
                statement.getMoreResults();
            }
        }
        return unbooked;
    }
}
