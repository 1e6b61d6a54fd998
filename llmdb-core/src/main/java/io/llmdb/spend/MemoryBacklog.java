package io.llmdb.spend;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A queue in memory with a bound on rows and bytes. */
final class MemoryBacklog implements BoundedBacklog {

    private static final int MOST_AT_REST = 256;

    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Entry> queue = new ArrayDeque<>();
    /** By ticket, the oldest first: when the oldest event of each claim was accepted. */
    private final Map<Long, Long> claimed = new LinkedHashMap<>();

    private final DeliveryPolicy policy;
    private final Bell bell;
    private final Room room;
    private long rows;
    private long bytes;
    /** How many in the queue somebody waits for, or have reserved something that others may want. */
    private int pressing;

    private long tickets;
    private boolean closed;

    MemoryBacklog(DeliveryPolicy policy, DeliveryCounts counts, Bell bell) {
        this.policy = policy;
        this.bell = bell;
        this.room = new Room(lock, policy, counts);
    }

    @Override
    public void put(Entry entry) {
        reserve(entry);
        enter(List.of(entry));
    }

    @Override
    public CompletableFuture<Void> putAsync(Entry entry) {
        put(entry);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public boolean putIfRoom(Entry entry) {
        if (!reserveIfRoom(entry)) {
            return false;
        }
        enter(List.of(entry));
        return true;
    }

    @Override
    public @Nullable CompletableFuture<Void> putIfRoomAsync(Entry entry) {
        return putIfRoom(entry) ? CompletableFuture.completedFuture(null) : null;
    }

    /** Takes room for an event that is {@linkplain #enter entered} or {@linkplain #cancel given up} later. */
    void reserve(Entry entry) {
        lock.lock();
        try {
            room.await(
                    () -> hasRoomFor(entry),
                    () -> rows + " events and " + bytes + " bytes wait to be booked, the bounds are "
                            + policy.maxBacklogRows() + " and " + policy.maxBacklogBytes());
            take(entry);
        } finally {
            lock.unlock();
        }
    }

    /** The same where there is room; never waits. */
    boolean reserveIfRoom(Entry entry) {
        lock.lock();
        try {
            boolean hasRoom = hasRoomFor(entry);
            if (hasRoom) {
                take(entry);
            }
            return hasRoom;
        } finally {
            lock.unlock();
        }
    }

    /** Takes events in whose room is reserved, also when this is closed: the end waits for them. */
    void enter(List<Entry> entries) {
        boolean endsRest;
        lock.lock();
        try {
            queue.addAll(entries);
            for (Entry entry : entries) {
                pressing += isPressing(entry) ? 1 : 0;
            }
            endsRest = !canRest();
        } finally {
            lock.unlock();
        }
        bell.ring();
        if (endsRest) {
            bell.endRest();
        }
    }

    private static boolean isPressing(Entry entry) {
        return entry.done() != null || entry.event().leaseHolder() != null;
    }

    @Override
    public boolean canRest() {
        lock.lock();
        try {
            return pressing == 0
                    && !closed
                    && queue.size() < MOST_AT_REST
                    && rows < policy.maxBacklogRows() / 4
                    && bytes < policy.maxBacklogBytes() / 4;
        } finally {
            lock.unlock();
        }
    }

    /** Gives room back that was reserved. */
    void cancel(Entry entry) {
        lock.lock();
        try {
            rows--;
            bytes -= entry.size();
            room.freed();
        } finally {
            lock.unlock();
        }
    }

    private boolean hasRoomFor(Entry entry) {
        if (closed) {
            throw new IllegalStateException("The recorder is closed; it takes no more events");
        }
        // What is larger than the bound by itself is taken when it is alone.
        return rows == 0 || rows < policy.maxBacklogRows() && bytes + entry.size() <= policy.maxBacklogBytes();
    }

    private void take(Entry entry) {
        rows++;
        bytes += entry.size();
    }

    @Override
    public @Nullable Claim poll(int maxRows) {
        lock.lock();
        try {
            if (queue.isEmpty()) {
                return null;
            }
            List<Entry> entries = new ArrayList<>(Math.min(maxRows, queue.size()));
            while (!queue.isEmpty() && entries.size() < maxRows) {
                Entry entry = queue.poll();
                pressing -= isPressing(entry) ? 1 : 0;
                entries.add(entry);
            }
            claimed.put(++tickets, entries.get(0).acceptedAt());
            return new Claim(entries, false, this, tickets);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long waiting() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void done(Claim claim) {
        long freed = 0;
        for (Entry entry : claim.entries()) {
            freed += entry.size();
        }
        lock.lock();
        try {
            claimed.remove(claim.ticket());
            rows -= claim.entries().size();
            bytes -= freed;
            room.freed();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public State state() {
        lock.lock();
        try {
            Iterator<Long> oldest = claimed.values().iterator();
            Entry head = queue.peek();
            return new State(rows, bytes, oldest.hasNext() ? oldest.next() : head == null ? 0 : head.acceptedAt());
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            room.freed();
        } finally {
            lock.unlock();
        }
        bell.ringAll();
    }
}
