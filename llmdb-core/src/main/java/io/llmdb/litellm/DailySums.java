package io.llmdb.litellm;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What some log rows add to the daily totals. */
final class DailySums {

    /** The tables, in the order of locks, and the functions that add to them. */
    enum Book {
        SPEND("llmdb_add_daily_spend", 7),
        END_USER("llmdb_add_daily_end_user_spend", 2),
        TAG("llmdb_add_daily_tag_spend", 2),
        ERRORS("llmdb_add_daily_errors", 4);

        private final String function;
        private final int keys;

        Book(String function, int keys) {
            this.function = function;
            this.keys = keys;
        }
    }

    private record Key(LocalDate day, List<String> values) {}

    private static final class Sum {
        private BigDecimal spend = BigDecimal.ZERO;
        private long prompt;
        private long completion;
        private long requests;
        private long succeeded;
    }

    private final Map<Book, Map<Key, Sum>> sums = new EnumMap<>(Book.class);

    void add(
            Book book,
            LocalDate day,
            BigDecimal spend,
            long prompt,
            long completion,
            long requests,
            long succeeded,
            String... key) {
        Sum sum = sums.computeIfAbsent(book, any -> new HashMap<>())
                .computeIfAbsent(new Key(day, Arrays.asList(key)), any -> new Sum());
        sum.spend = sum.spend.add(spend);
        sum.prompt += prompt;
        sum.completion += completion;
        sum.requests += requests;
        sum.succeeded += succeeded;
    }

    void write(Connection connection, Sql sql) throws SQLException {
        for (Book book : Book.values()) {
            Map<Key, Sum> rows = sums.get(book);
            if (rows != null) {
                write(connection, sql, book, new ArrayList<>(rows.entrySet()));
            }
        }
        reopen(connection, sql);
    }

    /** Sums that reports read stand no longer where something was added; behind all that is added, as booking does. */
    private void reopen(Connection connection, Sql sql) throws SQLException {
        Set<LocalDate> days = new TreeSet<>();
        sums.values().forEach(rows -> rows.keySet().forEach(key -> days.add(key.day)));
        try (PreparedStatement statement = connection.prepareStatement(
                sql.of(
                        "SELECT ${llmdb}.llmdb_reopen_day(d.day) FROM unnest(?::date[]) WITH ORDINALITY d (day, n) ORDER BY d.n"))) {
            statement.setArray(
                    1,
                    connection.createArrayOf(
                            "date", days.stream().map(LocalDate::toString).toArray()));
            statement.execute();
        }
    }

    private static void write(Connection connection, Sql sql, Book book, List<Map.Entry<Key, Sum>> rows)
            throws SQLException {
        boolean errors = book == Book.ERRORS;
        String call = "SELECT ${llmdb}." + book.function + "(?::date[]" + ", ?::text[]".repeat(book.keys)
                + (errors ? ", ?::bigint[])" : ", ?::numeric[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])");
        try (PreparedStatement statement = connection.prepareStatement(sql.of(call))) {
            int at = 1;
            statement.setArray(
                    at++,
                    connection.createArrayOf(
                            "date",
                            rows.stream()
                                    .map(row -> row.getKey().day.toString())
                                    .toArray()));
            for (int key = 0; key < book.keys; key++) {
                int index = key;
                statement.setArray(
                        at++,
                        connection.createArrayOf(
                                "text",
                                rows.stream()
                                        .map(row -> row.getKey().values.get(index))
                                        .toArray()));
            }
            if (errors) {
                statement.setArray(at, numbers(connection, rows, sum -> sum.requests));
            } else {
                statement.setArray(
                        at++,
                        connection.createArrayOf(
                                "numeric",
                                rows.stream()
                                        .map(row -> row.getValue().spend.toPlainString())
                                        .toArray()));
                statement.setArray(at++, numbers(connection, rows, sum -> sum.prompt));
                statement.setArray(at++, numbers(connection, rows, sum -> sum.completion));
                statement.setArray(at++, numbers(connection, rows, sum -> sum.requests));
                statement.setArray(at, numbers(connection, rows, sum -> sum.succeeded));
            }
            statement.execute();
        }
    }

    private interface Figure {
        long of(Sum sum);
    }

    private static java.sql.Array numbers(Connection connection, List<Map.Entry<Key, Sum>> rows, Figure figure)
            throws SQLException {
        return connection.createArrayOf(
                "bigint", rows.stream().map(row -> figure.of(row.getValue())).toArray());
    }
}
