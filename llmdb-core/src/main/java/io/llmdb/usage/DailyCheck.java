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
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Compares the daily totals with the log, day by day, and remembers what differs. */
final class DailyCheck {

    /** Where a table differs in more cells of one day, that day is not looked at cell by cell. */
    static final int MAX_CELLS = 500;

    private final Map<DailyBook, String> statements = new EnumMap<>(DailyBook.class);
    private final List<DailyCell> cells = new ArrayList<>();
    private final TreeMap<LocalDate, RuinedDay> ruined = new TreeMap<>();
    private final TreeSet<LocalDate> withFurtherCounters = new TreeSet<>();
    private final TreeSet<LocalDate> opaque = new TreeSet<>();
    private final List<String> notes = new ArrayList<>();
    private final List<Difference> differences = new ArrayList<>();
    private long rowsOfDay;
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
        List<DailyCell> ofDay = new ArrayList<>();
        long booked = 0;
        boolean tooMany = false;
        for (DailyBook book : DailyBook.values()) {
            List<DailyCell> differing = new ArrayList<>();
            long requests = read(connection, book, day, MAX_CELLS + 1, differing);
            if (book == DailyBook.SPEND) {
                booked = requests;
            }
            tooMany |= differing.size() > MAX_CELLS;
            ofDay.addAll(differing);
        }
        if (source == Source.LOG_AND_RECEIPTS) {
            compareWithReceipts(day, booked, days.receipts(day));
        } else if (tooMany) {
            ruined.put(day, new RuinedDay(booked, rowsOfDay, ofDay));
        } else {
            cells.addAll(ofDay);
        }
    }

    /** Decides that on days on which very much differs the log is wrong, so that the daily totals are what is known. */
    void blameLogForRuined() {
        ruined.forEach((day, found) -> {
            differences.add(new Difference(
                    Difference.Kind.SPEND_LOG,
                    null,
                    day,
                    "log rows of " + day,
                    "api_requests",
                    BigDecimal.valueOf(found.booked),
                    BigDecimal.valueOf(found.logged)));
            opaque.add(day);
        });
        ruined.clear();
    }

    /** Decides that on days on which very much differs the daily totals are wrong. */
    void blameTotalsForRuined() {
        ruined.forEach((day, found) -> {
            found.cells.forEach(
                    cell -> differences.add(cell.difference(cell.book().kind(), cell.log(), cell.booked())));
            notes.add("On " + day + " more than " + MAX_CELLS
                    + " rows of daily totals differ from the log; only so many of a table are listed");
        });
    }

    private record RuinedDay(long booked, long logged, List<DailyCell> cells) {}

    /** All cells of a day in which a table differs from the log now. */
    List<DailyCell> differing(Connection connection, DailyBook book, LocalDate day) throws SQLException {
        List<DailyCell> differing = new ArrayList<>();
        read(connection, book, day, Integer.MAX_VALUE, differing);
        return differing;
    }

    /** @return the requests that the table counts */
    private long read(Connection connection, DailyBook book, LocalDate day, int limit, List<DailyCell> differing)
            throws SQLException {
        int keys = book.keys().size();
        long requests = 0;
        try (PreparedStatement statement = connection.prepareStatement(statements.get(book))) {
            statement.setObject(1, day.atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.setObject(2, day.plusDays(1).atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.setObject(3, day);
            statement.setInt(4, limit);
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

    /** Cells that differ, on days that the log tells of in full and of which not too much differs. */
    List<DailyCell> cells() {
        return cells;
    }

    /** Days of which too much differs to look at it cell by cell. */
    SortedSet<LocalDate> ruined() {
        return ruined.navigableKeySet();
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
