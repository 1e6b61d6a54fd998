package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on a membership in a team.
 *
 * @param role what the member may do in the team
 * @param budgetId the budget row that counts for it; null: the member has no limit of its own
 * @param ownBudget set, it gets (or changes) a budget row of its own with these limits; null in what is read, where
 *     {@code budgetId} names the row
 */
public record TeamMembershipSpec(
        TeamRole role, @Nullable String budgetId, @Nullable BudgetSpec ownBudget) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, or both a budget id and an own budget are
     *     given
     */
    public TeamMembershipSpec {
        Objects.requireNonNull(role, "role");
        Arguments.optionalText("budget_id", budgetId);
        if (budgetId != null && ownBudget != null) {
            throw new InvalidArgumentException(
                    "budget_id \"" + budgetId + "\" and an own budget are given: use one of them");
        }
    }

    /**
     * @param role what the member may do in the team
     * @return a membership without limits of its own
     */
    public static TeamMembershipSpec of(TeamRole role) {
        return new TeamMembershipSpec(role, null, null);
    }

    /**
     * @param value what the member may do in the team
     * @return a copy with it
     */
    public TeamMembershipSpec withRole(TeamRole value) {
        return new TeamMembershipSpec(value, budgetId, ownBudget);
    }

    /**
     * @param value the id of an existing budget row, or null for none
     * @return a copy that links it; an own budget asked for before is forgotten
     */
    public TeamMembershipSpec withBudgetId(@Nullable String value) {
        return new TeamMembershipSpec(role, value, null);
    }

    /**
     * @param value the limits of a budget row of its own
     * @return a copy that asks for it
     */
    public TeamMembershipSpec withOwnBudget(BudgetSpec value) {
        return new TeamMembershipSpec(role, null, value);
    }

    /**
     * @param value what may be spent, in a budget row of its own
     * @return a copy that asks for it
     */
    public TeamMembershipSpec withOwnBudget(BudgetTerms value) {
        return withOwnBudget(BudgetSpec.of(value));
    }
}
