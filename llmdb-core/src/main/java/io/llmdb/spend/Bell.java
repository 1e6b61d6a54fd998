package io.llmdb.spend;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Wakes writers that wait for work. Ringing costs next to nothing while none of them waits. */
final class Bell {

    /** A ring is not lost; this is for what becomes work without one, such as a close. */
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final Set<Thread> waiting = ConcurrentHashMap.newKeySet();

    private volatile @Nullable Thread resting;

    /** Wakes one that waits; called after the work can be seen. */
    void ring() {
        if (!waiting.isEmpty()) {
            for (Thread thread : waiting) {
                LockSupport.unpark(thread);
                return;
            }
        }
    }

    /** Wakes all that wait or rest. */
    void ringAll() {
        waiting.forEach(LockSupport::unpark);
        endRest();
    }

    /** Ends a rest; called after the reason for it can be seen. */
    void endRest() {
        Thread thread = resting;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    /** Does nothing for a while, unless there is a reason not to; rings do not end it. May return early. One rests. */
    void rest(long nanos, BooleanSupplier mayRest) throws InterruptedException {
        resting = Thread.currentThread();
        try {
            // Looked at once more behind the sign that we rest, as in await.
            if (mayRest.getAsBoolean()) {
                LockSupport.parkNanos(this, nanos);
            }
        } finally {
            resting = null;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /** Waits for a ring, unless there is work already. May return early. */
    void await(BooleanSupplier hasWork) throws InterruptedException {
        waiting.add(Thread.currentThread());
        try {
            // Looked at once more behind the sign that we wait: who put something in before it rings nobody.
            if (!hasWork.getAsBoolean()) {
                LockSupport.parkNanos(this, LONGEST_NANOS);
            }
        } finally {
            waiting.remove(Thread.currentThread());
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }
}
