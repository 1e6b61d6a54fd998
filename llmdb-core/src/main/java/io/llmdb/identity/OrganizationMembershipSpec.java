package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on a membership in an organization.
 *
 * @param role the role in the organization, such as {@code org_admin}; null: none
 * @param budgetId the budget row that counts for it; null: the member has no limit of its own
 * @param ownBudget set, it gets (or changes) a budget row of its own with these limits; null in what is read, where
 *     {@code budgetId} names the row
 */
public record OrganizationMembershipSpec(
        @Nullable String role,
        @Nullable String budgetId,
        @Nullable BudgetSpec ownBudget) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, or both a budget id and an own budget are
     *     given
     */
    public OrganizationMembershipSpec {
        Arguments.optionalText("role", role);
        Arguments.optionalText("budget_id", budgetId);
        if (budgetId != null && ownBudget != null) {
            throw new InvalidArgumentException(
                    "budget_id \"" + budgetId + "\" and an own budget are given: use one of them");
        }
    }

    /**
     * @param role the role in the organization; null: none
     * @return a membership without limits of its own
     */
    public static OrganizationMembershipSpec of(@Nullable String role) {
        return new OrganizationMembershipSpec(role, null, null);
    }

    /**
     * @param value the role in the organization, such as {@code org_admin}; null: none
     * @return a copy with it
     */
    public OrganizationMembershipSpec withRole(@Nullable String value) {
        return new OrganizationMembershipSpec(value, budgetId, ownBudget);
    }

    /**
     * @param value the id of an existing budget row, or null for none
     * @return a copy that links it; an own budget asked for before is forgotten
     */
    public OrganizationMembershipSpec withBudgetId(@Nullable String value) {
        return new OrganizationMembershipSpec(role, value, null);
    }

    /**
     * @param value the limits of a budget row of its own
     * @return a copy that asks for it
     */
    public OrganizationMembershipSpec withOwnBudget(BudgetSpec value) {
        return new OrganizationMembershipSpec(role, null, value);
    }

    /**
     * @param value what may be spent, in a budget row of its own
     * @return a copy that asks for it
     */
    public OrganizationMembershipSpec withOwnBudget(BudgetTerms value) {
        return withOwnBudget(BudgetSpec.of(value));
    }
}
