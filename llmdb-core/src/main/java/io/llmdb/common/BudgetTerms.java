package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What may be spent, as it is written on a key, a team, a user or a budget row.
 *
 * @param maxBudget what a window may spend; null is unlimited, 0 blocks everything that costs something
 * @param softBudget crossing it raises an event and never blocks; null: none
 * @param duration the length of a window; null: one window for ever
 * @param furtherLimits more windows on the same spend at once, say 5 a day beside 100 a month; each has its own length
 * @param modelLimits model → what may be spent on it; looked up by the name as sent, then without its provider prefix
 * @param temporaryIncrease added to {@code maxBudget} until {@code temporaryIncreaseUntil}; null: none
 * @param temporaryIncreaseUntil the end of the increase; null exactly where there is none
 */
public record BudgetTerms(
        @Nullable BigDecimal maxBudget,
        @Nullable BigDecimal softBudget,
        @Nullable BudgetDuration duration,
        List<BudgetLimit> furtherLimits,
        Map<String, BudgetLimit> modelLimits,
        @Nullable BigDecimal temporaryIncrease,
        @Nullable Instant temporaryIncreaseUntil) {

    /** No limit at all. */
    public static final BudgetTerms UNLIMITED = new BudgetTerms(null, null, null, List.of(), Map.of(), null, null);

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where an amount is negative, two further limits have one length, or half an
     *     increase is given
     */
    public BudgetTerms {
        Money.checkOptional("max_budget", maxBudget);
        Money.checkOptional("soft_budget", softBudget);
        Money.checkOptional("temp_budget_increase", temporaryIncrease);
        furtherLimits = List.copyOf(furtherLimits);
        modelLimits = Map.copyOf(modelLimits);
        if ((temporaryIncrease == null) != (temporaryIncreaseUntil == null)) {
            throw new InvalidArgumentException(
                    "temp_budget_increase and temp_budget_expiry are given together or not at all");
        }
        if (!furtherLimits.isEmpty() && !haveLengthsOfTheirOwn(furtherLimits)) {
            throw new InvalidArgumentException(
                    "budget_limits " + furtherLimits + ": every entry needs a budget_duration of its own");
        }
    }

    private static boolean haveLengthsOfTheirOwn(List<BudgetLimit> limits) {
        return limits.stream().allMatch(limit -> limit.duration() != null)
                && limits.stream().map(BudgetLimit::duration).distinct().count() == limits.size();
    }

    /**
     * @param maxBudget what may be spent, as a decimal number
     * @return terms with this maximum, for ever
     */
    public static BudgetTerms of(String maxBudget) {
        return UNLIMITED.withMaxBudget(new BigDecimal(maxBudget));
    }

    /**
     * @param maxBudget what a window may spend, as a decimal number
     * @param duration the length of a window, such as {@code 1mo}
     * @return terms with this maximum in each window
     * @throws InvalidArgumentException where one of them is none
     */
    public static BudgetTerms of(String maxBudget, String duration) {
        return of(maxBudget).withDuration(BudgetDuration.parse("budget_duration", duration));
    }

    /**
     * @param value the new maximum, or null for unlimited
     * @return a copy with it
     */
    public BudgetTerms withMaxBudget(@Nullable BigDecimal value) {
        return new BudgetTerms(
                value, softBudget, duration, furtherLimits, modelLimits, temporaryIncrease, temporaryIncreaseUntil);
    }

    /**
     * @param value the new soft budget, or null for none
     * @return a copy with it
     */
    public BudgetTerms withSoftBudget(@Nullable BigDecimal value) {
        return new BudgetTerms(
                maxBudget, value, duration, furtherLimits, modelLimits, temporaryIncrease, temporaryIncreaseUntil);
    }

    /**
     * @param value the new length of a window, or null for one window for ever
     * @return a copy with it
     */
    public BudgetTerms withDuration(@Nullable BudgetDuration value) {
        return new BudgetTerms(
                maxBudget, softBudget, value, furtherLimits, modelLimits, temporaryIncrease, temporaryIncreaseUntil);
    }

    /**
     * @param values the new further limits
     * @return a copy with them
     */
    public BudgetTerms withFurtherLimits(List<BudgetLimit> values) {
        return new BudgetTerms(
                maxBudget, softBudget, duration, values, modelLimits, temporaryIncrease, temporaryIncreaseUntil);
    }

    /**
     * @param values the new limits by model
     * @return a copy with them
     */
    public BudgetTerms withModelLimits(Map<String, BudgetLimit> values) {
        return new BudgetTerms(
                maxBudget, softBudget, duration, furtherLimits, values, temporaryIncrease, temporaryIncreaseUntil);
    }

    /**
     * @param increase what is added to the maximum for a time
     * @param until the end of that time
     * @return a copy with it
     */
    public BudgetTerms withTemporaryIncrease(BigDecimal increase, Instant until) {
        return new BudgetTerms(
                maxBudget,
                softBudget,
                duration,
                furtherLimits,
                modelLimits,
                Objects.requireNonNull(increase, "increase"),
                Objects.requireNonNull(until, "until"));
    }

    /** @return a copy without a temporary increase */
    public BudgetTerms withoutTemporaryIncrease() {
        return new BudgetTerms(maxBudget, softBudget, duration, furtherLimits, modelLimits, null, null);
    }
}
