package io.llmdb.spend;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A queue in memory with a bound on rows and bytes. */
final class MemoryBacklog implements Backlog {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition filled = lock.newCondition();
    private final Condition drained = lock.newCondition();
    private final ArrayDeque<Entry> queue = new ArrayDeque<>();
    private final DeliveryPolicy policy;
    private final LongAdder refused;
    private long rows;
    private long bytes;
    private boolean closed;

    MemoryBacklog(DeliveryPolicy policy, LongAdder refused) {
        this.policy = policy;
        this.refused = refused;
    }

    @Override
    public void put(Entry entry) {
        long size = size(entry.event());
        lock.lock();
        try {
            awaitRoom(size);
            queue.add(entry);
            rows++;
            bytes += size;
            filled.signal();
        } finally {
            lock.unlock();
        }
    }

    private void awaitRoom(long size) {
        requireOpen();
        Duration patience = policy.whenFull() == WhenFull.BLOCK ? policy.blockFor() : Duration.ZERO;
        long nanos = patience.toNanos();
        while (rows >= policy.maxBacklogRows() || (bytes + size > policy.maxBacklogBytes() && rows > 0)) {
            if (nanos <= 0) {
                refused.increment();
                throw new BacklogFullException("The backlog is full: " + rows + " events and " + bytes
                        + " bytes wait to be booked, the bounds are " + policy.maxBacklogRows() + " and "
                        + policy.maxBacklogBytes()
                        + (patience.isZero() ? "" : "; waited " + patience.toMillis() + " ms"));
            }
            try {
                nanos = drained.awaitNanos(nanos);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                refused.increment();
                throw new BacklogFullException("Interrupted while waiting for room in the backlog");
            }
            requireOpen();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The recorder is closed; it takes no more events");
        }
    }

    @Override
    public @Nullable Claim take(int maxRows) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (queue.isEmpty()) {
                if (closed) {
                    return null;
                }
                filled.await(1, TimeUnit.SECONDS);
            }
            List<Entry> entries = new ArrayList<>(Math.min(maxRows, queue.size()));
            while (!queue.isEmpty() && entries.size() < maxRows) {
                entries.add(queue.poll());
            }
            return new Claim(entries, false, 0);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void done(Claim claim) {
        long freed = 0;
        for (Entry entry : claim.entries()) {
            freed += size(entry.event());
        }
        lock.lock();
        try {
            rows -= claim.entries().size();
            bytes -= freed;
            drained.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long rows() {
        lock.lock();
        try {
            return rows;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            filled.signalAll();
            drained.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** What an event takes in memory: its objects, and its long texts. */
    private static long size(SpendEvent event) {
        return 1_024L
                + length(event.metadata())
                + length(event.messages())
                + length(event.response())
                + length(event.proxyServerRequest());
    }

    private static int length(@Nullable String text) {
        return text == null ? 0 : 2 * text.length();
    }
}
