package io.llmdb.keys;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * So many in any second, mostly evenly. Keeps nothing but the time at which the bucket would be empty. Safe for use by
 * several threads.
 */
final class TokenBucket {

    private final long nanosPerToken;
    private final long fullNanos;
    private final AtomicLong paidUntil;

    TokenBucket(int tokensPerSecond) {
        // Full, it holds a tenth of a second's worth; the flow is as much slower, so that no second sees more than was
        // said.
        this.fullNanos = TimeUnit.MILLISECONDS.toNanos(100);
        this.nanosPerToken = (TimeUnit.SECONDS.toNanos(1) + fullNanos) / tokensPerSecond;
        this.paidUntil = new AtomicLong(System.nanoTime() - fullNanos);
    }

    /** Takes a token if there is one. */
    boolean tryTake() {
        while (true) {
            long now = System.nanoTime();
            long paid = paidUntil.get();
            long next = Math.max(paid - now, -fill()) + nanosPerToken;
            if (next > 0) {
                return false;
            }
            if (paidUntil.compareAndSet(paid, now + next)) {
                return true;
            }
        }
    }

    /** Takes a token whether or not there is one, so that the next ones come later. Never owes more than a second. */
    void charge() {
        long now = System.nanoTime();
        paidUntil.updateAndGet(paid ->
                now + Math.min(TimeUnit.SECONDS.toNanos(1), Math.max(paid - now, -fill()) + nanosPerToken));
    }

    /** At least one token fits. */
    private long fill() {
        return Math.max(fullNanos, nanosPerToken);
    }

    /** How long until there is a token; 0 or less: there is one. */
    long nanosToNext() {
        return paidUntil.get() + nanosPerToken - System.nanoTime();
    }
}
