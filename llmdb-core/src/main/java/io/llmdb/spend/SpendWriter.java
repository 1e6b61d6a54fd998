package io.llmdb.spend;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.DbErrors;
import io.llmdb.spend.DeadLetters.Burial;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Books what waits in a backlog, batch after batch, on a thread of its own. Ends when the backlog is closed and empty,
 * and never because of a failure: what cannot be booked now is tried again, what can never be booked is set aside.
 */
final class SpendWriter {

    /** How often a batch is tried whose failure nobody can explain, before its events are tried alone. */
    private static final int TRIES_OF_THE_UNCLEAR = 5;

    /** A batch that fails for the database's sake is cut in halves, down to this: it may have been too much for it. */
    private static final int SMALLEST_PORTION = 64;

    private static final long LONGEST_PAUSE_FACTOR = 30;
    /** It is called; this is for the end. */
    private static final long HELPER_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final Logger LOG = LoggerFactory.getLogger(SpendWriter.class);

    private final Backlog backlog;
    private final Booking booking;
    private final DeadLetters deadLetters;
    private final DeliveryPolicy policy;
    private final DeliveryCounts counts;
    private final Bell bell;
    private final Consumer<List<SpendEvent>> onBooked;
    private final Consumer<List<SpendEvent>> onSettled;
    private final AtomicBoolean closing;
    private final Clock databaseClock;
    private final Thread thread;
    private final @Nullable SpendWriter helper;
    private final boolean isHelper;
    private volatile @Nullable Consumer<Backlog.Entry> heir;
    private volatile boolean abandoned;
    private volatile List<Backlog.Entry> claimed = List.of();
    private int portion;
    private long lastLogged;

    /**
     * @param onBooked gets the events of each batch that this writer booked
     * @param onSettled gets the events that need not be waited for any more: booked, known before, or set aside
     * @param closing whether the backlog is closed
     * @param databaseClock tells how long events have waited
     * @param helper books beside this one when much waits; null: this is a helper
     */
    SpendWriter(
            String name,
            Backlog backlog,
            Booking booking,
            DeadLetters deadLetters,
            DeliveryPolicy policy,
            DeliveryCounts counts,
            Bell bell,
            Consumer<List<SpendEvent>> onBooked,
            Consumer<List<SpendEvent>> onSettled,
            AtomicBoolean closing,
            Clock databaseClock,
            @Nullable SpendWriter helper) {
        this.backlog = backlog;
        this.booking = booking;
        this.deadLetters = deadLetters;
        this.policy = policy;
        this.counts = counts;
        this.bell = bell;
        this.onBooked = onBooked;
        this.onSettled = onSettled;
        this.closing = closing;
        this.databaseClock = databaseClock;
        this.helper = helper;
        this.isHelper = helper == null;
        this.portion = policy.maxBatchRows();
        this.lastLogged = System.nanoTime() - LOG_EVERY_NANOS;
        this.thread = new Thread(this::run, name);
        this.thread.setDaemon(true);
    }

    /** What the database refuses because it has moved goes to somebody who books it there. */
    void handOverTo(Consumer<Backlog.Entry> taker) {
        heir = taker;
        if (helper != null) {
            helper.handOverTo(taker);
        }
    }

    void start() {
        if (helper != null) {
            helper.start();
        }
        thread.start();
    }

    /** Waits for the end; false where it does not come in time. */
    boolean join(long millis) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        thread.join(Math.max(1, millis));
        if (helper != null) {
            LockSupport.unpark(helper.thread);
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            return helper.join(Math.max(1, left)) && !thread.isAlive();
        }
        return !thread.isAlive();
    }

    /** Has it end without booking the rest, whose callers are told. It may hang in the database, so they come first. */
    void abandon() {
        abandoned = true;
        thread.interrupt();
        failWaiting(claimed);
        if (helper != null) {
            helper.abandon();
        }
    }

    private void run() {
        while (!abandoned) {
            try {
                boolean wasClosing = closing.get();
                Backlog.Claim claim = !isHelper || isMuchWaiting() ? backlog.poll(policy.maxBatchRows()) : null;
                if (claim != null) {
                    callHelper();
                    claimed = claim.entries();
                    write(claim);
                    tellIfLate(claim);
                    claimed = List.of();
                } else if (wasClosing && backlog.state().rows() == 0) {
                    return;
                } else if (isHelper) {
                    LockSupport.parkNanos(this, HELPER_NAP_NANOS);
                } else {
                    bell.await(() -> backlog.waiting() > 0
                            || closing.get() && backlog.state().rows() == 0);
                }
            } catch (InterruptedException e) {
                LOG.debug("A writer was interrupted");
            } catch (RuntimeException e) {
                LOG.error("A writer goes on after a failure of its own", e);
                pause(policy.retryPause().toMillis());
            }
        }
    }

    /** More than the next batch takes. */
    private boolean isMuchWaiting() {
        return backlog.waiting() > policy.maxBatchRows();
    }

    private void callHelper() {
        if (helper != null && isMuchWaiting()) {
            LockSupport.unpark(helper.thread);
        }
    }

    private void write(Backlog.Claim claim) throws InterruptedException {
        List<Backlog.Entry> rest = claim.entries();
        boolean mayBeKnown = claim.mayBeKnown();
        try {
            long pause = policy.retryPause().toMillis();
            int unclear = 0;
            while (!rest.isEmpty() && !abandoned) {
                List<Backlog.Entry> now = rest.subList(0, Math.min(portion, rest.size()));
                try {
                    settle(now, book(now, mayBeKnown));
                    rest = rest.subList(now.size(), rest.size());
                    portion = Math.min(policy.maxBatchRows(), portion * 2);
                    pause = policy.retryPause().toMillis();
                    unclear = 0;
                } catch (RuntimeException e) {
                    counts.failedBatches.increment();
                    mayBeKnown = true;
                    if (DbErrors.isMoved(e) && handedOver(now)) {
                        rest = rest.subList(now.size(), rest.size());
                        continue;
                    }
                    Blame blame = Blame.of(e);
                    if (blame == Blame.EVENT || blame == Blame.UNCLEAR && ++unclear >= TRIES_OF_THE_UNCLEAR) {
                        bookWithoutTheBad(now, e);
                        rest = rest.subList(now.size(), rest.size());
                        unclear = 0;
                    } else {
                        portion = Math.max(Math.min(SMALLEST_PORTION, policy.maxBatchRows()), portion / 2);
                        tell(e);
                        rest = withoutWaiting(rest, e);
                        if (!rest.isEmpty()) {
                            sleep(pause);
                            pause = Math.min(pause * 2, policy.retryPause().toMillis() * LONGEST_PAUSE_FACTOR);
                        }
                    }
                }
            }
        } finally {
            if (rest.isEmpty()) {
                backlog.done(claim);
            } else {
                failWaiting(rest);
            }
        }
    }

    private Booking.Outcome book(List<Backlog.Entry> entries, boolean mayBeKnown) {
        try {
            return entries.size() == 1
                    ? booking.bookOne(entries.get(0).event())
                    : booking.book(events(entries), mayBeKnown);
        } catch (OutOfMemoryError e) {
            // A smaller portion may fit.
            throw new DatabaseFailureException("Not enough memory to book " + entries.size() + " events", e);
        }
    }

    /** Sets aside what can be seen to be bad, and halves the rest until what PostgreSQL refuses stands alone. */
    private void bookWithoutTheBad(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        List<Backlog.Entry> good = new ArrayList<>(entries.size());
        List<Burial> bad = new ArrayList<>();
        List<Backlog.Entry> dead = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            String problem = EventCheck.problem(entry.event());
            if (problem == null) {
                good.add(entry);
            } else {
                bad.add(Burial.refused(entry.event(), problem, null));
                dead.add(entry);
            }
        }
        bury(dead, bad);
        if (dead.isEmpty()) {
            halve(good, failure);
        } else {
            bookOrHalve(good);
        }
    }

    private void bookOrHalve(List<Backlog.Entry> entries) throws InterruptedException {
        int unclear = 0;
        while (!entries.isEmpty() && !abandoned) {
            try {
                settle(entries, book(entries, true));
                return;
            } catch (RuntimeException e) {
                counts.failedBatches.increment();
                if (DbErrors.isMoved(e) && handedOver(entries)) {
                    return;
                }
                Blame blame = Blame.of(e);
                if (blame == Blame.EVENT || blame == Blame.UNCLEAR && ++unclear >= TRIES_OF_THE_UNCLEAR) {
                    halve(entries, e);
                    return;
                }
                tell(e);
                sleep(policy.retryPause().toMillis());
            }
        }
    }

    private void halve(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        if (entries.size() == 1) {
            SpendEvent event = entries.get(0).event();
            bury(entries, List.of(Burial.refused(event, failure.getMessage(), DbErrors.sqlState(failure))));
        } else if (!entries.isEmpty()) {
            int middle = entries.size() / 2;
            bookOrHalve(entries.subList(0, middle));
            bookOrHalve(entries.subList(middle, entries.size()));
        }
    }

    private void settle(List<Backlog.Entry> entries, Booking.Outcome outcome) throws InterruptedException {
        counts.batch(entries.size());
        counts.booked.add(outcome.booked().size());
        counts.repeated.add(outcome.repeated().size());
        Set<SpendEvent> wrong = Collections.newSetFromMap(new IdentityHashMap<>());
        wrong.addAll(outcome.contradicting());
        List<Burial> burials = new ArrayList<>();
        List<Backlog.Entry> dead = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            if (wrong.contains(entry.event())) {
                dead.add(entry);
                burials.add(Burial.contradicting(entry.event()));
            } else if (entry.done() != null) {
                entry.done().complete(null);
            }
        }
        inform(onBooked, outcome.booked());
        inform(onSettled, wrong.isEmpty() ? events(entries) : without(entries, wrong));
        counts.contradicting.add(dead.size());
        bury(dead, burials);
    }

    private static List<SpendEvent> without(List<Backlog.Entry> entries, Set<SpendEvent> wrong) {
        return entries.stream()
                .map(Backlog.Entry::event)
                .filter(event -> !wrong.contains(event))
                .toList();
    }

    /** Listeners are other people's; the books are written already. */
    private static void inform(Consumer<List<SpendEvent>> listener, List<SpendEvent> events) {
        if (!events.isEmpty()) {
            try {
                listener.accept(events);
            } catch (RuntimeException e) {
                LOG.error("A listener failed to take {} events", events.size(), e);
            }
        }
    }

    private void bury(List<Backlog.Entry> entries, List<Burial> burials) throws InterruptedException {
        if (entries.isEmpty()) {
            return;
        }
        while (true) {
            try {
                deadLetters.add(burials);
                break;
            } catch (RuntimeException e) {
                counts.failedBatches.increment();
                // The new side decides for itself what becomes of the events.
                if (DbErrors.isMoved(e) && handedOver(entries)) {
                    return;
                }
                tell(e);
                if (abandoned) {
                    failWaiting(entries);
                    return;
                }
                sleep(policy.retryPause().toMillis());
            }
        }
        for (int i = 0; i < entries.size(); i++) {
            Backlog.Entry entry = entries.get(i);
            Burial burial = burials.get(i);
            counts.dead.increment();
            LOG.error(
                    "Event {} was not booked and stands among the dead letters: {}",
                    entry.event().id(),
                    burial.reason());
            if (entry.done() != null) {
                entry.done().completeExceptionally(burial.answer());
            }
        }
        inform(onSettled, events(entries));
    }

    /** Gives events to the new side, which books each once and answers whoever waits; false where there is none. */
    private boolean handedOver(List<Backlog.Entry> entries) throws InterruptedException {
        Consumer<Backlog.Entry> taker = heir;
        if (taker == null) {
            return false;
        }
        for (Backlog.Entry entry : entries) {
            for (boolean taken = false; !taken; ) {
                try {
                    taker.accept(entry);
                    taken = true;
                } catch (BacklogFullException e) {
                    sleep(policy.retryPause().toMillis());
                }
            }
        }
        inform(onSettled, events(entries));
        return true;
    }

    /** Nothing is held back for a batch to fill, so this means that the database is too slow or was away. */
    private void tellIfLate(Backlog.Claim claim) {
        long waited = databaseClock.millis() - claim.entries().get(0).acceptedAt();
        if (waited > policy.longestWait().toMillis() && mayLog()) {
            LOG.warn(
                    "Events waited {} s to be booked, longer than proxy_batch_write_at; {} wait",
                    waited / 1_000,
                    backlog.state().rows());
        }
    }

    private boolean mayLog() {
        boolean may = System.nanoTime() - lastLogged > LOG_EVERY_NANOS;
        if (may) {
            lastLogged = System.nanoTime();
        }
        return may;
    }

    private void tell(RuntimeException failure) {
        if (mayLog()) {
            LOG.warn("{} events wait for the database: {}", backlog.state().rows(), failure.getMessage());
        }
    }

    /** Whoever waits for its commit is told at once that the database is away; the others' events are tried again. */
    private static List<Backlog.Entry> withoutWaiting(List<Backlog.Entry> entries, RuntimeException failure) {
        List<Backlog.Entry> others = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            if (entry.done() == null) {
                others.add(entry);
            } else {
                entry.done().completeExceptionally(failure);
            }
        }
        return others;
    }

    static void failWaiting(List<Backlog.Entry> entries) {
        withoutWaiting(
                entries,
                new DatabaseUnavailableException(
                        "Closed before the database took the event; whether it was booked is not known"));
    }

    private void sleep(long millis) throws InterruptedException {
        if (!abandoned) {
            Thread.sleep(millis);
        }
    }

    private void pause(long millis) {
        try {
            sleep(millis);
        } catch (InterruptedException e) {
            LOG.debug("A writer was interrupted");
        }
    }

    private static List<SpendEvent> events(List<Backlog.Entry> entries) {
        List<SpendEvent> events = new ArrayList<>(entries.size());
        entries.forEach(entry -> events.add(entry.event()));
        return events;
    }

    @Override
    public String toString() {
        return thread.getName();
    }
}
