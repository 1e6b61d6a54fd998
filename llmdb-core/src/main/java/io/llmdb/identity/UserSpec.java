package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on an internal user.
 *
 * @param alias the name for people; null: none
 * @param email the address; null: none
 * @param ssoUserId the id at the identity provider, unique; null: none
 * @param organizationId the home organization; null: none
 * @param defaultTeamId {@code team_id}: a team that is preferred; makes nobody a member
 * @param role the role in the proxy, such as {@code proxy_admin} or {@code internal_user}; null: none
 * @param passwordHash {@code password}: the hash as the proxy makes it, never the password; null: none; left out of
 *     {@code toString} and the audit log
 * @param budget what the user may spend
 * @param rateLimits how often the user may call
 * @param models names of models that personal keys may call; empty: all; {@code no-default-models}: none
 * @param allowedCacheControls cache controls that calls may carry; empty: all
 * @param metadata whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all through
 */
public record UserSpec(
        @Nullable String alias,
        @Nullable String email,
        @Nullable String ssoUserId,
        @Nullable String organizationId,
        @Nullable String defaultTeamId,
        @Nullable String role,
        @Nullable String passwordHash,
        BudgetTerms budget,
        RateLimits rateLimits,
        List<String> models,
        List<String> allowedCacheControls,
        Map<String, Object> metadata) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character
     */
    public UserSpec {
        Arguments.optionalText("alias", alias);
        Arguments.optionalText("email", email);
        Arguments.optionalText("sso_user_id", ssoUserId);
        Arguments.optionalText("organization_id", organizationId);
        Arguments.optionalText("default_team_id", defaultTeamId);
        Arguments.optionalText("role", role);
        Arguments.optionalText("password_hash", passwordHash);
        Objects.requireNonNull(budget, "budget");
        Objects.requireNonNull(rateLimits, "rateLimits");
        models = Arguments.texts("models", models);
        allowedCacheControls = Arguments.texts("allowed_cache_controls", allowedCacheControls);
        metadata = Arguments.json("metadata", metadata);
    }

    /** @return a user without name and limits */
    public static UserSpec empty() {
        return new UserSpec(
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                BudgetTerms.UNLIMITED,
                RateLimits.UNLIMITED,
                List.of(),
                List.of(),
                Map.of());
    }

    /**
     * @param email the address
     * @return a user without limits
     */
    public static UserSpec of(String email) {
        return empty().withEmail(email);
    }

    /**
     * @param value the name for people; null: none
     * @return a copy with it
     */
    public UserSpec withAlias(@Nullable String value) {
        return new UserSpec(
                value,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value the address; null: none
     * @return a copy with it
     */
    public UserSpec withEmail(@Nullable String value) {
        return new UserSpec(
                alias,
                value,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value the id at the identity provider, unique; null: none
     * @return a copy with it
     */
    public UserSpec withSsoUserId(@Nullable String value) {
        return new UserSpec(
                alias,
                email,
                value,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value the home organization; null: none
     * @return a copy with it
     */
    public UserSpec withOrganizationId(@Nullable String value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                value,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value {@code team_id}: a team that is preferred; makes nobody a member
     * @return a copy with it
     */
    public UserSpec withDefaultTeamId(@Nullable String value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                value,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value the role in the proxy, such as {@code proxy_admin} or {@code internal_user}; null: none
     * @return a copy with it
     */
    public UserSpec withRole(@Nullable String value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                value,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value {@code password}: the hash as the proxy makes it, never the password; null: none; left out of
     *     {@code toString} and the audit log
     * @return a copy with it
     */
    public UserSpec withPasswordHash(@Nullable String value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                value,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value what the user may spend
     * @return a copy with it
     */
    public UserSpec withBudget(BudgetTerms value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                value,
                rateLimits,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value how often the user may call
     * @return a copy with it
     */
    public UserSpec withRateLimits(RateLimits value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                value,
                models,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value names of models that personal keys may call; empty: all; {@code no-default-models}: none
     * @return a copy with it
     */
    public UserSpec withModels(List<String> value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                value,
                allowedCacheControls,
                metadata);
    }

    /**
     * @param value cache controls that calls may carry; empty: all
     * @return a copy with it
     */
    public UserSpec withAllowedCacheControls(List<String> value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                value,
                metadata);
    }

    /**
     * @param value whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all
     *     through
     * @return a copy with it
     */
    public UserSpec withMetadata(Map<String, Object> value) {
        return new UserSpec(
                alias,
                email,
                ssoUserId,
                organizationId,
                defaultTeamId,
                role,
                passwordHash,
                budget,
                rateLimits,
                models,
                allowedCacheControls,
                value);
    }

    /** @return all parts; of a password's hash only whether there is one */
    @Override
    public String toString() {
        return "UserSpec[alias=" + alias + ", email=" + email + ", ssoUserId=" + ssoUserId + ", organizationId="
                + organizationId
                + ", defaultTeamId=" + defaultTeamId + ", role=" + role + ", passwordHash="
                + (passwordHash == null ? "null" : "***")
                + ", budget=" + budget + ", rateLimits=" + rateLimits + ", models=" + models + ", allowedCacheControls="
                + allowedCacheControls + ", metadata=" + metadata + "]";
    }
}
