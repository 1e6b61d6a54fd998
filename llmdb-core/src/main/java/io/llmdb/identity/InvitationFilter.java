package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which invitations a list shows, and in which order. Conditions that are null let all through.
 *
 * @param userId the user who is invited; null: any
 * @param accepted whether it was used; null: any
 * @param expired whether its time is over; null: any
 * @param order in which order
 */
public record InvitationFilter(
        @Nullable String userId,
        @Nullable Boolean accepted,
        @Nullable Boolean expired,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that end first. */
        EXPIRY
    }

    /** Checks the order. */
    public InvitationFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order NEWEST */
    public static InvitationFilter all() {
        return new InvitationFilter(null, null, null, Order.NEWEST);
    }

    /**
     * @param value the user who is invited
     * @return a copy with it
     */
    public InvitationFilter withUserId(String value) {
        return new InvitationFilter(value, accepted, expired, order);
    }

    /**
     * @param value whether it was used
     * @return a copy with it
     */
    public InvitationFilter withAccepted(Boolean value) {
        return new InvitationFilter(userId, value, expired, order);
    }

    /**
     * @param value whether its time is over
     * @return a copy with it
     */
    public InvitationFilter withExpired(Boolean value) {
        return new InvitationFilter(userId, accepted, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public InvitationFilter withOrder(Order value) {
        return new InvitationFilter(userId, accepted, expired, value);
    }
}
