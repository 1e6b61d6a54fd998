package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
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
        return new Draft().build();
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
        return with(draft -> draft.alias = value);
    }

    /**
     * @param value the address; null: none
     * @return a copy with it
     */
    public UserSpec withEmail(@Nullable String value) {
        return with(draft -> draft.email = value);
    }

    /**
     * @param value the id at the identity provider, unique; null: none
     * @return a copy with it
     */
    public UserSpec withSsoUserId(@Nullable String value) {
        return with(draft -> draft.ssoUserId = value);
    }

    /**
     * @param value the home organization; null: none
     * @return a copy with it
     */
    public UserSpec withOrganizationId(@Nullable String value) {
        return with(draft -> draft.organizationId = value);
    }

    /**
     * @param value {@code team_id}: a team that is preferred; makes nobody a member
     * @return a copy with it
     */
    public UserSpec withDefaultTeamId(@Nullable String value) {
        return with(draft -> draft.defaultTeamId = value);
    }

    /**
     * @param value the role in the proxy, such as {@code proxy_admin} or {@code internal_user}; null: none
     * @return a copy with it
     */
    public UserSpec withRole(@Nullable String value) {
        return with(draft -> draft.role = value);
    }

    /**
     * @param value {@code password}: the hash as the proxy makes it, never the password; null: none; left out of
     *     {@code toString} and the audit log
     * @return a copy with it
     */
    public UserSpec withPasswordHash(@Nullable String value) {
        return with(draft -> draft.passwordHash = value);
    }

    /**
     * @param value what the user may spend
     * @return a copy with it
     */
    public UserSpec withBudget(BudgetTerms value) {
        return with(draft -> draft.budget = value);
    }

    /**
     * @param value how often the user may call
     * @return a copy with it
     */
    public UserSpec withRateLimits(RateLimits value) {
        return with(draft -> draft.rateLimits = value);
    }

    /**
     * @param value names of models that personal keys may call; empty: all; {@code no-default-models}: none
     * @return a copy with it
     */
    public UserSpec withModels(List<String> value) {
        return with(draft -> draft.models = value);
    }

    /**
     * @param value cache controls that calls may carry; empty: all
     * @return a copy with it
     */
    public UserSpec withAllowedCacheControls(List<String> value) {
        return with(draft -> draft.allowedCacheControls = value);
    }

    /**
     * @param value whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all
     *     through
     * @return a copy with it
     */
    public UserSpec withMetadata(Map<String, Object> value) {
        return with(draft -> draft.metadata = value);
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

    private UserSpec with(Consumer<Draft> change) {
        Draft draft = new Draft();
        draft.alias = alias;
        draft.email = email;
        draft.ssoUserId = ssoUserId;
        draft.organizationId = organizationId;
        draft.defaultTeamId = defaultTeamId;
        draft.role = role;
        draft.passwordHash = passwordHash;
        draft.budget = budget;
        draft.rateLimits = rateLimits;
        draft.models = models;
        draft.allowedCacheControls = allowedCacheControls;
        draft.metadata = metadata;
        change.accept(draft);
        return draft.build();
    }

    /** The parts by name, so that no call has to hold all of them in order. */
    private static final class Draft {
        private @Nullable String alias;
        private @Nullable String email;
        private @Nullable String ssoUserId;
        private @Nullable String organizationId;
        private @Nullable String defaultTeamId;
        private @Nullable String role;
        private @Nullable String passwordHash;
        private BudgetTerms budget = BudgetTerms.UNLIMITED;
        private RateLimits rateLimits = RateLimits.UNLIMITED;
        private List<String> models = List.of();
        private List<String> allowedCacheControls = List.of();
        private Map<String, Object> metadata = Map.of();

        private UserSpec build() {
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
                    metadata);
        }
    }
}
