package io.llmdb.spend;

import io.llmdb.internal.Futures;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
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
    private final Departure departure;
    /** Writes the groups that were begun by callers who do not wait. */
    private final ShortLivedThread inserting = new ShortLivedThread("llmdb-inbox");
    /** What is queued here; its rows need nobody to adopt them. */
    private final Set<UUID> own = ConcurrentHashMap.newKeySet();

    /** Who has no answer yet. */
    private final Set<Arrival> open = ConcurrentHashMap.newKeySet();

    private volatile @Nullable Function<SpendEvent, CompletableFuture<Void>> heir;
    private Group group = new Group(null);

    /**
     * @param answers tells callers who do not wait
     * @param departure what sends events to the heir
     */
    InboxBacklog(MemoryBacklog memory, Inbox inbox, Executor answers, Departure departure) {
        this.memory = memory;
        this.inbox = inbox;
        this.answers = answers;
        this.departure = departure;
    }

    /** One event on its way into the table, its room in memory taken. */
    private static final class Arrival {
        private final Inbox.Row row;
        private final boolean isWaitedFor;
        private final CompletableFuture<Void> answer = new CompletableFuture<>();
        private Entry entry;
        /** Whether it is in memory, or its room was given back. Of whoever leads. */
        private boolean isSettled;

        private Arrival(Entry entry, Inbox.Row row, boolean isWaitedFor) {
            this.entry = entry;
            this.row = row;
            this.isWaitedFor = isWaitedFor;
        }
    }

    /** Events that are written together. */
    private static final class Group {
        private final @Nullable CountDownLatch before;
        private final CountDownLatch done = new CountDownLatch(1);
        private final AtomicBoolean isLed = new AtomicBoolean();
        private final List<Arrival> arrivals = new ArrayList<>();
        /** There as soon as somebody is in this one, so that whoever leads need not make it. */
        private @Nullable Group next;

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
            try {
                inserting.execute(() -> lead(mine));
            } catch (Throwable e) {
                lead(mine);
            }
        }
        return arrival.answer;
    }

    private Arrival arrival(Entry entry, boolean isWaitedFor) {
        try {
            Inbox.Row row = inbox.row(entry.event());
            return new Arrival(entry.standingInInbox(), row, isWaitedFor);
        } catch (Throwable e) {
            memory.cancel(entry);
            throw e;
        }
    }

    /** The event's group where it is the first in there, who leads; else null. */
    private @Nullable Group enter(Arrival arrival) {
        lock.lock();
        try {
            Group mine = group;
            boolean isFirst = mine.arrivals.isEmpty();
            if (isFirst) {
                mine.next = new Group(mine.done);
            }
            own.add(arrival.row.id());
            open.add(arrival);
            mine.arrivals.add(arrival);
            return isFirst ? mine : null;
        } catch (Throwable e) {
            giveUp(arrival, e);
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private void lead(Group mine) {
        if (!mine.isLed.compareAndSet(false, true)) {
            return;
        }
        boolean interrupted = false;
        try {
            interrupted = awaitBefore(mine);
            begin(mine);
            insert(mine.arrivals);
        } catch (Throwable e) {
            begin(mine);
            mine.arrivals.forEach(arrival -> giveUp(arrival, e));
            throw e;
        } finally {
            mine.done.countDown();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Others' events are in the group too, so an interrupt of this caller may not spoil it; returns whether there was
     * one.
     */
    private static boolean awaitBefore(Group mine) {
        boolean interrupted = Thread.interrupted();
        while (mine.before != null && mine.before.getCount() > 0) {
            try {
                mine.before.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        return interrupted;
    }

    /** From here on who comes joins the next group. */
    private void begin(Group mine) {
        lock.lock();
        try {
            if (group == mine) {
                group = Objects.requireNonNull(mine.next);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Forgets an event of which nobody knows whether it is committed; if it is, it is adopted. */
    private void giveUp(Arrival arrival, Throwable failure) {
        cancel(arrival);
        answer(arrival, failure);
    }

    private void cancel(Arrival arrival) {
        if (!arrival.isSettled) {
            arrival.isSettled = true;
            own.remove(arrival.row.id());
            memory.cancel(arrival.entry);
        }
    }

    /** Tells whoever still waits for the database that nobody waits any more. */
    void failOpen(RuntimeException failure) {
        open.forEach(arrival -> answer(arrival, failure));
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
                        inbox.insert(some.stream().map(arrival -> arrival.row).toList());
                // Where an id came twice, the row is of one of them.
                there = some.stream()
                        .filter(arrival -> !inserted.remove(arrival.row.id()))
                        .toList();
            }
        } catch (Throwable e) {
            if (some.size() > 1 && e instanceof RuntimeException && Blame.of(e) == Blame.EVENT) {
                some.forEach(arrival -> insertTogether(List.of(arrival)));
            } else {
                fail(some, e);
            }
            return;
        }
        List<Arrival> taken = new ArrayList<>(some);
        for (Arrival arrival : there) {
            try {
                if (isOther(arrival)) {
                    taken.remove(arrival);
                    fail(List.of(arrival), new ContradictingEventException(arrival.row.id()));
                }
            } catch (RuntimeException e) {
                // It may stand there with other content, and then this event stands nowhere.
                taken.remove(arrival);
                fail(List.of(arrival), e);
            }
        }
        memory.enter(taken.stream().map(arrival -> arrival.entry).toList());
        taken.forEach(arrival -> arrival.isSettled = true);
        tell(taken, null);
    }

    /** Whether a row with the same id has other content, so that this event stands nowhere. */
    private boolean isOther(Arrival arrival) {
        Inbox.Stored row = inbox.find(arrival.row.id());
        if (row == null) {
            // It was booked meanwhile; the books tell whether this event is the same.
            return false;
        }
        if (row.event() == null) {
            // Of a later version, and that one's to delete.
            arrival.entry = arrival.entry.outsideInbox();
            return false;
        }
        return !arrival.entry.event().equals(row.event());
    }

    @SuppressWarnings("FutureReturnValueIgnored") // The arrival's own answer says it.
    private void fail(List<Arrival> some, Throwable failure) {
        some.forEach(this::cancel);
        Function<SpendEvent, CompletableFuture<Void>> taker = heir;
        if (taker == null || !departure.isSeenIn(failure)) {
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

    private void answer(Arrival arrival, @Nullable Throwable failure) {
        open.remove(arrival);
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
