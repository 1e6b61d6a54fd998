package io.llmdb.budgets;

/**
 * Hears of budgets. An alert is raised once in each window, on one of all instances, within about two seconds of the
 * booking that passed the mark; should that instance die in the moment between, it is not raised again but stands among
 * {@link BudgetService#alerts}. Called on a thread of the library's own: what takes long belongs elsewhere. What a
 * listener throws is logged.
 */
public interface BudgetListener {

    /**
     * A window has spent its soft budget.
     *
     * @param alert which, and how much
     */
    default void softBudgetPassed(BudgetAlert alert) {}

    /**
     * A window has spent 80 % of its maximum.
     *
     * @param alert which, and how much
     */
    default void maxBudgetNear(BudgetAlert alert) {}
}
