package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on a tag, which calls carry and which may have a budget.
 *
 * @param description what it is for; null: none
 * @param models names of models that it may call; empty: all
 * @param modelInfo whatever the proxy keeps about its models; immutable all through
 * @param budgetId the budget row that counts for it; null: none
 * @param ownBudget set, it gets (or changes) a budget row of its own with these limits; null in what is read, where
 *     {@code budgetId} names the row
 */
public record TagSpec(
        @Nullable String description,
        List<String> models,
        Map<String, Object> modelInfo,
        @Nullable String budgetId,
        @Nullable BudgetSpec ownBudget) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character, or both a budget id and an own budget are
     *     given
     */
    public TagSpec {
        Arguments.optionalText("description", description);
        models = Arguments.texts("models", models);
        modelInfo = Arguments.json("model_info", modelInfo);
        Arguments.optionalText("budget_id", budgetId);
        if (budgetId != null && ownBudget != null) {
            throw new InvalidArgumentException(
                    "budget_id \"" + budgetId + "\" and an own budget are given: use one of them");
        }
    }

    /** @return a tag without limits */
    public static TagSpec empty() {
        return new TagSpec(null, List.of(), Map.of(), null, null);
    }

    /**
     * @param value what it is for; null: none
     * @return a copy with it
     */
    public TagSpec withDescription(@Nullable String value) {
        return new TagSpec(value, models, modelInfo, budgetId, ownBudget);
    }

    /**
     * @param value names of models that it may call; empty: all
     * @return a copy with it
     */
    public TagSpec withModels(List<String> value) {
        return new TagSpec(description, value, modelInfo, budgetId, ownBudget);
    }

    /**
     * @param value whatever the proxy keeps about its models; immutable all through
     * @return a copy with it
     */
    public TagSpec withModelInfo(Map<String, Object> value) {
        return new TagSpec(description, models, value, budgetId, ownBudget);
    }

    /**
     * @param value the id of an existing budget row, or null for none
     * @return a copy that links it; an own budget asked for before is forgotten
     */
    public TagSpec withBudgetId(@Nullable String value) {
        return new TagSpec(description, models, modelInfo, value, null);
    }

    /**
     * @param value the limits of a budget row of its own
     * @return a copy that asks for it
     */
    public TagSpec withOwnBudget(BudgetSpec value) {
        return new TagSpec(description, models, modelInfo, null, value);
    }

    /**
     * @param value what may be spent, in a budget row of its own
     * @return a copy that asks for it
     */
    public TagSpec withOwnBudget(BudgetTerms value) {
        return withOwnBudget(BudgetSpec.of(value));
    }
}
