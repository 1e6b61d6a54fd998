package io.llmdb.spend;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Records on this machine's disk, in files that are written at their end only.
 *
 * <p>Callers share a sync: who comes first writes for all who came while the one before it synced. A lone caller writes
 * and syncs at once; there is no timer. Safe for use by several threads.
 */
final class Journal implements AutoCloseable {

    /** Called once for each record in the order of positions, under the journal's lock, before it is on the disk. */
    interface Placed {
        void at(long start, long end);
    }

    /** Records that share a sync. */
    private static final class Group {
        private final @Nullable CountDownLatch before;
        private final CountDownLatch done = new CountDownLatch(1);
        /** Who waits for the sync. Each is woken by itself: those of one latch would wake each other in turn. */
        private final List<CompletableFuture<Void>> followers = new ArrayList<>();

        private final List<CompletableFuture<Void>> told = new ArrayList<>();
        private byte[] bytes;
        private int length;
        /** Whether somebody writes it. */
        private boolean isLed;

        private long end;
        private volatile @Nullable Throwable failure;

        private Group(@Nullable CountDownLatch before, byte[] bytes) {
            this.before = before;
            this.bytes = bytes;
        }
    }

    private static final int BUFFER = 256 << 10;
    private static final int LARGEST_KEPT_BUFFER = 4 << 20;
    private static final long MOST = Integer.MAX_VALUE - 8L;

    private final ReentrantLock lock = new ReentrantLock();
    private final DeliveryPolicy policy;
    private final Room room;
    private final JournalFiles files;
    private final long maxBytes;
    private final long maxUnwritten;
    private final long segmentBytes;
    private volatile Runnable onSynced = () -> {};
    private Group group = new Group(null, new byte[BUFFER]);
    private byte @Nullable [] spare = new byte[BUFFER];
    /** Writes the groups that were begun by callers who do not wait. */
    private final ShortLivedThread syncing = new ShortLivedThread("llmdb-journal");

    private final Executor answers;
    private long end;
    private long unwritten;
    private volatile long synced;
    private boolean closed;

    private Journal(JournalFiles files, DeliveryPolicy policy, DeliveryCounts counts, Executor answers) {
        this.files = files;
        this.answers = answers;
        this.policy = policy;
        this.room = new Room(lock, policy, counts);
        this.maxBytes = policy.maxJournalBytes();
        this.maxUnwritten = policy.maxBacklogBytes();
        // Space comes back by whole files, so there have to be several.
        this.segmentBytes = Math.max(16 << 10, Math.min(32 << 20, maxBytes / 16));
        this.end = files.end();
        this.synced = end;
    }

    /**
     * Opens the journal in a directory, which is made where it is missing.
     *
     * @param answers tells callers who do not wait
     * @throws JournalException where another instance uses it, or the disk refuses
     */
    static Journal open(Path directory, DeliveryPolicy policy, DeliveryCounts counts, Executor answers) {
        return new Journal(JournalFiles.open(directory, counts.setAside), policy, counts, answers);
    }

    /**
     * Writes a record; returns when it is on the disk.
     *
     * @throws BacklogFullException where there is no room for it
     * @throws JournalException where the disk refuses
     */
    void append(byte[] content, Placed placed) {
        CompletableFuture<Void> over = new CompletableFuture<>();
        Place place = enter(content, placed, group -> group.followers.add(over));
        Group mine = place.group;
        if (place.first) {
            lead(mine);
        }
        over.join();
        Throwable failure = mine.failure;
        if (failure != null) {
            throw cannotBeWritten(failure);
        }
    }

    /**
     * Writes a record; returns when it has its place, which may be before it is on the disk.
     *
     * @return completed when it is on the disk, or with a {@link JournalException} where the disk refuses
     * @throws BacklogFullException where there is no room for it
     */
    CompletableFuture<Void> appendAsync(byte[] content, Placed placed) {
        CompletableFuture<Void> written = new CompletableFuture<>();
        Place place = enter(content, placed, group -> group.told.add(written));
        if (place.first) {
            syncing.execute(() -> lead(place.group));
        }
        return written;
    }

    /** A record's group, and whether it is the first there, who leads. */
    private record Place(Group group, boolean first) {}

    private Place enter(byte[] content, Placed placed, Consumer<Group> joining) {
        lock.lock();
        try {
            awaitRoom(content);
            Group mine = group;
            join(mine, content, placed);
            joining.accept(mine);
            boolean first = !mine.isLed;
            mine.isLed = true;
            return new Place(mine, first);
        } finally {
            lock.unlock();
        }
    }

    private void awaitRoom(byte[] content) {
        int length = JournalFrame.length(content);
        room.await(
                () -> hasRoomFor(length),
                () -> "the journal holds " + files.bytes() + " bytes and " + unwritten
                        + " are to be written, the bounds are " + maxBytes + " and " + maxUnwritten);
    }

    private void join(Group mine, byte[] content, Placed placed) {
        int length = JournalFrame.length(content);
        add(mine, content, length);
        long start = end;
        end += length;
        unwritten += length;
        mine.end = end;
        placed.at(start, end);
    }

    private void lead(Group mine) {
        if (mine.before != null) {
            awaitDone(mine.before);
        }
        write(mine);
    }

    private JournalException cannotBeWritten(Throwable failure) {
        return new JournalException("The journal in " + files + " cannot be written: " + failure, failure);
    }

    private boolean hasRoomFor(int length) {
        if (closed) {
            throw new IllegalStateException("The recorder is closed; it takes no more events");
        }
        // What is larger than a bound by itself is taken when it is alone.
        return (files.bytes() + unwritten + length <= maxBytes || files.start() == end)
                && (unwritten + length <= maxUnwritten || unwritten == 0);
    }

    private static void add(Group group, byte[] content, int length) {
        int needed = Math.addExact(group.length, length);
        if (needed > group.bytes.length) {
            group.bytes = Arrays.copyOf(group.bytes, (int) Math.min(Math.max(needed, group.bytes.length * 2L), MOST));
        }
        JournalFrame.write(content, ByteBuffer.wrap(group.bytes, group.length, length));
        group.length = needed;
    }

    /** Without memory for a large one the next group begins with none, for this one's callers wait. */
    private static byte[] buffer() {
        try {
            return new byte[BUFFER];
        } catch (OutOfMemoryError e) {
            return new byte[0];
        }
    }

    private void write(Group mine) {
        lock.lock();
        try {
            // From here on who comes joins the next group.
            byte[] next = spare == null ? buffer() : spare;
            spare = null;
            group = new Group(mine.done, next);
        } finally {
            lock.unlock();
        }
        try {
            files.append(mine.bytes, mine.length, mine.end - mine.length, segmentBytes);
        } catch (Throwable e) {
            // Without memory too nobody knows what is on the disk.
            mine.failure = e;
        }
        try {
            lock.lock();
            try {
                unwritten -= mine.length;
                synced = mine.end;
                spare = mine.bytes.length > LARGEST_KEPT_BUFFER ? null : mine.bytes;
                room.freed();
            } finally {
                lock.unlock();
            }
            onSynced.run();
            tell(mine);
        } finally {
            mine.done.countDown();
            mine.followers.forEach(follower -> follower.complete(null));
        }
    }

    private void tell(Group written) {
        if (written.told.isEmpty()) {
            return;
        }
        Throwable failure = written.failure;
        answers.execute(() -> {
            for (CompletableFuture<Void> told : written.told) {
                if (failure == null) {
                    told.complete(null);
                } else {
                    told.completeExceptionally(cannotBeWritten(failure));
                }
            }
        });
    }

    /** Whether it gets to the disk is decided without us, so an interrupt changes nothing. */
    private static void awaitDone(CountDownLatch done) {
        boolean interrupted = false;
        while (true) {
            try {
                done.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** @param listener called when more records are on the disk; replaces the one before */
    void onSynced(Runnable listener) {
        onSynced = listener;
    }

    /** Where the records begin that are not released. */
    long start() {
        return files.start();
    }

    /** Everything before this position is on the disk, or its callers were told that it may not be. */
    long synced() {
        return synced;
    }

    /** Where the records of this run begin. */
    long openedAt() {
        return files.end();
    }

    /** How many records the files held when they were opened. */
    long rowsFound() {
        return files.rowsFound();
    }

    /** When the oldest file was begun, in milliseconds since 1970; 0 where none was left. */
    long oldestFound() {
        return files.oldestFound();
    }

    JournalFiles files() {
        return files;
    }

    /** Records before the position are not needed any more. */
    void release(long position) {
        files.release(position);
        lock.lock();
        try {
            room.freed();
        } finally {
            lock.unlock();
        }
    }

    long bytes() {
        return files.bytes();
    }

    /** Takes no more records. */
    void stopTaking() {
        lock.lock();
        try {
            closed = true;
            room.freed();
        } finally {
            lock.unlock();
        }
    }

    /** Gives the directory free. */
    @Override
    public void close() {
        stopTaking();
        for (CountDownLatch open = inFlight(); open != null; open = inFlight()) {
            awaitDone(open);
        }
        syncing.close();
        files.close();
    }

    /** What is still to be waited for before the files may be closed; null: nothing. */
    private @Nullable CountDownLatch inFlight() {
        lock.lock();
        try {
            if (group.length > 0) {
                return group.done;
            }
            return group.before == null || group.before.getCount() == 0 ? null : group.before;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "journal in " + files + ", " + policy.mode();
    }
}
