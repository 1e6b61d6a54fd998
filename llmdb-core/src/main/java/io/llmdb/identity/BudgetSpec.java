package io.llmdb.identity;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Objects;

/**
 * What an administrator sets on a budget row, which may serve several organizations, members, end users, tags and keys.
 *
 * @param terms what may be spent
 * @param rateLimits how often may be called
 * @param allowedModels models that may be called under it; empty: all
 */
public record BudgetSpec(BudgetTerms terms, RateLimits rateLimits, List<String> allowedModels) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where a text holds a NUL character
     */
    public BudgetSpec {
        Objects.requireNonNull(terms, "terms");
        Objects.requireNonNull(rateLimits, "rateLimits");
        allowedModels = Arguments.texts("allowed_models", allowedModels);
    }

    /**
     * @param terms what may be spent
     * @return a budget with no other limit
     */
    public static BudgetSpec of(BudgetTerms terms) {
        return new BudgetSpec(terms, RateLimits.UNLIMITED, List.of());
    }

    /**
     * @param value what may be spent
     * @return a copy with it
     */
    public BudgetSpec withTerms(BudgetTerms value) {
        return new BudgetSpec(value, rateLimits, allowedModels);
    }

    /**
     * @param value how often may be called
     * @return a copy with it
     */
    public BudgetSpec withRateLimits(RateLimits value) {
        return new BudgetSpec(terms, value, allowedModels);
    }

    /**
     * @param value models that may be called under it; empty: all
     * @return a copy with it
     */
    public BudgetSpec withAllowedModels(List<String> value) {
        return new BudgetSpec(terms, rateLimits, value);
    }
}
