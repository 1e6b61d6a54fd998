package io.llmdb.spend;

import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** The rule for whoever comes to a full backlog: wait, up to a deadline, or be refused. Every case is counted. */
final class Room {

    private final Condition freed;
    private final long patienceNanos;
    private final LongAdder blocked;
    private final LongAdder refused;

    /** @param lock held by whoever calls {@link #await} and {@link #freed} */
    Room(Lock lock, DeliveryPolicy policy, DeliveryCounts counts) {
        this.freed = lock.newCondition();
        this.patienceNanos =
                policy.whenFull() == WhenFull.REFUSE ? 0 : policy.blockFor().toNanos();
        this.blocked = counts.blocked;
        this.refused = counts.refused;
    }

    /**
     * Waits for room.
     *
     * @param hasRoom whether there is room; throws where there never will be
     * @param state what is full, for people
     */
    void await(BooleanSupplier hasRoom, Supplier<String> state) {
        long nanos = patienceNanos;
        boolean counted = false;
        while (!hasRoom.getAsBoolean()) {
            if (nanos <= 0) {
                refused.increment();
                throw new BacklogFullException("The backlog is full: " + state.get()
                        + (patienceNanos == 0 ? "" : "; waited " + patienceNanos / 1_000_000 + " ms"));
            }
            if (!counted) {
                counted = true;
                blocked.increment();
            }
            try {
                nanos = freed.awaitNanos(nanos);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                refused.increment();
                throw new BacklogFullException("Interrupted while waiting for room in the backlog");
            }
        }
    }

    /** Says that there may be room now. */
    void freed() {
        freed.signalAll();
    }
}
