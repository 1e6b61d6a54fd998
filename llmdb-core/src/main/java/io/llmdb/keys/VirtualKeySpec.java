package io.llmdb.keys;

import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.ModelRateLimits;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on a virtual key. Texts, lists and maps are copied; those of {@code metadata},
 * {@code permissions} and {@code config} hold texts, numbers, booleans, nulls, lists and maps.
 *
 * @param alias the name for people; null: none
 * @param userId whose key it is; null: nobody's
 * @param teamId the team that it works for; null: a personal key
 * @param organizationId the organization that it works for; null: its team's, if that has one
 * @param models names of models that it may call, patterns such as {@code openai/*}, or {@code all-team-models}; empty:
 *     all
 * @param aliases model as sent to model that is meant
 * @param allowedRoutes paths that it may call, or patterns such as {@code /keys/*}; empty: all. Checked only where the
 *     proxy calls {@link Caller#requireRoute}
 * @param allowedCacheControls cache directives that its calls may carry; only stored, so that the proxy checks them
 * @param budget what may be spent with it
 * @param budgetId a budget row that counts for it where it has no terms of its own; null: none
 * @param rateLimits how often may be called with it
 * @param blocked whether every call with it is refused
 * @param expires its last instant; null: it does not end
 * @param validFor asks for an expiry so long after the moment at which this is written; null in what is read
 * @param autoRotate whether it is rotated every {@code rotationInterval}
 * @param rotationInterval how long a rotated key is used; null only where {@code autoRotate} is false
 * @param metadata whatever the proxy keeps with it; {@code model_tpm_limit} and {@code model_rpm_limit} hold limits by
 *     model
 * @param permissions whatever the proxy allows it beyond models and routes
 * @param config whatever settings the proxy overrides for it
 */
public record VirtualKeySpec(
        @Nullable String alias,
        @Nullable String userId,
        @Nullable String teamId,
        @Nullable String organizationId,
        List<String> models,
        Map<String, String> aliases,
        List<String> allowedRoutes,
        List<String> allowedCacheControls,
        BudgetTerms budget,
        @Nullable String budgetId,
        RateLimits rateLimits,
        boolean blocked,
        @Nullable Instant expires,
        @Nullable BudgetDuration validFor,
        boolean autoRotate,
        @Nullable BudgetDuration rotationInterval,
        Map<String, Object> metadata,
        Map<String, Object> permissions,
        Map<String, Object> config) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, an expiry is given twice, or a key shall be
     *     rotated that has no interval
     */
    public VirtualKeySpec {
        Arguments.optionalText("key_alias", alias);
        Arguments.optionalText("user_id", userId);
        Arguments.optionalText("team_id", teamId);
        Arguments.optionalText("organization_id", organizationId);
        models = Arguments.texts("models", models);
        aliases = Arguments.textMap("aliases", aliases);
        allowedRoutes = Arguments.texts("allowed_routes", allowedRoutes);
        allowedCacheControls = Arguments.texts("allowed_cache_controls", allowedCacheControls);
        Objects.requireNonNull(budget, "budget");
        Arguments.optionalText("budget_id", budgetId);
        Objects.requireNonNull(rateLimits, "rateLimits");
        metadata = Arguments.json("metadata", metadata);
        permissions = Arguments.json("permissions", permissions);
        config = Arguments.json("config", config);
        if (expires != null && validFor != null) {
            throw new InvalidArgumentException(
                    "expires " + expires + " and duration " + validFor + " are given: use one of them");
        }
        if (autoRotate && rotationInterval == null) {
            throw new InvalidArgumentException("auto_rotate needs a rotation_interval, such as 30d");
        }
    }

    /** @return a personal key without limits that belongs to nobody and does not end */
    public static VirtualKeySpec empty() {
        return new Draft().build();
    }

    /**
     * @param alias the name for people
     * @return a personal key without limits that belongs to nobody and does not end
     */
    public static VirtualKeySpec of(String alias) {
        return empty().withAlias(alias);
    }

    /**
     * The limits by model that {@code metadata} holds.
     *
     * @return limits by the name of the model; of {@code max_parallel_requests} there is none
     */
    public Map<String, RateLimits> modelRateLimits() {
        return ModelRateLimits.of(metadata);
    }

    /**
     * @param value the name for people; null: none
     * @return a copy with it
     */
    public VirtualKeySpec withAlias(@Nullable String value) {
        return with(draft -> draft.alias = value);
    }

    /**
     * @param value whose key it is; null: nobody's
     * @return a copy with it
     */
    public VirtualKeySpec withUserId(@Nullable String value) {
        return with(draft -> draft.userId = value);
    }

    /**
     * @param value the team that it works for; null: a personal key
     * @return a copy with it
     */
    public VirtualKeySpec withTeamId(@Nullable String value) {
        return with(draft -> draft.teamId = value);
    }

    /**
     * @param value the organization that it works for; null: its team's, if that has one
     * @return a copy with it
     */
    public VirtualKeySpec withOrganizationId(@Nullable String value) {
        return with(draft -> draft.organizationId = value);
    }

    /**
     * @param value names of models that it may call, patterns such as {@code openai/*}, or {@code all-team-models};
     *     empty: all
     * @return a copy with it
     */
    public VirtualKeySpec withModels(List<String> value) {
        return with(draft -> draft.models = value);
    }

    /**
     * @param value model as sent to model that is meant
     * @return a copy with it
     */
    public VirtualKeySpec withAliases(Map<String, String> value) {
        return with(draft -> draft.aliases = value);
    }

    /**
     * @param value paths that it may call, or patterns such as {@code /keys/*}; empty: all. Checked only where the
     *     proxy calls {@link Caller#requireRoute}
     * @return a copy with it
     */
    public VirtualKeySpec withAllowedRoutes(List<String> value) {
        return with(draft -> draft.allowedRoutes = value);
    }

    /**
     * @param value cache directives that its calls may carry; only stored, so that the proxy checks them
     * @return a copy with it
     */
    public VirtualKeySpec withAllowedCacheControls(List<String> value) {
        return with(draft -> draft.allowedCacheControls = value);
    }

    /**
     * @param value what may be spent with it
     * @return a copy with it
     */
    public VirtualKeySpec withBudget(BudgetTerms value) {
        return with(draft -> draft.budget = value);
    }

    /**
     * @param value a budget row that counts for it where it has no terms of its own; null: none
     * @return a copy with it
     */
    public VirtualKeySpec withBudgetId(@Nullable String value) {
        return with(draft -> draft.budgetId = value);
    }

    /**
     * @param value how often may be called with it
     * @return a copy with it
     */
    public VirtualKeySpec withRateLimits(RateLimits value) {
        return with(draft -> draft.rateLimits = value);
    }

    /**
     * @param value whether every call with it is refused
     * @return a copy with it
     */
    public VirtualKeySpec withBlocked(boolean value) {
        return with(draft -> draft.blocked = value);
    }

    /**
     * @param value its last instant; null: it does not end
     * @return a copy with it
     */
    public VirtualKeySpec withExpires(@Nullable Instant value) {
        return with(draft -> {
            draft.expires = value;
            draft.validFor = null;
        });
    }

    /**
     * @param value asks for an expiry so long after the moment at which this is written; null in what is read
     * @return a copy with it
     */
    public VirtualKeySpec withValidFor(@Nullable BudgetDuration value) {
        return with(draft -> {
            draft.validFor = value;
            draft.expires = null;
        });
    }

    /**
     * @param value how long a key is used before it is rotated; null: it is not
     * @return a copy that is rotated by schedule, or is not
     */
    public VirtualKeySpec withRotationInterval(@Nullable BudgetDuration value) {
        return with(draft -> {
            draft.rotationInterval = value;
            draft.autoRotate = value != null;
        });
    }

    /**
     * @param value whatever the proxy keeps with it; {@code model_tpm_limit} and {@code model_rpm_limit} hold limits by
     *     model
     * @return a copy with it
     */
    public VirtualKeySpec withMetadata(Map<String, Object> value) {
        return with(draft -> draft.metadata = value);
    }

    /**
     * @param value whatever the proxy allows it beyond models and routes
     * @return a copy with it
     */
    public VirtualKeySpec withPermissions(Map<String, Object> value) {
        return with(draft -> draft.permissions = value);
    }

    /**
     * @param value whatever settings the proxy overrides for it
     * @return a copy with it
     */
    public VirtualKeySpec withConfig(Map<String, Object> value) {
        return with(draft -> draft.config = value);
    }

    private VirtualKeySpec with(Consumer<Draft> change) {
        Draft draft = new Draft();
        draft.alias = alias;
        draft.userId = userId;
        draft.teamId = teamId;
        draft.organizationId = organizationId;
        draft.models = models;
        draft.aliases = aliases;
        draft.allowedRoutes = allowedRoutes;
        draft.allowedCacheControls = allowedCacheControls;
        draft.budget = budget;
        draft.budgetId = budgetId;
        draft.rateLimits = rateLimits;
        draft.blocked = blocked;
        draft.expires = expires;
        draft.validFor = validFor;
        draft.autoRotate = autoRotate;
        draft.rotationInterval = rotationInterval;
        draft.metadata = metadata;
        draft.permissions = permissions;
        draft.config = config;
        change.accept(draft);
        return draft.build();
    }

    /** The parts by name, so that no call has to hold all of them in order. */
    static final class Draft {
        @Nullable
        String alias;

        @Nullable
        String userId;

        @Nullable
        String teamId;

        @Nullable
        String organizationId;

        List<String> models = List.of();
        Map<String, String> aliases = Map.of();
        List<String> allowedRoutes = List.of();
        List<String> allowedCacheControls = List.of();
        BudgetTerms budget = BudgetTerms.UNLIMITED;

        @Nullable
        String budgetId;

        RateLimits rateLimits = RateLimits.UNLIMITED;
        boolean blocked;

        @Nullable
        Instant expires;

        @Nullable
        BudgetDuration validFor;

        boolean autoRotate;

        @Nullable
        BudgetDuration rotationInterval;

        Map<String, Object> metadata = Map.of();
        Map<String, Object> permissions = Map.of();
        Map<String, Object> config = Map.of();

        VirtualKeySpec build() {
            return new VirtualKeySpec(
                    alias,
                    userId,
                    teamId,
                    organizationId,
                    models,
                    aliases,
                    allowedRoutes,
                    allowedCacheControls,
                    budget,
                    budgetId,
                    rateLimits,
                    blocked,
                    expires,
                    validFor,
                    autoRotate,
                    rotationInterval,
                    metadata,
                    permissions,
                    config);
        }
    }
}
