package io.llmdb.usage;

import java.time.LocalDate;
import java.util.List;

/**
 * A row of daily totals that is not what the log rows of its day add up to.
 *
 * @param book the table
 * @param day the UTC day
 * @param key the values of the table's other key columns
 * @param log what the log rows add up to
 * @param booked what the row says; zeros where there is none
 */
record DailyCell(DailyBook book, LocalDate day, List<String> key, Sums log, Sums booked) {

    /** What the log has more than the row. */
    Sums missing() {
        return log.minus(booked);
    }

    String model() {
        return key.get(book.keys().indexOf("model"));
    }

    String keyOf(String column) {
        return key.get(book.keys().indexOf(column));
    }
}
