package io.llmdb.settings;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lengths of time that need no calendar; beside the units of {@link BudgetDuration} there are milliseconds. A month
 * counts 31 days.
 */
final class Durations {

    private static final Pattern MILLISECONDS = Pattern.compile("([0-9]{1,12})ms");

    private static final Pattern BARE_SECONDS = Pattern.compile("[0-9]{1,12}(\\.[0-9]{1,3})?");

    private static final Pattern ZERO = Pattern.compile("0+[a-z]{1,2}");

    private Durations() {}

    static Duration parse(String text, boolean bareSeconds, String allowed) throws BadValue {
        Matcher milliseconds = MILLISECONDS.matcher(text);
        if (milliseconds.matches()) {
            return Duration.ofMillis(Long.parseLong(milliseconds.group(1)));
        }
        if (BARE_SECONDS.matcher(text).matches()) {
            if (bareSeconds) {
                return Duration.ofMillis(new BigDecimal(text).movePointRight(3).longValueExact());
            }
            throw new BadValue("has no unit; must be " + allowed);
        }
        if (ZERO.matcher(text).matches()) {
            // Where 0 is allowed, the range says so; a budget's duration never is.
            return Duration.ZERO;
        }
        try {
            return Duration.ofSeconds(BudgetDuration.parse("", text).toSecondsAtMost());
        } catch (InvalidArgumentException e) {
            throw new BadValue("must be " + allowed);
        }
    }

    static String format(Duration duration) {
        long millis = duration.toMillis();
        if (millis == 0 && !duration.isZero()) {
            return duration.toString();
        }
        if (millis % 1000 != 0) {
            return millis + "ms";
        }
        long seconds = millis / 1000;
        if (seconds == 0 || seconds % 60 != 0) {
            return seconds + "s";
        }
        if (seconds % 3_600 != 0) {
            return seconds / 60 + "m";
        }
        return seconds % 86_400 != 0 ? seconds / 3_600 + "h" : seconds / 86_400 + "d";
    }
}
