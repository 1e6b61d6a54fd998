package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import org.jspecify.annotations.Nullable;

/**
 * Limits on the rate of calls; null is unlimited, 0 lets nothing through.
 *
 * @param tokensPerMinute {@code tpm_limit}
 * @param requestsPerMinute {@code rpm_limit}
 * @param maxParallelRequests {@code max_parallel_requests}
 */
public record RateLimits(
        @Nullable Long tokensPerMinute,
        @Nullable Long requestsPerMinute,
        @Nullable Long maxParallelRequests) {

    /** No limit at all. */
    public static final RateLimits UNLIMITED = new RateLimits(null, null, null);

    /**
     * Checks the limits.
     *
     * @throws InvalidArgumentException where one is negative
     */
    public RateLimits {
        check("tpm_limit", tokensPerMinute);
        check("rpm_limit", requestsPerMinute);
        check("max_parallel_requests", maxParallelRequests);
    }

    /** @return whether nothing is limited */
    public boolean isUnlimited() {
        return tokensPerMinute == null && requestsPerMinute == null && maxParallelRequests == null;
    }

    private static void check(String name, @Nullable Long value) {
        if (value != null && value < 0) {
            throw new InvalidArgumentException(name + " " + value + " is negative");
        }
    }
}
