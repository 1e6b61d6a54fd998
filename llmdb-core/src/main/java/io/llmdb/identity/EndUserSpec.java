package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on an end user: a customer of the proxy's callers, known by the id that they send.
 *
 * @param alias the name for people; null: none
 * @param allowedModelRegion the region that models must be in, such as {@code eu}; null: any
 * @param defaultModel the model for calls that name none; null: none
 * @param blocked whether every call for it is refused
 * @param budgetId the budget row that counts for it; null: none; the configured default tier counts
 * @param ownBudget set, it gets (or changes) a budget row of its own with these limits; null in what is read, where
 *     {@code budgetId} names the row
 */
public record EndUserSpec(
        @Nullable String alias,
        @Nullable String allowedModelRegion,
        @Nullable String defaultModel,
        boolean blocked,
        @Nullable String budgetId,
        @Nullable BudgetSpec ownBudget) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, or both a budget id and an own budget are
     *     given
     */
    public EndUserSpec {
        Arguments.optionalText("alias", alias);
        Arguments.optionalText("allowed_model_region", allowedModelRegion);
        Arguments.optionalText("default_model", defaultModel);
        Arguments.optionalText("budget_id", budgetId);
        if (budgetId != null && ownBudget != null) {
            throw new InvalidArgumentException(
                    "budget_id \"" + budgetId + "\" and an own budget are given: use one of them");
        }
    }

    /** @return an end user without limits */
    public static EndUserSpec empty() {
        return new EndUserSpec(null, null, null, false, null, null);
    }

    /**
     * @param value the name for people; null: none
     * @return a copy with it
     */
    public EndUserSpec withAlias(@Nullable String value) {
        return new EndUserSpec(value, allowedModelRegion, defaultModel, blocked, budgetId, ownBudget);
    }

    /**
     * @param value the region that models must be in, such as {@code eu}; null: any
     * @return a copy with it
     */
    public EndUserSpec withAllowedModelRegion(@Nullable String value) {
        return new EndUserSpec(alias, value, defaultModel, blocked, budgetId, ownBudget);
    }

    /**
     * @param value the model for calls that name none; null: none
     * @return a copy with it
     */
    public EndUserSpec withDefaultModel(@Nullable String value) {
        return new EndUserSpec(alias, allowedModelRegion, value, blocked, budgetId, ownBudget);
    }

    /**
     * @param value whether every call for it is refused
     * @return a copy with it
     */
    public EndUserSpec withBlocked(boolean value) {
        return new EndUserSpec(alias, allowedModelRegion, defaultModel, value, budgetId, ownBudget);
    }

    /**
     * @param value the id of an existing budget row, or null for none
     * @return a copy that links it; an own budget asked for before is forgotten
     */
    public EndUserSpec withBudgetId(@Nullable String value) {
        return new EndUserSpec(alias, allowedModelRegion, defaultModel, blocked, value, null);
    }

    /**
     * @param value the limits of a budget row of its own
     * @return a copy that asks for it
     */
    public EndUserSpec withOwnBudget(BudgetSpec value) {
        return new EndUserSpec(alias, allowedModelRegion, defaultModel, blocked, null, value);
    }

    /**
     * @param value what may be spent, in a budget row of its own
     * @return a copy that asks for it
     */
    public EndUserSpec withOwnBudget(BudgetTerms value) {
        return withOwnBudget(BudgetSpec.of(value));
    }
}
