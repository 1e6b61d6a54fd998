package io.llmdb.spend;

import io.llmdb.error.InvalidArgumentException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A queue on this machine's disk. As many of its events as the bounds allow are kept in memory too, so that they need
 * not be read back; behind the first one that found no room all are read from the disk, until that is caught up with.
 */
final class JournalBacklog implements Backlog {

    private static final long OPEN = Long.MAX_VALUE;

    /** So little is read in a moment, and what comes meanwhile may wait in memory. */
    private static final long NEARLY_CAUGHT_UP = 4 << 20;

    /** Of encoded events, which take several times as much in memory. */
    private static final long MOST_READ_AT_ONCE = 16 << 20;

    private final ReentrantLock lock = new ReentrantLock();
    /** One reads from the disk at a time. */
    private final ReentrantLock reading = new ReentrantLock();

    private final Journal journal;
    private final Bell bell;
    private final ArrayDeque<Placed> ready = new ArrayDeque<>();
    /** By the position of their end, the oldest first. */
    private final Map<Long, Handed> handed = new LinkedHashMap<>();

    private final long maxRows;
    private final long maxBytes;
    private long memoryRows;
    private long memoryBytes;
    /** Whether some events are on the disk only, from {@link #readFrom} to {@link #readUntil}. */
    private boolean reads;

    private long readFrom;
    /** {@link #OPEN}: to the journal's end, and what is in memory is older. Else what is in memory begins there. */
    private long readUntil;

    private long diskRows;
    private long diskOldest;
    private long lastPlaced;

    /**
     * @param maxRows how many events to keep in memory too
     * @param maxBytes how many bytes of events to keep in memory too
     */
    JournalBacklog(Journal journal, long maxRows, long maxBytes, Bell bell) {
        this.journal = journal;
        this.maxRows = maxRows;
        this.maxBytes = maxBytes;
        this.bell = bell;
        journal.onSynced(bell::ring);
        this.diskRows = journal.rowsFound();
        this.diskOldest = journal.oldestFound();
        this.readFrom = journal.start();
        this.lastPlaced = journal.synced();
        this.reads = readFrom < lastPlaced;
        this.readUntil = OPEN;
    }

    private record Placed(long end, Entry entry) {}

    private static final class Handed {
        private final long oldest;
        private boolean done;

        private Handed(long oldest) {
            this.oldest = oldest;
        }
    }

    @Override
    public void put(Entry entry) {
        journal.append(content(entry), (start, end) -> place(entry, start, end));
    }

    @Override
    public CompletableFuture<Void> putAsync(Entry entry) {
        return journal.appendAsync(content(entry), (start, end) -> place(entry, start, end));
    }

    private static byte[] content(Entry entry) {
        byte[] event = EventCodec.encode(entry.event());
        return ByteBuffer.allocate(Long.BYTES + event.length)
                .putLong(entry.acceptedAt())
                .put(event)
                .array();
    }

    private void place(Entry entry, long start, long end) {
        lock.lock();
        try {
            lastPlaced = end;
            if (reads && readUntil == OPEN) {
                boolean nearly = ready.isEmpty() && start - readFrom <= NEARLY_CAUGHT_UP && maxRows > 0;
                if (!nearly) {
                    diskRows++;
                    return;
                }
                readUntil = start;
            }
            if (memoryRows < maxRows && memoryBytes + entry.size() <= maxBytes) {
                ready.add(new Placed(end, entry));
                memoryRows++;
                memoryBytes += entry.size();
                return;
            }
            if (reads) {
                // What is in memory is on the disk too, right behind what is to be read.
                diskRows += ready.size();
                memoryRows -= ready.size();
                ready.forEach(placed -> memoryBytes -= placed.entry.size());
                ready.clear();
            } else {
                reads = true;
                readFrom = start;
                diskOldest = entry.acceptedAt();
            }
            readUntil = OPEN;
            diskRows++;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public @Nullable Claim poll(int maxRows) {
        Claim claim = fromMemory(maxRows);
        if (claim != null) {
            return claim;
        }
        reading.lock();
        try {
            claim = fromDisk(maxRows);
        } catch (IOException e) {
            throw new JournalException("The " + journal + " cannot be read: " + e, e);
        } finally {
            reading.unlock();
        }
        // What was left to be read may have been nothing.
        return claim == null ? fromMemory(maxRows) : claim;
    }

    private @Nullable Claim fromMemory(int maxRows) {
        long synced = journal.synced();
        lock.lock();
        try {
            if (reads && readUntil != OPEN) {
                return null;
            }
            List<Entry> entries = new ArrayList<>();
            long end = 0;
            for (Placed head = ready.peek();
                    head != null && head.end <= synced && entries.size() < maxRows;
                    head = ready.peek()) {
                entries.add(head.entry);
                end = head.end;
                ready.remove();
            }
            return entries.isEmpty() ? null : claim(entries, end, false);
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Claim fromDisk(int maxRows) throws IOException {
        long from;
        long limit = journal.synced();
        lock.lock();
        try {
            boolean memoryIsOlder = readUntil == OPEN && !ready.isEmpty();
            limit = Math.min(limit, readUntil);
            if (!reads || memoryIsOlder || readFrom >= limit) {
                return null;
            }
            from = readFrom;
        } finally {
            lock.unlock();
        }
        JournalReader.Batch batch = journal.files().read(from, limit, maxRows, MOST_READ_AT_ONCE);
        List<Entry> entries = new ArrayList<>(batch.records().size());
        for (JournalReader.Found record : batch.records()) {
            Entry entry = decoded(record);
            if (entry != null) {
                entries.add(entry);
            }
        }
        lock.lock();
        try {
            readFrom = batch.end();
            diskRows = Math.max(0, diskRows - batch.records().size());
            for (Entry entry : entries) {
                memoryRows++;
                memoryBytes += entry.size();
                diskOldest = entry.acceptedAt();
            }
            if (readFrom >= Math.min(lastPlaced, readUntil)) {
                reads = false;
                diskRows = 0;
                diskOldest = 0;
            }
            // What an earlier run wrote, it may have booked.
            Claim claim = claim(entries, readFrom, from < journal.openedAt());
            if (!entries.isEmpty()) {
                return claim;
            }
        } finally {
            lock.unlock();
        }
        // Nothing of it could be read; it is done with, and the next may be sound.
        done(new Claim(List.of(), true, this, readFrom));
        return fromDisk(maxRows);
    }

    private Claim claim(List<Entry> entries, long end, boolean mayBeKnown) {
        handed.put(end, new Handed(entries.isEmpty() ? 0 : entries.get(0).acceptedAt()));
        return new Claim(entries, mayBeKnown, this, end);
    }

    private @Nullable Entry decoded(JournalReader.Found record) throws IOException {
        ByteBuffer content = ByteBuffer.wrap(record.content());
        try {
            if (content.remaining() < Long.BYTES) {
                throw new InvalidArgumentException("it is too short");
            }
            long acceptedAt = content.getLong();
            byte[] event = new byte[content.remaining()];
            content.get(event);
            return Entry.of(EventCodec.decode(event), null, acceptedAt);
        } catch (InvalidArgumentException e) {
            journal.files().keep(record.end(), record.content(), String.valueOf(e.getMessage()));
            return null;
        }
    }

    @Override
    public long waiting() {
        long synced = journal.synced();
        lock.lock();
        try {
            Placed head = ready.peek();
            boolean isReady = head != null && head.end <= synced || reads && readFrom < synced;
            return isReady ? Math.max(1, ready.size() + diskRows) : 0;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean canRest() {
        return false;
    }

    @Override
    public void done(Claim claim) {
        long freed = 0;
        for (Entry entry : claim.entries()) {
            freed += entry.size();
        }
        long release = -1;
        lock.lock();
        try {
            memoryRows -= claim.entries().size();
            memoryBytes -= freed;
            Handed mine = handed.get(claim.ticket());
            if (mine != null) {
                mine.done = true;
            }
            var all = handed.entrySet().iterator();
            while (all.hasNext()) {
                Map.Entry<Long, Handed> next = all.next();
                if (!next.getValue().done) {
                    break;
                }
                release = next.getKey();
                all.remove();
            }
        } finally {
            lock.unlock();
        }
        if (release >= 0) {
            journal.release(release);
        }
    }

    @Override
    public State state() {
        lock.lock();
        try {
            long oldest = 0;
            if (!handed.isEmpty()) {
                oldest = handed.values().iterator().next().oldest;
            } else if (!ready.isEmpty()) {
                oldest = ready.element().entry.acceptedAt();
            } else if (reads) {
                oldest = diskOldest;
            }
            return new State(memoryRows + diskRows, memoryBytes, oldest);
        } finally {
            lock.unlock();
        }
    }

    long journalBytes() {
        return journal.bytes();
    }

    @Override
    public void close() {
        journal.stopTaking();
        bell.ringAll();
    }

    /** Gives the directory free; called when nobody books any more. */
    void closeFiles() {
        journal.close();
    }
}
