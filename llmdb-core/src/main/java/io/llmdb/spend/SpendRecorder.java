package io.llmdb.spend;

import io.llmdb.common.Meter;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Futures;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes finished requests and sees to it that each is booked once.
 *
 * <p>Each transaction takes what was accepted while the last one ran, so that a lone caller waits for its own event
 * only and many callers share a commit. Safe for use by several threads.
 */
public final class SpendRecorder implements AutoCloseable {

    /**
     * An event may start this much after the database's present, because machines' clocks differ; more is a mistake.
     */
    private static final Duration FUTURE_TOLERANCE = Duration.ofMinutes(5);

    /** A transaction that books what was taken over may come to its end. */
    private static final long ADOPTER_END_MILLIS = 2_000;

    private static final Logger LOG = LoggerFactory.getLogger(SpendRecorder.class);

    private final DeliveryPolicy policy;
    private final Clock databaseClock;
    private final DeadLetters deadLetters;
    private final DeliveryCounts counts = new DeliveryCounts();
    private final Delivery delivery;
    private final Backlog backlog;
    private final TransactionalSinks inTransaction;
    private final SinkFanOut fanOut;
    private final Departure departure = new Departure();
    private final ShortLivedThread answers = new ShortLivedThread("llmdb-spend-answers");
    private final SpendWriter writer;
    private final InboxAdoption adoption;
    private final SpendWriter adopter;
    private final Bell bell = new Bell();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final AtomicInteger flushing = new AtomicInteger();
    private final Object listening = new Object();
    private volatile Consumer<List<SpendEvent>> onBooked = events -> {};

    /**
     * Starts the writer, and looks for what other instances left in the inbox.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param bookingPolicy what the books hold
     * @param policy how events travel
     * @param sinks where finished requests go beside the library's own tables
     * @throws JournalException where the policy asks for a journal and its directory cannot be used
     */
    public SpendRecorder(
            Db db, Clock databaseClock, BookingPolicy bookingPolicy, DeliveryPolicy policy, List<SpendLogSink> sinks) {
        this(db, databaseClock, bookingPolicy, policy, sinks, true);
    }

    /**
     * Starts the writer.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param bookingPolicy what the books hold
     * @param policy how events travel
     * @param sinks where finished requests go beside the library's own tables
     * @param adopts whether to book what other instances left in the inbox
     * @throws JournalException where the policy asks for a journal and its directory cannot be used
     */
    public SpendRecorder(
            Db db,
            Clock databaseClock,
            BookingPolicy bookingPolicy,
            DeliveryPolicy policy,
            List<SpendLogSink> sinks,
            boolean adopts) {
        this.policy = policy;
        this.databaseClock = databaseClock;
        List<SpendLogSink> transactional = new ArrayList<>();
        List<SpendLogSink> afterCommit = new ArrayList<>();
        for (SpendLogSink sink : sinks) {
            (sink.phase() == SpendLogSink.Phase.IN_TRANSACTION ? transactional : afterCommit).add(sink);
        }
        Inbox inbox = new Inbox(db, bookingPolicy.keepPrompts());
        this.inTransaction = new TransactionalSinks(transactional);
        Booking booking = new Booking(db, bookingPolicy, new Partitions(db), inbox, inTransaction);
        this.delivery = Delivery.of(policy, inbox, counts, bell, answers, departure);
        this.backlog = delivery.backlog();
        this.deadLetters = new DeadLetters(db, booking, inbox, bookingPolicy.keepPrompts());
        this.fanOut = new SinkFanOut(afterCommit);
        SpendWriter helper = writer("llmdb-spend-writer-2", backlog, booking, bell, null, true);
        this.writer = writer("llmdb-spend-writer", backlog, booking, bell, helper, false);
        Bell adoptersBell = new Bell();
        this.adoption = new InboxAdoption(inbox, delivery::holds, counts, adoptersBell);
        this.adopter = writer("llmdb-spend-inbox", adoption, booking, adoptersBell, null, false);
        writer.start();
        if (adopts && bookingPolicy.updateCounters()) {
            // Who counts nothing must not book what others count.
            adopter.start();
        }
    }

    private SpendWriter writer(
            String name, Backlog from, Booking booking, Bell bell, @Nullable SpendWriter helper, boolean isHelper) {
        PortionBooking portions = new PortionBooking(
                booking,
                deadLetters,
                policy,
                counts,
                fanOut::offer,
                this::settled,
                () -> from.state().rows(),
                departure);
        return new SpendWriter(
                name, from, portions, policy, counts, bell, closing, flushing, databaseClock, helper, isHelper);
    }

    /** From two writers; what listens need not be safe for that. */
    private void settled(List<SpendEvent> events) {
        synchronized (listening) {
            onBooked.accept(events);
        }
    }

    /**
     * Takes a finished request. What is safe when this returns, the {@linkplain DeliveryMode mode} says. Offering an
     * event again changes nothing.
     *
     * @param event the finished request
     * @throws InvalidArgumentException where it starts more than five minutes after the database's present
     * @throws BacklogFullException where the backlog is full and stays so for as long as the settings let callers wait
     * @throws JournalException in journal mode, where this machine's disk refuses; whether the event is in the journal
     *     is not known, and offering it again is right
     * @throws DatabaseUnavailableException in booked and synchronous mode, where the database cannot be reached;
     *     whether it took the event is not known, and offering it again is right
     * @throws io.llmdb.error.DatabaseFailureException in booked and synchronous mode, where the database is in a state
     *     in which it takes nothing, such as read-only or full
     * @throws EventRefusedException in booked mode, where PostgreSQL refuses the event
     * @throws io.llmdb.error.DatabaseMovedException in booked and synchronous mode, where the database has moved to
     *     another server and was not {@linkplain #handOver handed over}; the event was not taken here
     * @throws ContradictingEventException in booked mode, where an event with this id and other content was booked
     *     before; in synchronous mode, where one is about to be
     */
    public void record(SpendEvent event) {
        Instant now = acceptable(event);
        CompletableFuture<Void> done = policy.mode() == DeliveryMode.BOOKED ? new CompletableFuture<>() : null;
        backlog.put(Backlog.Entry.of(event, done, now.toEpochMilli()));
        counts.accepted.increment();
        if (done == null) {
            return;
        }
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
     * Takes a finished request without having its caller wait for the disk or the database, for proxies that answer on
     * an event loop. One thread can have any number of events on their way. Only where the backlog is full and
     * {@code full_queue_policy} is not {@code refuse}, the caller waits for room here.
     *
     * <p>The future is completed on a thread of the recorder's that gives all answers, one after the other. So what is
     * hung on it should be short and must not wait for another answer; what is longer goes elsewhere by one of the
     * {@code …Async} methods. Where there is nothing to wait for, as in memory mode, the future is complete already,
     * and what is hung on it runs at once. Cancelling it changes nothing.
     *
     * @param event the finished request
     * @return completed when the event is as safe as {@link #record} would have made it when it returns, or with the
     *     exception that {@link #record} would have thrown
     */
    public CompletableFuture<Void> recordAsync(SpendEvent event) {
        try {
            Instant now = acceptable(event);
            CompletableFuture<Void> done = policy.mode() == DeliveryMode.BOOKED ? new CompletableFuture<>() : null;
            CompletableFuture<Void> taken =
                    Futures.after(backlog.putAsync(Backlog.Entry.of(event, done, now.toEpochMilli())), failure -> {
                        if (failure == null) {
                            counts.accepted.increment();
                        }
                    });
            return done == null ? taken : Futures.after(done, answers, failure -> {});
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Returns the database's present. */
    private Instant acceptable(SpendEvent event) {
        Instant now = databaseClock.instant();
        if (event.startTime().isAfter(now.plus(FUTURE_TOLERANCE))) {
            throw new InvalidArgumentException("startTime " + event.startTime() + " of event " + event.id()
                    + " is more than " + FUTURE_TOLERANCE.toMinutes() + " minutes after the database's present");
        }
        return now;
    }

    /**
     * Waits for a moment in which nothing waits: everything that was accepted before the call is booked then, or stands
     * among the dead letters, and the sinks after the commit have it.
     *
     * @param timeout how long to wait at most
     * @return false where time ran out, as it may while others go on recording
     */
    public boolean flush(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        flushing.incrementAndGet();
        bell.endRest();
        try {
            while (backlog.state().rows() > 0) {
                if (System.nanoTime() - deadline > 0 || Thread.currentThread().isInterrupted()) {
                    return false;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            }
        } finally {
            flushing.decrementAndGet();
        }
        return fanOut.flush(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    }

    /**
     * Has the reservations told of every event that is in the books or among the dead letters, on a writer's thread,
     * one at a time.
     *
     * @param listener called with the events of a batch; replaces the one before
     */
    public void onBooked(Consumer<List<SpendEvent>> listener) {
        onBooked = listener;
    }

    /**
     * Has another recorder book what this one cannot, because its database has moved there: what is queued, and
     * whatever is recorded here from now on once the database refuses it as moved, or was heard to have moved and does
     * not answer any more.
     *
     * @param other the recorder of the database that this one has moved to
     */
    public void handOver(SpendRecorder other) {
        writer.handOverTo(other::take);
        adopter.handOverTo(other::take);
        InboxBacklog inbox = delivery.inbox();
        if (inbox != null) {
            inbox.handOverTo(event -> Futures.after(other.recordAsync(event), failure -> {
                if (failure == null) {
                    settled(List.of(event));
                }
            }));
        }
    }

    /** Takes an event from a recorder whose database has moved here, and answers whoever waits for it there. */
    private CompletableFuture<Void> take(Backlog.Entry entry, boolean safely) {
        boolean answersWhenBooked = policy.mode() == DeliveryMode.BOOKED || policy.mode() == DeliveryMode.SYNCHRONOUS;
        CompletableFuture<Void> done =
                entry.done() == null && answersWhenBooked && safely ? new CompletableFuture<>() : entry.done();
        // Where it stood in the old side's inbox, the move has brought its row along.
        CompletableFuture<Void> put = delivery.direct()
                .putAsync(new Backlog.Entry(
                        entry.event(),
                        answersWhenBooked ? done : null,
                        databaseClock.millis(),
                        entry.size(),
                        entry.inInbox()));
        CompletableFuture<Void> taken = Futures.after(put, failure -> {
            if (failure == null) {
                counts.accepted.increment();
                if (!answersWhenBooked && done != null) {
                    done.complete(null);
                }
            }
        });
        return answersWhenBooked && safely && done != null ? done : taken;
    }

    /** @return the events that could not be booked */
    public DeadLetters deadLetters() {
        return deadLetters;
    }

    /** @return how the way into the books looks now */
    public DeliveryMetrics metrics() {
        Backlog.State state = backlog.state();
        return new DeliveryMetrics(
                state.rows(),
                state.bytes(),
                age(state),
                delivery.journalBytes(),
                counts.accepted.sum(),
                counts.booked.sum(),
                counts.repeated.sum(),
                counts.contradicting.sum(),
                counts.dead.sum(),
                counts.blocked.sum(),
                counts.refused.sum(),
                counts.spilled.sum(),
                counts.setAside.sum(),
                counts.adopted.sum(),
                counts.batches.sum(),
                counts.failedBatches.sum(),
                counts.largestBatch.get(),
                IntStream.range(0, DeliveryMetrics.BATCH_SIZES.size())
                        .mapToObj(counts.batchSizes::get)
                        .toList(),
                fanOut.failures());
    }

    /** @return the same, one by one, for collectors of metrics */
    public List<Meter> meters() {
        return DeliveryMeters.of(this::metrics);
    }

    private Duration age(Backlog.State state) {
        return state.oldest() == 0
                ? Duration.ZERO
                : Duration.ofMillis(Math.max(0, databaseClock.millis() - state.oldest()));
    }

    /**
     * Takes nothing more, books what is queued, and closes the sinks. Where time runs out, what is not booked is said
     * in the log, with its number; a journal keeps it for the next start, the inbox for other instances too. Whoever
     * still waits is told. A second call waits for the first.
     */
    @Override
    public synchronized void close() {
        if (closing.get()) {
            return;
        }
        backlog.close();
        closing.set(true);
        adoption.close();
        // What it has taken over stands in the inbox still, for others.
        adopter.abandon();
        try {
            if (!writer.join(policy.closeTimeout().toMillis())) {
                giveUp();
            }
            adopter.join(ADOPTER_END_MILLIS);
        } catch (InterruptedException e) {
            giveUp();
            Thread.currentThread().interrupt();
        }
        List.<Runnable>of(delivery::closeFiles, answers::close, inTransaction::close, fanOut::close)
                .forEach(SpendRecorder::closePart);
    }

    private static void closePart(Runnable close) {
        try {
            close.run();
        } catch (RuntimeException e) {
            LOG.warn("Closing goes on after a failure", e);
        }
    }

    private void giveUp() {
        writer.abandon();
        try {
            // It may be about to write down what it just booked.
            writer.join(1_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        long rows = backlog.state().rows();
        if (policy.mode() == DeliveryMode.JOURNAL) {
            LOG.warn("Closed before {} events were booked; they are in the journal for the next start", rows);
            return;
        }
        if (policy.mode() == DeliveryMode.SYNCHRONOUS) {
            LOG.warn(
                    "Closed before {} events were booked; they are in the inbox for other instances{}",
                    rows,
                    policy.whenFull() == WhenFull.SPILL ? ", or in the journal for the next start" : "");
        } else {
            LOG.error("Closed before {} events were booked", rows);
        }
        InboxBacklog inbox = delivery.inbox();
        if (inbox != null) {
            inbox.failOpen(PortionBooking.closed());
        }
        Backlog waited = delivery.inMemory();
        if (waited != null) {
            for (Backlog.Claim rest = waited.poll(Integer.MAX_VALUE);
                    rest != null;
                    rest = waited.poll(Integer.MAX_VALUE)) {
                PortionBooking.failWaiting(rest.entries());
            }
        }
    }
}
