package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/** Rules for amounts of money, which are {@link BigDecimal}s in the proxy's currency throughout. */
public final class Money {

    /** PostgreSQL keeps 131072 digits before the point; no sum of money needs more than these. */
    private static final int MAX_DIGITS_BEFORE_POINT = 30;

    private static final int MAX_SCALE = 60;

    private Money() {}

    /**
     * Lets an amount pass that may be stored.
     *
     * @param name the argument's name, for the message
     * @param amount the amount, or null
     * @return the same amount
     * @throws InvalidArgumentException where it is negative, or has more than 30 digits before the point or 60 behind
     *     it
     */
    public static @Nullable BigDecimal checkOptional(String name, @Nullable BigDecimal amount) {
        return amount == null ? null : check(name, amount);
    }

    /**
     * Lets an amount pass that may be stored.
     *
     * @param name the argument's name, for the message
     * @param amount the amount
     * @return the same amount
     * @throws InvalidArgumentException where it is negative, or has more than 30 digits before the point or 60 behind
     *     it
     */
    public static BigDecimal check(String name, BigDecimal amount) {
        if (amount.signum() < 0) {
            throw new InvalidArgumentException(name + " " + amount + " is negative");
        }
        if (amount.precision() - amount.scale() > MAX_DIGITS_BEFORE_POINT || amount.scale() > MAX_SCALE) {
            throw new InvalidArgumentException(name + " has more than " + MAX_DIGITS_BEFORE_POINT
                    + " digits before the point or " + MAX_SCALE + " behind it: " + amount.toEngineeringString());
        }
        return amount;
    }
}
