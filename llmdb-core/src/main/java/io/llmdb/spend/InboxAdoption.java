package io.llmdb.spend;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.DbErrors;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What other instances left in the inbox: those that died, and those that were closed before they had booked all. Looks
 * for it every five to ten seconds; a writer of its own books it, one batch at a time. Only that writer polls.
 */
final class InboxAdoption implements Backlog {

    private static final long FIRST_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long EVERY_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** So long nobody else takes over what was taken over; the books bear it where it takes longer. */
    private static final Duration HOLD = Duration.ofSeconds(30);

    /** What cannot be read is looked at again, perhaps by a later version of this library. */
    private static final Duration UNREADABLE_FOR = Duration.ofHours(1);

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int MOST_ROWS = 1_000;
    private static final long MOST_BYTES = 8 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(SpendRecorder.class);

    private final Inbox inbox;
    private final Predicate<UUID> isOwn;
    private final Bell bell;
    private final LongAdder adopted;
    private final LongAdder setAside;
    private @Nullable UUID after;
    private boolean hasFailed;
    private volatile long dueAt;
    private volatile long rows;
    private volatile boolean closed;

    /** @param isOwn whether an event is queued in this very instance */
    InboxAdoption(Inbox inbox, Predicate<UUID> isOwn, DeliveryCounts counts, Bell bell) {
        this.inbox = inbox;
        this.isOwn = isOwn;
        this.bell = bell;
        this.adopted = counts.adopted;
        this.setAside = counts.setAside;
        this.dueAt =
                System.nanoTime() + FIRST_NANOS + ThreadLocalRandom.current().nextLong(FIRST_NANOS);
    }

    @Override
    public @Nullable Claim poll(int maxRows) {
        if (!isDue()) {
            return null;
        }
        try {
            while (!closed) {
                List<Inbox.Due> page = inbox.due(after, Math.min(maxRows, MOST_ROWS), PATIENCE);
                List<UUID> mine = orphans(page);
                if (mine.isEmpty() && page.size() < Math.min(maxRows, MOST_ROWS)) {
                    break;
                }
                List<Entry> entries = mine.isEmpty() ? List.of() : entries(inbox.adopt(mine, HOLD));
                hasFailed = false;
                if (!entries.isEmpty()) {
                    adopted.add(entries.size());
                    rows = entries.size();
                    LOG.info("Books {} events that another instance left in the inbox", rows);
                    return new Claim(entries, true, this, 0);
                }
            }
            hasFailed = false;
        } catch (RuntimeException e) {
            tell(e);
        }
        after = null;
        dueAt = System.nanoTime() + EVERY_NANOS + ThreadLocalRandom.current().nextLong(EVERY_NANOS);
        return null;
    }

    /** As many as may be in memory at once; goes on behind them the next time. */
    private List<UUID> orphans(List<Inbox.Due> page) {
        List<UUID> mine = new ArrayList<>();
        long bytes = 0;
        for (Inbox.Due row : page) {
            if (!isOwn.test(row.id())) {
                if (!mine.isEmpty() && bytes + row.bytes() > MOST_BYTES) {
                    break;
                }
                bytes += row.bytes();
                mine.add(row.id());
            }
            after = row.id();
        }
        return mine;
    }

    private List<Entry> entries(List<Inbox.Stored> found) {
        List<Entry> entries = new ArrayList<>(found.size());
        List<UUID> unreadable = new ArrayList<>();
        for (Inbox.Stored row : found) {
            SpendEvent event = row.event();
            if (event != null) {
                entries.add(Entry.of(event, null, row.receivedAt()).standingInInbox());
            } else {
                unreadable.add(row.id());
                LOG.error("Row {} of \"LLM_SpendInbox\" cannot be read and stays there: {}", row.id(), row.problem());
            }
        }
        if (!unreadable.isEmpty()) {
            inbox.postpone(unreadable, UNREADABLE_FOR);
            setAside.add(unreadable.size());
        }
        return entries;
    }

    /** The next look comes by itself, so one that fails is worth a word only where nobody else says it. */
    private void tell(RuntimeException failure) {
        if (closed || hasFailed || failure instanceof DatabaseUnavailableException || DbErrors.isMoved(failure)) {
            LOG.debug("Nothing is taken over from the inbox: {}", failure.getMessage());
        } else {
            LOG.warn("Nothing is taken over from the inbox: {}", failure.getMessage());
            hasFailed = true;
        }
    }

    private boolean isDue() {
        return !closed && System.nanoTime() - dueAt >= 0;
    }

    @Override
    public long waiting() {
        return isDue() ? 1 : 0;
    }

    @Override
    public boolean canRest() {
        return false;
    }

    @Override
    public void done(Claim claim) {
        rows = 0;
    }

    @Override
    public State state() {
        return new State(rows, 0, 0);
    }

    @Override
    public void close() {
        closed = true;
        bell.ringAll();
    }

    @Override
    public void put(Entry entry) {
        throw new UnsupportedOperationException("events come from the inbox only");
    }

    @Override
    public CompletableFuture<Void> putAsync(Entry entry) {
        throw new UnsupportedOperationException("events come from the inbox only");
    }
}
