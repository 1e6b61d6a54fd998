package io.llmdb.spend;

import io.llmdb.internal.DbErrors;
import io.llmdb.internal.Futures;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A queue in memory whose events stand in the inbox, so that nothing is lost with the process.
 *
 * <p>Callers share an INSERT: who comes first writes for all who came while the one before it ran. A lone caller writes
 * at once, on its own thread; there is no timer and no other thread. Room in memory is taken first, so that what is
 * committed has its place.
 */
final class InboxBacklog implements BoundedBacklog {

    /** One statement writes at most so many rows, and about so many bytes. */
    private static final int MOST_ROWS = 1_000;

    private static final long MOST_BYTES = 8 << 20;

    private final ReentrantLock lock = new ReentrantLock();
    private final MemoryBacklog memory;
    private final Inbox inbox;
    private final Executor answers;
    /** Writes the groups that were begun by callers who do not wait. */
    private final ShortLivedThread inserting = new ShortLivedThread("llmdb-inbox");
    /** What is queued here; its rows need nobody to adopt them. */
    private final Set<UUID> own = ConcurrentHashMap.newKeySet();

    private volatile @Nullable Function<SpendEvent, CompletableFuture<Void>> heir;
    private Group group = new Group(null);

    /** @param answers tells callers who do not wait */
    InboxBacklog(MemoryBacklog memory, Inbox inbox, Executor answers) {
        this.memory = memory;
        this.inbox = inbox;
        this.answers = answers;
    }

    /** One event on its way into the table, its room in memory taken. */
    private record Arrival(Entry entry, Inbox.Row row, CompletableFuture<Void> answer, boolean isWaitedFor) {}

    /** Events that are written together. */
    private static final class Group {
        private final @Nullable CountDownLatch before;
        private final CountDownLatch done = new CountDownLatch(1);
        private final List<Arrival> arrivals = new ArrayList<>();

        private Group(@Nullable CountDownLatch before) {
            this.before = before;
        }
    }

    /** What the database refuses because it has moved goes to somebody who takes it there. */
    void handOverTo(Function<SpendEvent, CompletableFuture<Void>> taker) {
        heir = taker;
    }

    /** Whether an event is queued here, so that its row is no orphan. */
    boolean holds(UUID id) {
        return own.contains(id);
    }

    @Override
    public void put(Entry entry) {
        memory.reserve(entry);
        insert(entry);
    }

    @Override
    public boolean putIfRoom(Entry entry) {
        if (!memory.reserveIfRoom(entry)) {
            return false;
        }
        insert(entry);
        return true;
    }

    @Override
    public CompletableFuture<Void> putAsync(Entry entry) {
        memory.reserve(entry);
        return insertAsync(entry);
    }

    @Override
    public @Nullable CompletableFuture<Void> putIfRoomAsync(Entry entry) {
        return memory.reserveIfRoom(entry) ? insertAsync(entry) : null;
    }

    private void insert(Entry entry) {
        Arrival arrival = arrival(entry, true);
        Group mine = enter(arrival);
        if (mine != null) {
            lead(mine);
        }
        try {
            arrival.answer.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    private CompletableFuture<Void> insertAsync(Entry entry) {
        Arrival arrival = arrival(entry, false);
        Group mine = enter(arrival);
        if (mine != null) {
            inserting.execute(() -> lead(mine));
        }
        return arrival.answer;
    }

    private Arrival arrival(Entry entry, boolean isWaitedFor) {
        try {
            Inbox.Row row = inbox.row(entry.event());
            return new Arrival(entry.standingInInbox(), row, new CompletableFuture<>(), isWaitedFor);
        } catch (Throwable e) {
            memory.cancel(entry);
            throw e;
        }
    }

    /** The event's group where it is the first in there, who leads; else null. */
    private @Nullable Group enter(Arrival arrival) {
        lock.lock();
        try {
            own.add(arrival.entry.event().id());
            group.arrivals.add(arrival);
            return group.arrivals.size() == 1 ? group : null;
        } finally {
            lock.unlock();
        }
    }

    private void lead(Group mine) {
        // Others' events are in the group too, so an interrupt of this caller may not spoil it.
        boolean interrupted = Thread.interrupted();
        while (mine.before != null && mine.before.getCount() > 0) {
            try {
                mine.before.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        lock.lock();
        try {
            // From here on who comes joins the next group.
            group = new Group(mine.done);
        } finally {
            lock.unlock();
        }
        try {
            insert(mine.arrivals);
        } catch (Throwable e) {
            mine.arrivals.forEach(arrival -> arrival.answer.completeExceptionally(e));
            throw e;
        } finally {
            mine.done.countDown();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void insert(List<Arrival> arrivals) {
        if (arrivals.size() > 1) {
            // Two instances that are offered the same events must not wait for each other.
            arrivals.sort(Comparator.comparing(arrival -> arrival.entry.event(), Booking.LOCK_ORDER));
        }
        int from = 0;
        long bytes = 0;
        for (int i = 0; i < arrivals.size(); i++) {
            bytes += arrivals.get(i).row.length();
            if (i + 1 == arrivals.size() || i + 1 - from == MOST_ROWS || bytes > MOST_BYTES) {
                insertTogether(arrivals.subList(from, i + 1));
                from = i + 1;
                bytes = 0;
            }
        }
    }

    private void insertTogether(List<Arrival> some) {
        List<Arrival> there = List.of();
        try {
            if (some.size() == 1) {
                there = inbox.insert(some.get(0).row) ? List.of() : some;
            } else {
                Set<UUID> inserted =
                        inbox.insert(some.stream().map(Arrival::row).toList());
                // Where an id came twice, the row is of one of them.
                there = some.stream()
                        .filter(arrival -> !inserted.remove(arrival.row.id()))
                        .toList();
            }
        } catch (Throwable e) {
            if (some.size() > 1 && e instanceof RuntimeException && Blame.of(e) == Blame.EVENT) {
                some.forEach(arrival -> insertTogether(List.of(arrival)));
            } else {
                some.forEach(arrival -> memory.cancel(arrival.entry));
                fail(some, e);
            }
            return;
        }
        List<Arrival> others = there.stream().filter(this::isOther).toList();
        List<Arrival> taken = others.isEmpty()
                ? some
                : some.stream().filter(arrival -> !others.contains(arrival)).toList();
        memory.enter(taken.stream().map(Arrival::entry).toList());
        tell(taken, null);
        for (Arrival other : others) {
            memory.cancel(other.entry);
            fail(List.of(other), new ContradictingEventException(other.row.id()));
        }
    }

    /** Whether a row with the same id has other content, so that this event stands nowhere. */
    private boolean isOther(Arrival arrival) {
        try {
            Inbox.Stored row = inbox.find(arrival.row.id());
            // A row that is gone was booked meanwhile; the books tell whether this event is the same.
            return row != null && !arrival.entry.event().equals(row.event());
        } catch (RuntimeException e) {
            return false;
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // The arrival's own answer says it.
    private void fail(List<Arrival> some, Throwable failure) {
        some.forEach(arrival -> own.remove(arrival.row.id()));
        Function<SpendEvent, CompletableFuture<Void>> taker = heir;
        if (taker == null || !DbErrors.isMoved(failure)) {
            tell(some, failure);
            return;
        }
        for (Arrival arrival : some) {
            try {
                Futures.after(taker.apply(arrival.entry.event()), refusal -> tell(List.of(arrival), refusal));
            } catch (RuntimeException e) {
                tell(List.of(arrival), e);
            }
        }
    }

    private void tell(List<Arrival> some, @Nullable Throwable failure) {
        List<Arrival> later = new ArrayList<>();
        for (Arrival arrival : some) {
            if (arrival.isWaitedFor) {
                answer(arrival, failure);
            } else {
                later.add(arrival);
            }
        }
        if (!later.isEmpty()) {
            answers.execute(() -> later.forEach(arrival -> answer(arrival, failure)));
        }
    }

    private static void answer(Arrival arrival, @Nullable Throwable failure) {
        if (failure == null) {
            arrival.answer.complete(null);
        } else {
            arrival.answer.completeExceptionally(failure);
        }
    }

    @Override
    public @Nullable Claim poll(int maxRows) {
        Claim claim = memory.poll(maxRows);
        return claim == null ? null : new Claim(claim.entries(), claim.mayBeKnown(), this, claim.ticket());
    }

    @Override
    public long waiting() {
        return memory.waiting();
    }

    @Override
    public boolean canRest() {
        return memory.canRest();
    }

    @Override
    public void done(Claim claim) {
        claim.entries().forEach(entry -> own.remove(entry.event().id()));
        memory.done(claim);
    }

    @Override
    public State state() {
        return memory.state();
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Ends the thread for callers who do not wait; called when nobody books any more. */
    void closeThread() {
        inserting.close();
    }
}
