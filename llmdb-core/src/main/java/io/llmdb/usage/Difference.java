package io.llmdb.usage;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Two places in the books that should say the same and do not.
 *
 * @param kind which places
 * @param counter the counter that is wrong; null where it is none
 * @param day the UTC day; null where a counter is wrong
 * @param where for people: the counter, or the day with what the row counts, or the day with what the log rows have in
 *     common
 * @param what the column
 * @param expected what follows from the rest of the books
 * @param found what it says
 */
public record Difference(
        Kind kind,
        @Nullable CounterId counter,
        @Nullable LocalDate day,
        String where,
        String what,
        BigDecimal expected,
        BigDecimal found) {

    /** Checks for null. */
    public Difference {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(where, "where");
        Objects.requireNonNull(what, "what");
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(found, "found");
    }

    /** @return found minus expected */
    public BigDecimal difference() {
        return found.subtract(expected);
    }

    /** What is wrong. */
    public enum Kind {
        /** A counter's {@code total_spend} is not the sum of its log rows and adjustments. */
        TOTAL_SPEND,
        /** A counter's {@code spend} is not the sum of those since {@code spend_window_start}. */
        WINDOW_SPEND,
        /** A row of {@code "LLM_DailySpend"} is not the sum of the log rows of its day, or is missing. */
        DAILY_SPEND,
        /** The same of {@code "LLM_DailyEndUserSpend"}. */
        DAILY_END_USER_SPEND,
        /** The same of {@code "LLM_DailyTagSpend"}. */
        DAILY_TAG_SPEND,
        /** The failed requests of a model in {@code "LLM_DailyErrors"} are not those of {@code "LLM_DailySpend"}. */
        DAILY_ERRORS,
        /**
         * Counters and daily totals agree with each other, but not with the log: rows are missing, changed or too many.
         */
        SPEND_LOG,
        /**
         * A sum that reports read, in {@code "LLM_DailySum"} or of a day's rows in {@code "LLM_QuarterHourSum"} or
         * {@code "LLM_HourSum"}, is not that of the daily totals; a repair has it made anew.
         */
        SUM
    }

    /** @return one line for people */
    @Override
    public String toString() {
        return where + ": " + what + " is " + found.toPlainString() + ", expected " + expected.toPlainString();
    }
}
