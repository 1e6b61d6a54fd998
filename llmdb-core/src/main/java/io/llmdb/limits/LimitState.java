package io.llmdb.limits;

import io.llmdb.spend.CounterId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How a limit stands.
 *
 * @param counter whose limit; with a model where it is on that model alone
 * @param kind what is counted
 * @param limit how much is allowed
 * @param used how much of it is used, or running, as far as the instances have told
 * @param held what instances hold beside: idle, or used since they told
 * @param resetAt when the minute ends, by the database's clock; null for parallel requests
 */
public record LimitState(
        CounterId counter,
        LimitKind kind,
        long limit,
        long used,
        long held,
        @Nullable Instant resetAt) {

    /**
     * Whether a call fits for sure; one that does not may fit all the same where instances hold something idle.
     *
     * @param amount what the call takes
     * @return whether it fits
     */
    public boolean hasRoomFor(long amount) {
        return amount <= limit - used - held;
    }
}
