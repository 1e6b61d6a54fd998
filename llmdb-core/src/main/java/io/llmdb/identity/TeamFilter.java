package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which teams a list shows, and in which order. Conditions that are null let all through.
 *
 * @param aliasPart a part of the alias, in upper or lower case; null: any
 * @param organizationId the organization that it belongs to; null: any
 * @param memberUserId a user who is a member; null: any
 * @param blocked whether it is blocked; null: any
 * @param order in which order
 */
public record TeamFilter(
        @Nullable String aliasPart,
        @Nullable String organizationId,
        @Nullable String memberUserId,
        @Nullable Boolean blocked,
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
    public TeamFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static TeamFilter all() {
        return new TeamFilter(null, null, null, null, Order.ID);
    }

    /**
     * @param value a part of the alias, in upper or lower case
     * @return a copy with it
     */
    public TeamFilter withAliasPart(String value) {
        return new TeamFilter(value, organizationId, memberUserId, blocked, order);
    }

    /**
     * @param value the organization that it belongs to
     * @return a copy with it
     */
    public TeamFilter withOrganizationId(String value) {
        return new TeamFilter(aliasPart, value, memberUserId, blocked, order);
    }

    /**
     * @param value a user who is a member
     * @return a copy with it
     */
    public TeamFilter withMemberUserId(String value) {
        return new TeamFilter(aliasPart, organizationId, value, blocked, order);
    }

    /**
     * @param value whether it is blocked
     * @return a copy with it
     */
    public TeamFilter withBlocked(Boolean value) {
        return new TeamFilter(aliasPart, organizationId, memberUserId, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public TeamFilter withOrder(Order value) {
        return new TeamFilter(aliasPart, organizationId, memberUserId, blocked, value);
    }
}
