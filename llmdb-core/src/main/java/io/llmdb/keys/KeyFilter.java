package io.llmdb.keys;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which virtual keys a list shows, and in which order. Conditions that are null let all through.
 *
 * @param userId whose; null: any
 * @param teamId of which team; null: any
 * @param organizationId of which organization, named by the key itself and not by its team; null: any
 * @param aliasPart a part of the alias, in upper or lower case; null: any
 * @param blocked whether it is blocked; null: any
 * @param expired whether it has expired, by the database's clock; null: any
 * @param createdFrom made then or later; null: any
 * @param createdBefore made before then; null: any
 * @param order in which order
 */
public record KeyFilter(
        @Nullable String userId,
        @Nullable String teamId,
        @Nullable String organizationId,
        @Nullable String aliasPart,
        @Nullable Boolean blocked,
        @Nullable Boolean expired,
        @Nullable Instant createdFrom,
        @Nullable Instant createdBefore,
        Order order) {

    /** The orders of the list; equal ones are ordered by hash. */
    public enum Order {
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** By alias; those without one last. */
        ALIAS,
        /** Those that spent most in the current window first. */
        MOST_SPENT,
        /** Those that expire soonest, or did first, first; those that never do last. */
        EXPIRES
    }

    /** Checks the order. */
    public KeyFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, the newest first */
    public static KeyFilter all() {
        return new KeyFilter(null, null, null, null, null, null, null, null, Order.NEWEST);
    }

    /**
     * @param value whose
     * @return a copy with it
     */
    public KeyFilter withUserId(String value) {
        return new KeyFilter(
                value, teamId, organizationId, aliasPart, blocked, expired, createdFrom, createdBefore, order);
    }

    /**
     * @param value of which team
     * @return a copy with it
     */
    public KeyFilter withTeamId(String value) {
        return new KeyFilter(
                userId, value, organizationId, aliasPart, blocked, expired, createdFrom, createdBefore, order);
    }

    /**
     * @param value of which organization
     * @return a copy with it
     */
    public KeyFilter withOrganizationId(String value) {
        return new KeyFilter(userId, teamId, value, aliasPart, blocked, expired, createdFrom, createdBefore, order);
    }

    /**
     * @param value a part of the alias, in upper or lower case
     * @return a copy with it
     */
    public KeyFilter withAliasPart(String value) {
        return new KeyFilter(
                userId, teamId, organizationId, value, blocked, expired, createdFrom, createdBefore, order);
    }

    /**
     * @param value whether it is blocked
     * @return a copy with it
     */
    public KeyFilter withBlocked(Boolean value) {
        return new KeyFilter(
                userId, teamId, organizationId, aliasPart, value, expired, createdFrom, createdBefore, order);
    }

    /**
     * @param value whether it has expired
     * @return a copy with it
     */
    public KeyFilter withExpired(Boolean value) {
        return new KeyFilter(
                userId, teamId, organizationId, aliasPart, blocked, value, createdFrom, createdBefore, order);
    }

    /**
     * @param from made then or later; null: any
     * @param before made before then; null: any
     * @return a copy with both
     */
    public KeyFilter withCreated(@Nullable Instant from, @Nullable Instant before) {
        return new KeyFilter(userId, teamId, organizationId, aliasPart, blocked, expired, from, before, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public KeyFilter withOrder(Order value) {
        return new KeyFilter(
                userId, teamId, organizationId, aliasPart, blocked, expired, createdFrom, createdBefore, value);
    }
}
