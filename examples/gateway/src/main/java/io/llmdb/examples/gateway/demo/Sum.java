package io.llmdb.examples.gateway.demo;

import io.llmdb.spend.SpendEvent;
import java.math.BigDecimal;

/** So many requests and what they came to. */
record Sum(long requests, long promptTokens, long completionTokens, BigDecimal spend) {

    static final Sum NONE = new Sum(0, 0, 0, BigDecimal.ZERO);

    static Sum of(SpendEvent event) {
        return new Sum(1, event.promptTokens(), event.completionTokens(), event.cost());
    }

    Sum plus(Sum other) {
        return new Sum(
                requests + other.requests,
                promptTokens + other.promptTokens,
                completionTokens + other.completionTokens,
                spend.add(other.spend));
    }

    /** Whether all four are the same; 0.1 and 0.10 are. */
    boolean agreesWith(Sum other) {
        return requests == other.requests
                && promptTokens == other.promptTokens
                && completionTokens == other.completionTokens
                && spend.compareTo(other.spend) == 0;
    }
}
