package io.llmdb.testkit;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Prints {@link Books} for people. */
final class BooksReport {

    private static final int MOST_ROWS = 60;
    private static final int LONGEST_ID = 24;

    private BooksReport() {}

    static String of(String place, Books books) {
        Books.Summary summary = books.summary();
        boolean logIsKept = summary.logIsKept();
        StringBuilder text = new StringBuilder("Books of ").append(place).append('\n');
        text.append("  log: ")
                .append(summary.logRows())
                .append(" requests, ")
                .append(summary.failedLogRows())
                .append(" failed, spend ")
                .append(money(summary.logSpend()));
        if (!logIsKept) {
            text.append("; ").append(summary.receipts()).append(" requests without a log row");
        }
        text.append("\n  daily totals: ")
                .append(summary.dailyRequests())
                .append(" requests, spend ")
                .append(money(summary.dailySpend()));
        text.append("\n  error log: ")
                .append(summary.errorRows())
                .append(" rows; dead letters: ")
                .append(summary.deadLetters());
        text.append("; deadlocks: ").append(books.deadlocks() == null ? "not counted" : books.deadlocks());
        text.append('\n');
        List<Books.Counter> rows = new ArrayList<>(books.counters());
        // Stable, so the order by scope stays within both groups.
        rows.sort((one, other) -> Boolean.compare(
                one.differences(logIsKept).isEmpty(),
                other.differences(logIsKept).isEmpty()));
        text.append(line("", "counter", "spend", "total", "log", "daily", "past", "reserved", "limit"));
        for (Books.Counter counter : rows.subList(0, Math.min(MOST_ROWS, rows.size()))) {
            boolean differs = !counter.differences(logIsKept).isEmpty();
            text.append(line(
                    differs ? "!" : "",
                    counter.name(),
                    counter.isThere() ? money(counter.spend()) : "none",
                    counter.isThere() ? money(counter.totalSpend()) : "none",
                    counter.isMain() ? money(counter.logSpend()) : "",
                    counter.isMain() ? money(counter.dailySpend()) : "",
                    money(counter.pastSpend()),
                    money(counter.reserved()),
                    money(counter.limit())));
        }
        if (rows.size() > MOST_ROWS) {
            text.append("  ... and ").append(rows.size() - MOST_ROWS).append(" more counters\n");
        }
        return text.toString();
    }

    private static String line(String mark, String name, String... amounts) {
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "  %-1s %-48s", mark, name));
        for (String amount : amounts) {
            line.append(String.format(Locale.ROOT, " %18s", amount));
        }
        return line.append('\n').toString();
    }

    static String money(@Nullable BigDecimal amount) {
        if (amount == null) {
            return "-";
        }
        return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
    }

    /** Hashes are long, and their start is enough to tell them apart. */
    static String shortened(String id) {
        return id.length() <= LONGEST_ID ? id : id.substring(0, LONGEST_ID - 3) + "...";
    }
}
