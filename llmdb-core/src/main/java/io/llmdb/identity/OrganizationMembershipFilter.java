package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which memberships a list shows, and in which order. Conditions that are null let all through.
 *
 * @param organizationId the organization; null: any
 * @param userId the user; null: any
 * @param role the role; null: any
 * @param budgetId the budget row that it links; null: any
 * @param order in which order
 */
public record OrganizationMembershipFilter(
        @Nullable String organizationId,
        @Nullable String userId,
        @Nullable String role,
        @Nullable String budgetId,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By user, then by organization. */
        ID,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public OrganizationMembershipFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static OrganizationMembershipFilter all() {
        return new OrganizationMembershipFilter(null, null, null, null, Order.ID);
    }

    /**
     * @param value the organization
     * @return a copy with it
     */
    public OrganizationMembershipFilter withOrganizationId(String value) {
        return new OrganizationMembershipFilter(value, userId, role, budgetId, order);
    }

    /**
     * @param value the user
     * @return a copy with it
     */
    public OrganizationMembershipFilter withUserId(String value) {
        return new OrganizationMembershipFilter(organizationId, value, role, budgetId, order);
    }

    /**
     * @param value the role
     * @return a copy with it
     */
    public OrganizationMembershipFilter withRole(String value) {
        return new OrganizationMembershipFilter(organizationId, userId, value, budgetId, order);
    }

    /**
     * @param value the budget row that it links
     * @return a copy with it
     */
    public OrganizationMembershipFilter withBudgetId(String value) {
        return new OrganizationMembershipFilter(organizationId, userId, role, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public OrganizationMembershipFilter withOrder(Order value) {
        return new OrganizationMembershipFilter(organizationId, userId, role, budgetId, value);
    }
}
