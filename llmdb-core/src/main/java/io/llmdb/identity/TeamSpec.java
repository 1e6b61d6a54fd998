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
 * What an administrator sets on a team.
 *
 * @param alias its name for people; null: none
 * @param organizationId the organization that it belongs to; null: none
 * @param budget what the whole team may spend
 * @param rateLimits how often the whole team may call
 * @param models names of models that it may call; empty: all
 * @param modelAliases name that callers use → name of the model
 * @param memberPermissions what members who are no admins may do
 * @param blocked whether every call of its keys is refused
 * @param metadata whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all through
 */
public record TeamSpec(
        @Nullable String alias,
        @Nullable String organizationId,
        BudgetTerms budget,
        RateLimits rateLimits,
        List<String> models,
        Map<String, String> modelAliases,
        List<String> memberPermissions,
        boolean blocked,
        Map<String, Object> metadata) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character
     */
    public TeamSpec {
        Arguments.optionalText("alias", alias);
        Arguments.optionalText("organization_id", organizationId);
        Objects.requireNonNull(budget, "budget");
        Objects.requireNonNull(rateLimits, "rateLimits");
        models = Arguments.texts("models", models);
        modelAliases = Arguments.textMap("model_aliases", modelAliases);
        memberPermissions = Arguments.texts("member_permissions", memberPermissions);
        metadata = Arguments.json("metadata", metadata);
    }

    /** @return a team without name and limits */
    public static TeamSpec empty() {
        return new TeamSpec(
                null,
                null,
                BudgetTerms.UNLIMITED,
                RateLimits.UNLIMITED,
                List.of(),
                Map.of(),
                List.of(),
                false,
                Map.of());
    }

    /**
     * @param alias its name for people
     * @return a team without limits
     */
    public static TeamSpec of(String alias) {
        return empty().withAlias(alias);
    }

    /**
     * @param value its name for people; null: none
     * @return a copy with it
     */
    public TeamSpec withAlias(@Nullable String value) {
        return new TeamSpec(
                value, organizationId, budget, rateLimits, models, modelAliases, memberPermissions, blocked, metadata);
    }

    /**
     * @param value the organization that it belongs to; null: none
     * @return a copy with it
     */
    public TeamSpec withOrganizationId(@Nullable String value) {
        return new TeamSpec(
                alias, value, budget, rateLimits, models, modelAliases, memberPermissions, blocked, metadata);
    }

    /**
     * @param value what the whole team may spend
     * @return a copy with it
     */
    public TeamSpec withBudget(BudgetTerms value) {
        return new TeamSpec(
                alias, organizationId, value, rateLimits, models, modelAliases, memberPermissions, blocked, metadata);
    }

    /**
     * @param value how often the whole team may call
     * @return a copy with it
     */
    public TeamSpec withRateLimits(RateLimits value) {
        return new TeamSpec(
                alias, organizationId, budget, value, models, modelAliases, memberPermissions, blocked, metadata);
    }

    /**
     * @param value names of models that it may call; empty: all
     * @return a copy with it
     */
    public TeamSpec withModels(List<String> value) {
        return new TeamSpec(
                alias, organizationId, budget, rateLimits, value, modelAliases, memberPermissions, blocked, metadata);
    }

    /**
     * @param value name that callers use → name of the model
     * @return a copy with it
     */
    public TeamSpec withModelAliases(Map<String, String> value) {
        return new TeamSpec(
                alias, organizationId, budget, rateLimits, models, value, memberPermissions, blocked, metadata);
    }

    /**
     * @param value what members who are no admins may do
     * @return a copy with it
     */
    public TeamSpec withMemberPermissions(List<String> value) {
        return new TeamSpec(alias, organizationId, budget, rateLimits, models, modelAliases, value, blocked, metadata);
    }

    /**
     * @param value whether every call of its keys is refused
     * @return a copy with it
     */
    public TeamSpec withBlocked(boolean value) {
        return new TeamSpec(
                alias, organizationId, budget, rateLimits, models, modelAliases, memberPermissions, value, metadata);
    }

    /**
     * @param value whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all
     *     through
     * @return a copy with it
     */
    public TeamSpec withMetadata(Map<String, Object> value) {
        return new TeamSpec(
                alias, organizationId, budget, rateLimits, models, modelAliases, memberPermissions, blocked, value);
    }
}
