package io.llmdb.limits;

import io.llmdb.error.LlmDbException;
import io.llmdb.spend.CounterId;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A request is refused, because it does not fit into a limit on requests or tokens per minute or on parallel requests.
 * Nothing was reserved.
 */
public final class RateLimitedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private static final Duration SHORT = Duration.ofSeconds(1);

    private final transient LimitState state;
    private final long requested;
    private final @Nullable Duration retryAfter;

    RateLimitedException(LimitState state, long requested, Instant now) {
        this(state, requested, retryAfter(state, requested, now));
    }

    private RateLimitedException(LimitState state, long requested, @Nullable Duration retryAfter) {
        super("The limit of " + state.limit() + " " + state.kind().words() + " of " + state.counter()
                + " has no room for " + requested + " more: used " + state.used()
                + (state.held() == 0 ? "" : ", held " + state.held())
                + (retryAfter == null
                        ? "; a request of this size never fits"
                        : ", retry after " + seconds(retryAfter) + " s"));
        this.state = state;
        this.requested = requested;
        this.retryAfter = retryAfter;
    }

    private static @Nullable Duration retryAfter(LimitState state, long requested, Instant now) {
        if (requested > state.limit()) {
            return null;
        }
        Instant end = state.resetAt();
        if (end == null) {
            return SHORT;
        }
        Duration left = Duration.between(now, end);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** @return the limit as it stood at the refusal */
    public LimitState state() {
        return state;
    }

    /** @return whose limit, and on which model */
    public CounterId counter() {
        return state.counter();
    }

    /** @return which limit */
    public LimitKind kind() {
        return state.kind();
    }

    /** @return how much is allowed */
    public long limit() {
        return state.limit();
    }

    /** @return how much of it was used */
    public long used() {
        return state.used();
    }

    /** @return what the request would have taken: one, or its tokens */
    public long requested() {
        return requested;
    }

    /**
     * After which time the request may fit: the rest of the minute by the database's clock. For parallel requests a
     * second, because it is not known when one ends.
     *
     * @return the time, exact; null where the request is larger than the limit and waiting is no use
     */
    public @Nullable Duration retryAfter() {
        return retryAfter;
    }

    /**
     * {@link #retryAfter()} as HTTP's {@code Retry-After} says it.
     *
     * @return whole seconds, rounded up, so that the minute is over then, at least 1; null where waiting is no use
     */
    public @Nullable Long retryAfterSeconds() {
        return retryAfter == null ? null : seconds(retryAfter);
    }

    private static long seconds(Duration time) {
        return Math.max(1, time.plusNanos(999_999_999).toSeconds());
    }
}
