package io.llmdb.budgets;

import io.llmdb.common.BudgetDuration;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * What the settings say of budgets.
 *
 * @param proxyMaxBudget the whole proxy's budget; null: unlimited
 * @param proxySoftBudget when the whole proxy has spent this in a window an event is raised; null: none
 * @param proxyDuration its window; null: for ever
 * @param defaultEndUserBudgetId the budget row of end users that have none of their own; null: none
 * @param countUserBudgetOnTeamKeys whether a user's own budget applies to team keys too
 * @param unknownPrice what happens to a request without an estimate
 * @param fixedPrice what is reserved for it where the price is fixed; else null
 * @param allowWhenUnavailable whether requests pass while the database cannot be reached
 */
public record BudgetRules(
        @Nullable BigDecimal proxyMaxBudget,
        @Nullable BigDecimal proxySoftBudget,
        @Nullable BudgetDuration proxyDuration,
        @Nullable String defaultEndUserBudgetId,
        boolean countUserBudgetOnTeamKeys,
        UnknownPrice unknownPrice,
        @Nullable BigDecimal fixedPrice,
        boolean allowWhenUnavailable) {

    /** No budget of the whole proxy and no default tier; unknown prices and an unreachable database refuse. */
    public static final BudgetRules NONE =
            new BudgetRules(null, null, null, null, false, UnknownPrice.REFUSE, null, false);
}
