package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The UTC days that the books tell of, and whether the log still tells of each. */
final class BookDays {

    /** Reads an index from day to day instead of the whole table. */
    private static final String DAILY = """
            WITH RECURSIVE days AS (
                (SELECT day FROM ${llmdb}."${table}" ORDER BY day LIMIT 1)
                UNION ALL
                SELECT (SELECT t.day FROM ${llmdb}."${table}" t WHERE t.day > d.day ORDER BY t.day LIMIT 1) FROM days d WHERE d.day IS NOT NULL)
            SELECT day FROM days WHERE day IS NOT NULL""";

    private static final String PARTITIONS = """
            SELECT n.nspname, c.relname, (b.bounds[1]::timestamptz AT TIME ZONE 'UTC')::date,
                ((b.bounds[2]::timestamptz - interval '1 microsecond') AT TIME ZONE 'UTC')::date
            FROM pg_partition_tree('${llmdb}."LLM_SpendLogs"') t
            JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
            CROSS JOIN LATERAL (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$)) b (bounds)
            WHERE t.isleaf""";

    private static final String DAYS_OF_ONE = """
            SELECT DISTINCT ("startTime" AT TIME ZONE 'UTC')::date FROM %s""";

    private static final String RECEIPTS = """
            SELECT ("startTime" AT TIME ZONE 'UTC')::date, count(*) FROM ${llmdb}."LLM_SpendReceipt" GROUP BY 1""";

    /** Without its receipts, too, a day is known by its totals only. */
    private static final String DROPPED = """
            SELECT max((dropped_before AT TIME ZONE 'UTC')::date) FROM ${llmdb}."LLM_LogState"
            WHERE table_name IN ('LLM_SpendLogs', 'LLM_SpendReceipt') AND isfinite(dropped_before) HAVING count(*) > 0""";

    private final Map<LocalDate, Source> sources = new TreeMap<>();
    private final Set<LocalDate> stray = new HashSet<>();
    private final Map<LocalDate, Long> receipts = new HashMap<>();
    private long believed;

    /** Where the truth about a day is. */
    enum Source {
        /** Every request of the day has its log row. */
        LOG,
        /** Some requests left a receipt only; the daily totals know them. */
        LOG_AND_RECEIPTS,
        /** The log rows were dropped, or are not to be read; the daily totals stay. */
        DAILY_TOTALS
    }

    private BookDays() {}

    static BookDays read(Connection connection, Sql sql, LocalDate logFrom) throws SQLException {
        BookDays days = new BookDays();
        LocalDate firstKept = LocalDate.MAX;
        try (Statement statement = connection.createStatement()) {
            List<String> withoutBounds = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery(sql.of(PARTITIONS))) {
                while (rows.next()) {
                    LocalDate first = rows.getObject(3, LocalDate.class);
                    LocalDate last = rows.getObject(4, LocalDate.class);
                    if (first == null || last == null) {
                        withoutBounds.add(quoted(rows.getString(1)) + "." + quoted(rows.getString(2)));
                        continue;
                    }
                    firstKept = first.isBefore(firstKept) ? first : firstKept;
                    for (LocalDate day = first; !day.isAfter(last); day = day.plusDays(1)) {
                        days.sources.put(day, Source.LOG);
                    }
                }
            }
            for (String table : withoutBounds) {
                days.stray.addAll(read(statement, DAYS_OF_ONE.formatted(table)));
            }
            days.addAll(days.stray);
            for (DailyBook book : DailyBook.values()) {
                days.addAll(read(statement, sql.of(DAILY.replace("${table}", book.table()))));
            }
            try (ResultSet rows = statement.executeQuery(sql.of(RECEIPTS))) {
                while (rows.next()) {
                    LocalDate day = rows.getObject(1, LocalDate.class);
                    days.sources.put(day, Source.LOG_AND_RECEIPTS);
                    days.receipts.put(day, rows.getLong(2));
                }
            }
            days.markDropped(statement, sql, firstKept);
        }
        days.believed = days.sources.entrySet().stream()
                .filter(day -> day.getKey().isBefore(logFrom) && day.getValue() != Source.DAILY_TOTALS)
                .count();
        days.sources.replaceAll((day, source) -> day.isBefore(logFrom) ? Source.DAILY_TOTALS : source);
        return days;
    }

    /** Where others drop partitions and nobody wrote it down, it is what lies before the oldest one. */
    private void markDropped(Statement statement, Sql sql, LocalDate firstKept) throws SQLException {
        try (ResultSet rows = statement.executeQuery(sql.of(DROPPED))) {
            if (rows.next()) {
                LocalDate told = rows.getObject(1, LocalDate.class);
                sources.replaceAll((day, source) -> day.isBefore(told) ? Source.DAILY_TOTALS : source);
            } else if (!firstKept.equals(LocalDate.MAX)) {
                sources.replaceAll((day, source) ->
                        day.isBefore(firstKept) && !stray.contains(day) ? Source.DAILY_TOTALS : source);
            }
        }
    }

    private void addAll(Set<LocalDate> days) {
        days.forEach(day -> sources.putIfAbsent(day, Source.LOG));
    }

    private static Set<LocalDate> read(Statement statement, String query) throws SQLException {
        Set<LocalDate> days = new HashSet<>();
        try (ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                days.add(rows.getObject(1, LocalDate.class));
            }
        }
        return days;
    }

    private static String quoted(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
    }

    /** The days in their order. */
    Map<LocalDate, Source> sources() {
        return sources;
    }

    /** How many days have a log that is not to be read. */
    long believed() {
        return believed;
    }

    long receipts(LocalDate day) {
        return receipts.getOrDefault(day, 0L);
    }
}
