package io.llmdb.budgets;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Money as whole numbers, for arithmetic in memory: one unit is a millionth of a millionth. Amounts that are reserved
 * are rounded up, amounts that are granted down, so that rounding never lets a limit be passed; what is booked is exact
 * and never goes through here.
 */
final class Units {

    private static final int SCALE = 12;

    /** A million: beyond this, a single request's cost is a mistake, and slices are granted in several steps. */
    static final long MAX = 1_000_000L * 1_000_000_000_000L;

    private Units() {}

    static long up(String name, BigDecimal amount) {
        BigDecimal units = amount.movePointRight(SCALE).setScale(0, RoundingMode.CEILING);
        if (units.compareTo(BigDecimal.valueOf(MAX)) > 0) {
            throw new InvalidArgumentException(
                    name + " " + amount + " is more than a million; one request cannot cost that");
        }
        return units.longValueExact();
    }

    /** What fits into a slice; never more than there is. */
    static long down(BigDecimal amount) {
        return amount.movePointRight(SCALE)
                .setScale(0, RoundingMode.FLOOR)
                .min(BigDecimal.valueOf(MAX))
                .longValueExact();
    }

    /** A sum that does not overflow, nor ask for more than {@link #MAX}. */
    static long plus(long one, long other) {
        return Math.min(MAX, one + other);
    }

    static BigDecimal money(long units) {
        return BigDecimal.valueOf(units, SCALE);
    }
}
