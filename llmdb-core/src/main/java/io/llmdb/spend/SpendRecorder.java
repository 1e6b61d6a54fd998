package io.llmdb.spend;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes finished requests and sees to it that each is booked once.
 *
 * <p>One thread books. Each transaction takes what was accepted while the last one ran, so that a lone caller waits for
 * its own event only and many callers share a commit. Safe for use by several threads.
 */
public final class SpendRecorder implements AutoCloseable {

    /**
     * An event may start this much after the database's present, because machines' clocks differ; more is a mistake.
     */
    private static final Duration FUTURE_TOLERANCE = Duration.ofMinutes(5);

    private static final Logger LOG = LoggerFactory.getLogger(SpendRecorder.class);

    private final DeliveryPolicy policy;
    private final Clock databaseClock;
    private final Booking booking;
    private final DeadLetters deadLetters;
    private final Backlog backlog;
    private final SinkFanOut fanOut;
    private final Thread writer;
    private final LongAdder accepted = new LongAdder();
    private final LongAdder booked = new LongAdder();
    private final LongAdder repeated = new LongAdder();
    private final LongAdder contradicting = new LongAdder();
    private final LongAdder dead = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder batches = new LongAdder();
    private final LongAdder failedBatches = new LongAdder();
    private volatile Consumer<List<SpendEvent>> onBooked = events -> {};
    private volatile boolean closing;
    private volatile boolean abandoned;

    /**
     * Starts the writer.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param bookingPolicy what the books hold
     * @param policy how events travel
     * @param sinks where finished requests go beside the library's own tables
     */
    public SpendRecorder(
            Db db, Clock databaseClock, BookingPolicy bookingPolicy, DeliveryPolicy policy, List<SpendLogSink> sinks) {
        this.policy = policy;
        this.databaseClock = databaseClock;
        List<SpendLogSink> transactional = new ArrayList<>();
        List<SpendLogSink> afterCommit = new ArrayList<>();
        for (SpendLogSink sink : sinks) {
            (sink.phase() == SpendLogSink.Phase.IN_TRANSACTION ? transactional : afterCommit).add(sink);
        }
        this.booking = new Booking(db, bookingPolicy, new Partitions(db), transactional);
        this.deadLetters = new DeadLetters(db, booking);
        this.fanOut = new SinkFanOut(afterCommit);
        this.backlog = new MemoryBacklog(policy, refused);
        this.writer = new Thread(this::writeUntilClosed, "llmdb-spend-writer");
        this.writer.setDaemon(true);
        this.writer.start();
    }

    /**
     * Takes a finished request. What is safe when this returns, the {@linkplain DeliveryMode mode} says. Offering an
     * event again changes nothing.
     *
     * @param event the finished request
     * @throws InvalidArgumentException where it starts more than five minutes after the database's present
     * @throws BacklogFullException where the backlog is full and the settings say to refuse
     * @throws DatabaseUnavailableException in synchronous mode, where the database cannot be reached; whether the event
     *     was booked is not known, and offering it again is right
     * @throws EventRefusedException in synchronous mode, where PostgreSQL refuses the event
     * @throws ContradictingEventException in synchronous mode, where an event with this id and other content was booked
     *     before
     */
    public void record(SpendEvent event) {
        if (event.startTime().isAfter(databaseClock.instant().plus(FUTURE_TOLERANCE))) {
            throw new InvalidArgumentException("startTime " + event.startTime() + " of event " + event.id()
                    + " is more than " + FUTURE_TOLERANCE.toMinutes() + " minutes after the database's present");
        }
        if (policy.mode() != DeliveryMode.SYNCHRONOUS) {
            backlog.put(new Backlog.Entry(event, null));
            accepted.increment();
            return;
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        backlog.put(new Backlog.Entry(event, done));
        accepted.increment();
        try {
            done.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                cause.addSuppressed(new RuntimeException("Waited for event " + event.id()));
                throw cause;
            }
            throw e;
        }
    }

    /**
     * Waits until everything that was accepted before the call is booked.
     *
     * @param timeout how long to wait at most
     * @return false where time ran out
     */
    public boolean flush(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (backlog.rows() > 0) {
            if (System.nanoTime() - deadline > 0 || Thread.currentThread().isInterrupted()) {
                return false;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        return fanOut.flush(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    }

    /**
     * Has the reservations told of every event that is in the books or among the dead letters, on the writer's thread.
     *
     * @param listener called with the events of a batch; replaces the one before
     */
    public void onBooked(Consumer<List<SpendEvent>> listener) {
        onBooked = listener;
    }

    /** @return the events that could not be booked */
    public DeadLetters deadLetters() {
        return deadLetters;
    }

    /** @return how the way into the books looks now */
    public DeliveryMetrics metrics() {
        return new DeliveryMetrics(
                backlog.rows(),
                backlog.bytes(),
                accepted.sum(),
                booked.sum(),
                repeated.sum(),
                contradicting.sum(),
                dead.sum(),
                refused.sum(),
                batches.sum(),
                failedBatches.sum(),
                fanOut.failures());
    }

    /**
     * Takes nothing more, books what is queued, and closes the sinks. Where time runs out, what is not booked is said
     * in the log as an error, with its number; a journal keeps it for the next start.
     */
    @Override
    public void close() {
        if (closing) {
            return;
        }
        closing = true;
        backlog.close();
        try {
            writer.join(policy.closeTimeout().toMillis());
            if (writer.isAlive()) {
                abandoned = true;
                writer.interrupt();
                writer.join(1_000);
                LOG.error("Closing gave up after {} with {} events not booked", policy.closeTimeout(), backlog.rows());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            abandoned = true;
        }
        fanOut.close();
    }

    private void writeUntilClosed() {
        try {
            for (Backlog.Claim claim = backlog.take(policy.maxBatchRows());
                    claim != null;
                    claim = backlog.take(policy.maxBatchRows())) {
                write(claim);
            }
        } catch (InterruptedException e) {
            LOG.debug("The writer was interrupted");
        }
    }

    private void write(Backlog.Claim claim) throws InterruptedException {
        List<Backlog.Entry> rest = claim.entries();
        boolean mayBeKnown = claim.mayBeKnown();
        long pause = policy.retryPause().toMillis();
        while (!rest.isEmpty()) {
            try {
                settle(rest, booking.book(events(rest), mayBeKnown));
                break;
            } catch (RuntimeException e) {
                failedBatches.increment();
                mayBeKnown = true;
                if (!DbErrors.isUnavailable(e) && !DbErrors.isWorthRunningAgain(e)) {
                    bookApart(rest, e);
                    break;
                }
                rest = withoutWaiting(rest, e);
                if (!rest.isEmpty()) {
                    LOG.warn("{} events wait for the database: {}", backlog.rows(), e.getMessage());
                    Thread.sleep(pause);
                    pause = Math.min(pause * 2, policy.retryPause().toMillis() * 30);
                }
            }
            if (abandoned) {
                return;
            }
        }
        backlog.done(claim);
    }

    /** Halves a batch until the event that PostgreSQL refuses stands alone; its neighbours are booked. */
    private void bookApart(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        if (entries.size() == 1) {
            bury(
                    entries.get(0),
                    String.valueOf(failure.getMessage()),
                    DbErrors.sqlState(failure),
                    new EventRefusedException("Event " + entries.get(0).event().id()
                            + " was refused and put among the dead letters: " + failure.getMessage()));
            return;
        }
        int middle = entries.size() / 2;
        for (List<Backlog.Entry> half : List.of(entries.subList(0, middle), entries.subList(middle, entries.size()))) {
            while (true) {
                try {
                    settle(half, booking.book(events(half), true));
                    break;
                } catch (RuntimeException e) {
                    failedBatches.increment();
                    if (!DbErrors.isUnavailable(e) && !DbErrors.isWorthRunningAgain(e)) {
                        bookApart(half, e);
                        break;
                    }
                    Thread.sleep(policy.retryPause().toMillis());
                }
            }
        }
    }

    private void settle(List<Backlog.Entry> entries, Booking.Outcome outcome) throws InterruptedException {
        batches.increment();
        booked.add(outcome.booked().size());
        repeated.add(outcome.repeated().size());
        Set<SpendEvent> wrong = Collections.newSetFromMap(new IdentityHashMap<>());
        wrong.addAll(outcome.contradicting());
        for (Backlog.Entry entry : entries) {
            if (wrong.contains(entry.event())) {
                ContradictingEventException reason =
                        new ContradictingEventException(entry.event().id());
                contradicting.increment();
                bury(entry, String.valueOf(reason.getMessage()), null, reason);
            } else if (entry.done() != null) {
                entry.done().complete(null);
            }
        }
        onBooked.accept(events(entries));
        fanOut.offer(outcome.booked());
    }

    private void bury(Backlog.Entry entry, String reason, @Nullable String sqlState, RuntimeException answer)
            throws InterruptedException {
        while (true) {
            try {
                deadLetters.add(entry.event(), reason, sqlState);
                dead.increment();
                LOG.error(
                        "Event {} was not booked and stands among the dead letters: {}",
                        entry.event().id(),
                        reason);
                onBooked.accept(List.of(entry.event()));
                break;
            } catch (DatabaseUnavailableException e) {
                Thread.sleep(policy.retryPause().toMillis());
            }
        }
        if (entry.done() != null) {
            entry.done().completeExceptionally(answer);
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

    private static List<SpendEvent> events(List<Backlog.Entry> entries) {
        return entries.stream().map(Backlog.Entry::event).toList();
    }
}
