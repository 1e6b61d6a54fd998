package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A length of time as budgets, keys and rotations name it: {@code 30s 15m 12h 7d 2w 1mo}.
 *
 * <p>The whole text must parse; zero, negative, overflowing or trailing text is refused.
 *
 * @param amount how many units, at least 1
 * @param unit the unit
 */
public record BudgetDuration(long amount, Unit unit) {

    /** The units, by the letters that stand behind the number. */
    public enum Unit {
        /** {@code s} */
        SECOND("s", 1),
        /** {@code m} */
        MINUTE("m", 60),
        /** {@code h} */
        HOUR("h", 3_600),
        /** {@code d} */
        DAY("d", 86_400),
        /** {@code w} */
        WEEK("w", 604_800),
        /** {@code mo}: a month of the calendar; its length in seconds depends on where it starts. */
        MONTH("mo", 0);

        private final String suffix;
        private final long seconds;

        Unit(String suffix, long seconds) {
            this.suffix = suffix;
            this.seconds = seconds;
        }
    }

    /** Longer ones are refused: they are mistakes, and PostgreSQL's time stamps end somewhere. */
    private static final long MAX_SECONDS = 1_000L * 366 * 86_400;

    private static final Pattern FORM = Pattern.compile("([0-9]{1,12})(mo|s|m|h|d|w)");

    /**
     * Checks the amount.
     *
     * @throws InvalidArgumentException where it is less than 1 or longer than a thousand years
     */
    public BudgetDuration {
        if (amount < 1) {
            throw new InvalidArgumentException(
                    "duration " + amount + unit.suffix + ": must be at least 1" + unit.suffix);
        }
        long most = unit == Unit.MONTH ? 12_000 : MAX_SECONDS / unit.seconds;
        if (amount > most) {
            throw new InvalidArgumentException("duration " + amount + unit.suffix + ": longer than a thousand years");
        }
    }

    /**
     * Reads a duration.
     *
     * @param name what the duration is, for the message; for example {@code budget_duration}
     * @param text a number of at least 1 and a unit
     * @return the duration
     * @throws InvalidArgumentException where the text is none
     */
    public static BudgetDuration parse(String name, String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new InvalidArgumentException(name + " \"" + text
                    + "\" is no duration: use a number and s, m, h, d, w or mo, such as 30s, 12h, 7d or 1mo");
        }
        try {
            return new BudgetDuration(Long.parseLong(matcher.group(1)), unit(matcher.group(2)));
        } catch (InvalidArgumentException e) {
            throw new InvalidArgumentException(name + " \"" + text + "\": " + e.getMessage(), e);
        }
    }

    /**
     * Reads a duration that may be absent.
     *
     * @param name what the duration is, for the message
     * @param text a duration; null, empty, {@code none} and {@code null} mean that there is none
     * @return the duration, or null
     * @throws InvalidArgumentException where the text is something else
     */
    public static @Nullable BudgetDuration parseOptional(String name, @Nullable String text) {
        if (text == null || text.isBlank()) {
            return null;
        }
        String lower = text.toLowerCase(Locale.ROOT);
        return lower.equals("none") || lower.equals("null") ? null : parse(name, text);
    }

    /**
     * The instant that lies this long after another one. Months end on the same day of the month, or on its last one
     * where it is shorter, in UTC; all else is exact.
     *
     * @param start the start
     * @return the end
     */
    public Instant after(Instant start) {
        return unit == Unit.MONTH
                ? start.atOffset(ZoneOffset.UTC).plusMonths(amount).toInstant()
                : start.plusSeconds(amount * unit.seconds);
    }

    /**
     * The instant that lies this long before another one; the counterpart of {@link #after}.
     *
     * @param end the end
     * @return the start
     */
    public Instant before(Instant end) {
        return unit == Unit.MONTH
                ? end.atOffset(ZoneOffset.UTC).minusMonths(amount).toInstant()
                : end.minusSeconds(amount * unit.seconds);
    }

    /**
     * The length in seconds.
     *
     * @return seconds; a month counts 31 days
     */
    public long toSecondsAtMost() {
        return unit == Unit.MONTH ? amount * 31 * 86_400 : amount * unit.seconds;
    }

    /**
     * The text that {@link #parse} reads.
     *
     * @return for example {@code 7d}
     */
    @Override
    public String toString() {
        return amount + unit.suffix;
    }

    private static Unit unit(String suffix) {
        for (Unit unit : Unit.values()) {
            if (unit.suffix.equals(suffix)) {
                return unit;
            }
        }
        throw new IllegalArgumentException(suffix);
    }
}
