package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which memberships a list shows, and in which order. Conditions that are null let all through.
 *
 * @param teamId the team; null: any
 * @param userId the user; null: any
 * @param role the role; null: any
 * @param budgetId the budget row that it links; null: any
 * @param order in which order
 */
public record TeamMembershipFilter(
        @Nullable String teamId,
        @Nullable String userId,
        @Nullable TeamRole role,
        @Nullable String budgetId,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By user, then by team. */
        ID,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public TeamMembershipFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static TeamMembershipFilter all() {
        return new TeamMembershipFilter(null, null, null, null, Order.ID);
    }

    /**
     * @param value the team
     * @return a copy with it
     */
    public TeamMembershipFilter withTeamId(String value) {
        return new TeamMembershipFilter(value, userId, role, budgetId, order);
    }

    /**
     * @param value the user
     * @return a copy with it
     */
    public TeamMembershipFilter withUserId(String value) {
        return new TeamMembershipFilter(teamId, value, role, budgetId, order);
    }

    /**
     * @param value the role
     * @return a copy with it
     */
    public TeamMembershipFilter withRole(TeamRole value) {
        return new TeamMembershipFilter(teamId, userId, value, budgetId, order);
    }

    /**
     * @param value the budget row that it links
     * @return a copy with it
     */
    public TeamMembershipFilter withBudgetId(String value) {
        return new TeamMembershipFilter(teamId, userId, role, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public TeamMembershipFilter withOrder(Order value) {
        return new TeamMembershipFilter(teamId, userId, role, budgetId, value);
    }
}
