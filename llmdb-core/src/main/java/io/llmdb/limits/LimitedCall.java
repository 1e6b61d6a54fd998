package io.llmdb.limits;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import java.util.List;
import java.util.Objects;

/**
 * What limits ask of a request. Immutable.
 *
 * @param model the model as it was asked for
 * @param estimatedTokens prompt and answer together; 0 where it is not known, which counts as one until the request is
 *     settled
 * @param endUser the customer's own user; empty: none
 * @param tags the request's tags
 */
public record LimitedCall(String model, long estimatedTokens, String endUser, List<String> tags) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where the tokens are negative, or the end user or a tag is longer than 600
     *     characters or no text that PostgreSQL can store
     */
    public LimitedCall {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(endUser, "endUser");
        if (estimatedTokens < 0) {
            throw new InvalidArgumentException("estimatedTokens " + estimatedTokens + " is negative");
        }
        tags = List.copyOf(tags);
        Arguments.requestIds(endUser, tags);
    }
}
