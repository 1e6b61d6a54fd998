package io.llmdb.budgets;

import io.llmdb.common.Money;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A request that asks to be admitted. Immutable.
 *
 * @param model the model as it was asked for
 * @param estimate what the request costs at most, as far as that can be told; null: the price is not known
 * @param estimatedTokens prompt and answer together, for limits on tokens
 * @param endUser the customer's own user; empty: none
 * @param tags the request's tags
 */
public record Call(
        String model, @Nullable BigDecimal estimate, long estimatedTokens, String endUser, List<String> tags) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where the estimate or the tokens are negative, or the end user or a tag is
     *     longer than 600 characters or no text that PostgreSQL can store
     */
    public Call {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(endUser, "endUser");
        Money.checkOptional("estimate", estimate);
        if (estimatedTokens < 0) {
            throw new InvalidArgumentException("estimatedTokens " + estimatedTokens + " is negative");
        }
        tags = List.copyOf(tags);
        Arguments.requestIds(endUser, tags);
    }

    /**
     * @param model the model as it was asked for
     * @return a call without an estimate, end user and tags
     */
    public static Call of(String model) {
        return new Call(model, null, 0, "", List.of());
    }

    /**
     * @param value what the request costs at most; zero where the model is free
     * @return a copy with it
     */
    public Call withEstimate(BigDecimal value) {
        return new Call(model, value, estimatedTokens, endUser, tags);
    }

    /**
     * @param value prompt and answer together
     * @return a copy with it
     */
    public Call withEstimatedTokens(long value) {
        return new Call(model, estimate, value, endUser, tags);
    }

    /**
     * @param value the customer's own user
     * @return a copy with it
     */
    public Call withEndUser(String value) {
        return new Call(model, estimate, estimatedTokens, value, tags);
    }

    /**
     * @param values the request's tags
     * @return a copy with them
     */
    public Call withTags(List<String> values) {
        return new Call(model, estimate, estimatedTokens, endUser, values);
    }
}
