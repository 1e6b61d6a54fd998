package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which organizations a list shows, and in which order. Conditions that are null let all through.
 *
 * @param aliasPart a part of the alias, in upper or lower case; null: any
 * @param budgetId the budget row that it links; null: any
 * @param memberUserId a user who is a member; null: any
 * @param order in which order
 */
public record OrganizationFilter(
        @Nullable String aliasPart,
        @Nullable String budgetId,
        @Nullable String memberUserId,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By id. */
        ID,
        /** By alias; those without one first. */
        ALIAS,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public OrganizationFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static OrganizationFilter all() {
        return new OrganizationFilter(null, null, null, Order.ID);
    }

    /**
     * @param value a part of the alias, in upper or lower case
     * @return a copy with it
     */
    public OrganizationFilter withAliasPart(String value) {
        return new OrganizationFilter(value, budgetId, memberUserId, order);
    }

    /**
     * @param value the budget row that it links
     * @return a copy with it
     */
    public OrganizationFilter withBudgetId(String value) {
        return new OrganizationFilter(aliasPart, value, memberUserId, order);
    }

    /**
     * @param value a user who is a member
     * @return a copy with it
     */
    public OrganizationFilter withMemberUserId(String value) {
        return new OrganizationFilter(aliasPart, budgetId, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public OrganizationFilter withOrder(Order value) {
        return new OrganizationFilter(aliasPart, budgetId, memberUserId, value);
    }
}
