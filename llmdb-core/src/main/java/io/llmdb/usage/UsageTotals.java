package io.llmdb.usage;

import java.math.BigDecimal;

/**
 * Usage summed up.
 *
 * @param spend what it cost, exact
 * @param promptTokens tokens of what was sent
 * @param completionTokens tokens of the answers
 * @param requests finished requests, successful or not
 * @param successfulRequests those that were answered
 * @param failedRequests those that were not
 */
public record UsageTotals(
        BigDecimal spend,
        long promptTokens,
        long completionTokens,
        long requests,
        long successfulRequests,
        long failedRequests) {

    /** Nothing. */
    public static final UsageTotals ZERO = new UsageTotals(BigDecimal.ZERO, 0, 0, 0, 0, 0);

    /** @return tokens of both */
    public long totalTokens() {
        return Math.addExact(promptTokens, completionTokens);
    }

    UsageTotals plus(UsageTotals other) {
        return new UsageTotals(
                spend.add(other.spend),
                Math.addExact(promptTokens, other.promptTokens),
                Math.addExact(completionTokens, other.completionTokens),
                Math.addExact(requests, other.requests),
                Math.addExact(successfulRequests, other.successfulRequests),
                Math.addExact(failedRequests, other.failedRequests));
    }
}
