package io.llmdb.tests.move;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.PlantedBooks;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A proxy under load: threads that authenticate, admit, "call" and settle, at a rate. Told of another database, it goes
 * on there; a request that was admitted on the old one settles through it.
 */
final class MoveLoad implements AutoCloseable {

    private static final BigDecimal COST = new BigDecimal("0.000321");

    final AtomicLong answered = new AtomicLong();
    /** Requests that were refused because the database has moved, while there was no other yet. */
    final AtomicLong movedRefusals = new AtomicLong();

    final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    final AtomicLong firstRefusal = new AtomicLong();
    final AtomicLong lastRefusal = new AtomicLong();

    private final AtomicReference<LlmDb> current;
    private final LlmDb old;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    MoveLoad(LlmDb old, int keys, int threads, int perSecond) {
        this.old = old;
        this.current = new AtomicReference<>(old);
        long pause = 1_000_000_000L * threads / perSecond;
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(() -> run(keys, pause), "load " + i);
            thread.start();
            this.threads.add(thread);
        }
    }

    /** The proxy opens the new side and hands over to it what the old one could not book. */
    void switchTo(LlmDb fresh) {
        old.handOver(fresh);
        current.set(fresh);
    }

    private void run(int keys, long pause) {
        long next = System.nanoTime();
        while (!stopped) {
            request(PlantedBooks.rawKey(ThreadLocalRandom.current().nextInt(keys)));
            next = Math.max(next + pause, System.nanoTime() - 100_000_000L);
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }

    private void request(String rawKey) {
        Admission admission = null;
        while (admission == null) {
            LlmDb db = current.get();
            try {
                admission = db.budgets()
                        .admit(db.authenticate(rawKey), Call.of("gpt-4o").withEstimate(COST.multiply(BigDecimal.TEN)));
            } catch (DatabaseMovedException e) {
                if (!refused(db)) {
                    return;
                }
            } catch (RuntimeException e) {
                failures.add(e);
                return;
            }
        }
        settle(admission, admission.event().tokens(100, 20).cost(COST).build());
    }

    private void settle(Admission admission, SpendEvent event) {
        while (true) {
            try {
                admission.settle(event);
                answered.incrementAndGet();
                return;
            } catch (DatabaseMovedException e) {
                // The answer is with the client; its cost is booked as soon as the new side is known.
                LockSupport.parkNanos(10_000_000L);
            } catch (RuntimeException e) {
                failures.add(e);
                return;
            }
        }
    }

    /** Waits until there is another database. */
    private boolean refused(LlmDb db) {
        movedRefusals.incrementAndGet();
        long now = System.nanoTime();
        firstRefusal.compareAndSet(0, now);
        lastRefusal.set(now);
        while (current.get() == db && !stopped) {
            LockSupport.parkNanos(5_000_000L);
        }
        return !stopped;
    }

    @Nullable
    Throwable firstFailure() {
        return failures.peek();
    }

    @Override
    public void close() {
        stopped = true;
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
