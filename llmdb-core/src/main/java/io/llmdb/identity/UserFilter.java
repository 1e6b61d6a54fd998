package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which users a list shows, and in which order. Conditions that are null let all through.
 *
 * @param aliasPart a part of the alias, in upper or lower case; null: any
 * @param emailPart a part of the address, in upper or lower case; null: any
 * @param role the role in the proxy; null: any
 * @param organizationId the home organization; null: any
 * @param teamId a team that the user is a member of; null: any
 * @param ssoUserId the id at the identity provider; null: any
 * @param order in which order
 */
public record UserFilter(
        @Nullable String aliasPart,
        @Nullable String emailPart,
        @Nullable String role,
        @Nullable String organizationId,
        @Nullable String teamId,
        @Nullable String ssoUserId,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By id. */
        ID,
        /** By alias; those without one first. */
        ALIAS,
        /** By address; those without one first. */
        EMAIL,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public UserFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static UserFilter all() {
        return new UserFilter(null, null, null, null, null, null, Order.ID);
    }

    /**
     * @param value a part of the alias, in upper or lower case
     * @return a copy with it
     */
    public UserFilter withAliasPart(String value) {
        return new UserFilter(value, emailPart, role, organizationId, teamId, ssoUserId, order);
    }

    /**
     * @param value a part of the address, in upper or lower case
     * @return a copy with it
     */
    public UserFilter withEmailPart(String value) {
        return new UserFilter(aliasPart, value, role, organizationId, teamId, ssoUserId, order);
    }

    /**
     * @param value the role in the proxy
     * @return a copy with it
     */
    public UserFilter withRole(String value) {
        return new UserFilter(aliasPart, emailPart, value, organizationId, teamId, ssoUserId, order);
    }

    /**
     * @param value the home organization
     * @return a copy with it
     */
    public UserFilter withOrganizationId(String value) {
        return new UserFilter(aliasPart, emailPart, role, value, teamId, ssoUserId, order);
    }

    /**
     * @param value a team that the user is a member of
     * @return a copy with it
     */
    public UserFilter withTeamId(String value) {
        return new UserFilter(aliasPart, emailPart, role, organizationId, value, ssoUserId, order);
    }

    /**
     * @param value the id at the identity provider
     * @return a copy with it
     */
    public UserFilter withSsoUserId(String value) {
        return new UserFilter(aliasPart, emailPart, role, organizationId, teamId, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public UserFilter withOrder(Order value) {
        return new UserFilter(aliasPart, emailPart, role, organizationId, teamId, ssoUserId, value);
    }
}
