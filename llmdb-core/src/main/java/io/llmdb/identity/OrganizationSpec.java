package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on an organization.
 *
 * @param alias its name for people
 * @param models names of models that it may call; empty: all
 * @param metadata whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all through
 * @param budgetId the budget row that counts for it; null: it gets one of its own without limits
 * @param ownBudget set, it gets (or changes) a budget row of its own with these limits; null in what is read, where
 *     {@code budgetId} names the row
 */
public record OrganizationSpec(
        String alias,
        List<String> models,
        Map<String, Object> metadata,
        @Nullable String budgetId,
        @Nullable BudgetSpec ownBudget) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, or both a budget id and an own budget are
     *     given
     */
    public OrganizationSpec {
        Arguments.text("alias", alias);
        models = Arguments.texts("models", models);
        metadata = Arguments.json("metadata", metadata);
        Arguments.optionalText("budget_id", budgetId);
        if (budgetId != null && ownBudget != null) {
            throw new InvalidArgumentException(
                    "budget_id \"" + budgetId + "\" and an own budget are given: use one of them");
        }
    }

    /**
     * @param alias its name for people
     * @return an organization without limits
     */
    public static OrganizationSpec of(String alias) {
        return new OrganizationSpec(alias, List.of(), Map.of(), null, null);
    }

    /**
     * @param value its name for people
     * @return a copy with it
     */
    public OrganizationSpec withAlias(String value) {
        return new OrganizationSpec(value, models, metadata, budgetId, ownBudget);
    }

    /**
     * @param value names of models that it may call; empty: all
     * @return a copy with it
     */
    public OrganizationSpec withModels(List<String> value) {
        return new OrganizationSpec(alias, value, metadata, budgetId, ownBudget);
    }

    /**
     * @param value whatever the proxy keeps with it: texts, numbers, booleans, lists, maps, nulls; immutable all
     *     through
     * @return a copy with it
     */
    public OrganizationSpec withMetadata(Map<String, Object> value) {
        return new OrganizationSpec(alias, models, value, budgetId, ownBudget);
    }

    /**
     * @param value the id of an existing budget row, or null for none
     * @return a copy that links it; an own budget asked for before is forgotten
     */
    public OrganizationSpec withBudgetId(@Nullable String value) {
        return new OrganizationSpec(alias, models, metadata, value, null);
    }

    /**
     * @param value the limits of a budget row of its own
     * @return a copy that asks for it
     */
    public OrganizationSpec withOwnBudget(BudgetSpec value) {
        return new OrganizationSpec(alias, models, metadata, null, value);
    }

    /**
     * @param value what may be spent, in a budget row of its own
     * @return a copy that asks for it
     */
    public OrganizationSpec withOwnBudget(BudgetTerms value) {
        return withOwnBudget(BudgetSpec.of(value));
    }
}
