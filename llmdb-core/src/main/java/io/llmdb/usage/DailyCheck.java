package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.usage.BookDays.Source;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Compares the daily totals with the log, day by day, and remembers what differs. */
final class DailyCheck {

    /** Where a table differs in more cells of one day, that day is not looked at cell by cell. */
    static final int MAX_CELLS = 500;

    private final Map<DailyBook, String> statements = new EnumMap<>(DailyBook.class);
    private final List<DailyCell> cells = new ArrayList<>();
    private final TreeSet<LocalDate> ruined = new TreeSet<>();
    private final TreeSet<LocalDate> withFurtherCounters = new TreeSet<>();
    private final TreeSet<LocalDate> opaque = new TreeSet<>();
    private final List<String> notes = new ArrayList<>();
    private final List<Difference> differences = new ArrayList<>();
    private long logRows;
    private BigDecimal logSpend = BigDecimal.ZERO;

    DailyCheck(Sql sql) {
        for (DailyBook book : DailyBook.values()) {
            statements.put(book, book.compare(sql));
        }
    }

    void check(Connection connection, LocalDate day, BookDays days) throws SQLException {
        Source source = days.sources().getOrDefault(day, Source.LOG);
        if (source != Source.LOG) {
            opaque.add(day);
        }
        if (source == Source.DAILY_TOTALS) {
            return;
        }
        for (DailyBook book : DailyBook.values()) {
            List<DailyCell> differing = new ArrayList<>();
            long requests = read(connection, book, day, differing);
            if (source == Source.LOG_AND_RECEIPTS) {
                if (book == DailyBook.SPEND) {
                    compareWithReceipts(day, requests, days.receipts(day));
                }
            } else {
                if (differing.size() > MAX_CELLS) {
                    ruined.add(day);
                    notes.add("In \"" + book.table() + "\" more than " + MAX_CELLS + " rows of " + day
                            + " differ from the log; only so many are listed");
                    differing.remove(differing.size() - 1);
                }
                cells.addAll(differing);
            }
        }
    }

    private long rowsOfDay;

    private long read(Connection connection, DailyBook book, LocalDate day, List<DailyCell> differing)
            throws SQLException {
        int keys = book.keys().size();
        long requests = 0;
        try (PreparedStatement statement = connection.prepareStatement(statements.get(book))) {
            statement.setObject(1, day.atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.setObject(2, day.plusDays(1).atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.setObject(3, day);
            statement.setInt(4, MAX_CELLS + 1);
            statement.setObject(5, day);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                requests = rows.getLong(keys + 4);
                if (book == DailyBook.SPEND) {
                    rowsOfDay = rows.getLong(keys + 2);
                    logRows += rowsOfDay;
                    logSpend = logSpend.add(rows.getBigDecimal(keys + 1));
                    if (rows.getInt(keys + 3) != 0) {
                        withFurtherCounters.add(day);
                    }
                }
                while (rows.next()) {
                    List<String> key = new ArrayList<>(keys);
                    for (int i = 1; i <= keys; i++) {
                        key.add(rows.getString(i));
                    }
                    differing.add(new DailyCell(
                            book, day, List.copyOf(key), Sums.read(rows, keys + 1), Sums.read(rows, keys + 7)));
                }
            }
        }
        return requests;
    }

    /** Of a request that left a receipt, only that there was one can be told. */
    private void compareWithReceipts(LocalDate day, long booked, long receipts) {
        if (booked != rowsOfDay + receipts) {
            differences.add(new Difference(
                    Difference.Kind.DAILY_SPEND,
                    null,
                    day,
                    day + " all requests, by log rows and receipts",
                    "api_requests",
                    BigDecimal.valueOf(rowsOfDay + receipts),
                    BigDecimal.valueOf(booked)));
        }
    }

    /** Cells that differ, on days that the log tells of in full. */
    List<DailyCell> cells() {
        return cells;
    }

    /** Days of which too much differs; their daily totals say nothing about counters. */
    TreeSet<LocalDate> ruined() {
        return ruined;
    }

    /** Days with log rows that count on counters beside the main ones. */
    TreeSet<LocalDate> withFurtherCounters() {
        return withFurtherCounters;
    }

    /** Days of which the log does not tell, or not all; their daily totals are what is known. */
    TreeSet<LocalDate> opaque() {
        return opaque;
    }

    List<Difference> differences() {
        return differences;
    }

    List<String> notes() {
        return notes;
    }

    long logRows() {
        return logRows;
    }

    BigDecimal logSpend() {
        return logSpend;
    }
}
