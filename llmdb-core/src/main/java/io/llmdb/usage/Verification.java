package io.llmdb.usage;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * What a verification of the books found, as of one snapshot of a live database.
 *
 * @param at the snapshot's moment, by the database's clock
 * @param differences what does not agree, counters first; at most {@link #MAX_LISTED}
 * @param notListed how many differences there are beside those
 * @param notes what could not be checked and why, and what is worth a look without being wrong
 * @param logRows rows of {@code "LLM_SpendLogs"} that were added up
 * @param logSpend their spend
 * @param days days that have log rows or daily totals
 * @param counters counters that were checked
 * @param took how long it took
 */
public record Verification(
        Instant at,
        List<Difference> differences,
        long notListed,
        List<String> notes,
        long logRows,
        BigDecimal logSpend,
        int days,
        long counters,
        Duration took) {

    /** The most differences that are listed. */
    public static final int MAX_LISTED = 10_000;

    /** Copies the lists. */
    public Verification {
        differences = List.copyOf(differences);
        notes = List.copyOf(notes);
    }

    /** @return whether there is no difference */
    public boolean agrees() {
        return differences.isEmpty() && notListed == 0;
    }

    /** @return a table of the differences, the notes and a line with the figures, for people */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        if (!differences.isEmpty()) {
            TextTable table = new TextTable("where", "what", "expected", "found", "difference").right(2, 3, 4);
            for (Difference difference : differences) {
                BigDecimal amount = difference.difference();
                table.row(
                        difference.where(),
                        difference.what(),
                        difference.expected().toPlainString(),
                        difference.found().toPlainString(),
                        (amount.signum() > 0 ? "+" : "") + amount.toPlainString());
            }
            text.append(table);
        }
        if (notListed > 0) {
            text.append("... and ").append(notListed).append(" more differences\n");
        }
        notes.forEach(note -> text.append("Note: ").append(note).append('\n'));
        text.append(agrees() ? "The books agree: " : "The books do not agree: ")
                .append(agrees() ? "" : differences.size() + notListed + " differences; ")
                .append(logRows)
                .append(" log rows with a spend of ")
                .append(logSpend.toPlainString())
                .append(", ")
                .append(days)
                .append(" days, ")
                .append(counters)
                .append(" counters, checked in ")
                .append(took.toMillis())
                .append(" ms as of ")
                .append(at);
        return text.toString();
    }
}
