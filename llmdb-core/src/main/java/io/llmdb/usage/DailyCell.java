package io.llmdb.usage;

import java.math.BigDecimal;
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

    /** Tells of the first column that differs; the others follow in words. */
    Difference difference(Difference.Kind kind, Sums expected, Sums found) {
        StringBuilder where = new StringBuilder();
        if (kind == Difference.Kind.SPEND_LOG) {
            where.append("log rows of ");
        } else if (found.sameAs(Sums.NONE)) {
            where.append("missing row of ");
        }
        where.append(book.words(this));
        List<BigDecimal> expectedValues = expected.values();
        List<BigDecimal> foundValues = found.values();
        int first = -1;
        for (int i = 0; i < expectedValues.size(); i++) {
            if (expectedValues.get(i).compareTo(foundValues.get(i)) == 0) {
                continue;
            }
            if (first < 0) {
                first = i;
                continue;
            }
            where.append(", ")
                    .append(Sums.COLUMNS.get(i))
                    .append(' ')
                    .append(foundValues.get(i).toPlainString())
                    .append(" instead of ")
                    .append(expectedValues.get(i).toPlainString());
        }
        return new Difference(
                kind,
                null,
                day,
                where.toString(),
                Sums.COLUMNS.get(first),
                expectedValues.get(first),
                foundValues.get(first));
    }
}
