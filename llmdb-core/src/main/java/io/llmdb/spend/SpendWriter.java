package io.llmdb.spend;

import java.time.Clock;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Books what waits in a backlog, batch after batch, on a thread of its own. Ends when the backlog is closed and empty,
 * and never because of a failure: what cannot be booked now is tried again, what can never be booked is set aside.
 */
final class SpendWriter {

    /** A batch that fails for the database's sake is cut in halves, down to this: it may have been too much for it. */
    private static final int SMALLEST_PORTION = 64;

    private static final long LONGEST_PAUSE_FACTOR = 30;

    /** The helper books beside the writer when this part of a full batch waits. */
    private static final int HELP_FROM = 4;

    /** It is called; this is for the end. */
    private static final long HELPER_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** After fewer than this a rest may bring the next ones company. */
    private static final int SMALL_BATCH = 256;

    /** A batch of a few events costs the database about 2 ms whether it is one or ten. */
    private static final long REST_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final Logger LOG = LoggerFactory.getLogger(SpendWriter.class);

    private final Backlog backlog;
    private final PortionBooking booking;
    private final DeliveryPolicy policy;
    private final DeliveryCounts counts;
    private final Bell bell;
    private final AtomicBoolean closing;
    private final AtomicInteger flushing;
    private final Clock databaseClock;
    private final Thread thread;
    private final @Nullable SpendWriter helper;
    private final boolean isHelper;
    private volatile List<Backlog.Entry> claimed = List.of();
    private final int mostRows;
    private int portion;

    /**
     * @param booking this writer's own
     * @param closing whether the backlog is closed
     * @param flushing how many wait for all to be booked
     * @param databaseClock tells how long events have waited
     * @param helper books beside this one when much waits, or null
     * @param isHelper whether this books only when much waits
     */
    SpendWriter(
            String name,
            Backlog backlog,
            PortionBooking booking,
            DeliveryPolicy policy,
            DeliveryCounts counts,
            Bell bell,
            AtomicBoolean closing,
            AtomicInteger flushing,
            Clock databaseClock,
            @Nullable SpendWriter helper,
            boolean isHelper) {
        this.backlog = backlog;
        this.booking = booking;
        this.policy = policy;
        this.counts = counts;
        this.bell = bell;
        this.closing = closing;
        this.flushing = flushing;
        this.databaseClock = databaseClock;
        this.helper = helper;
        this.isHelper = isHelper;
        this.mostRows = Math.min(policy.maxBatchRows(), policy.maxBacklogRows());
        this.portion = mostRows;
        this.thread = new Thread(this::run, name);
        this.thread.setDaemon(true);
    }

    /** What the database refuses because it has moved goes to somebody who books it there. */
    void handOverTo(Heir heir) {
        booking.handOverTo(heir);
        if (helper != null) {
            helper.handOverTo(heir);
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
        booking.abandon();
        thread.interrupt();
        PortionBooking.failWaiting(claimed);
        if (helper != null) {
            helper.abandon();
        }
    }

    private void run() {
        while (!booking.isAbandoned()) {
            try {
                boolean wasClosing = closing.get();
                Backlog.Claim claim = !isHelper || isMuchWaiting() ? backlog.poll(mostRows) : null;
                if (claim != null) {
                    callHelper();
                    claimed = claim.entries();
                    write(claim);
                    tellIfLate(claim);
                    claimed = List.of();
                    if (claim.entries().size() < SMALL_BATCH && mayRest()) {
                        bell.rest(REST_NANOS, this::mayRest);
                    }
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
            } catch (RuntimeException | Error e) {
                if (booking.mayLog()) {
                    LOG.error("A writer goes on after a failure of its own", e);
                }
                pause(policy.retryPause().toMillis());
            }
        }
    }

    /** Not where a caller waits for the books, and not where anybody waits for all to be booked. */
    private boolean mayRest() {
        return !isHelper
                && policy.mode() != DeliveryMode.BOOKED
                && flushing.get() == 0
                && !closing.get()
                && backlog.canRest();
    }

    private boolean isMuchWaiting() {
        return backlog.waiting() > mostRows / HELP_FROM;
    }

    private void callHelper() {
        if (helper != null && isMuchWaiting()) {
            LockSupport.unpark(helper.thread);
        }
    }

    private void write(Backlog.Claim claim) throws InterruptedException {
        Course course = new Course(claim);
        try {
            while (!course.rest.isEmpty() && !booking.isAbandoned()) {
                try {
                    bookSome(course);
                } catch (InterruptedException e) {
                    if (booking.isAbandoned()) {
                        throw e;
                    }
                    // A sink's doing, perhaps. Nobody else would book these.
                    course.mayBeKnown = true;
                } catch (Error e) {
                    course.mayBeKnown = true;
                    if (booking.mayLog()) {
                        LOG.error("A writer goes on after a failure of its own", e);
                    }
                    pause(course.pause);
                }
            }
        } finally {
            booking.forgetDoubts();
            if (course.rest.isEmpty()) {
                backlog.done(claim);
            } else {
                PortionBooking.failWaiting(course.rest);
            }
        }
    }

    /** How far a claim is. */
    private final class Course {
        private List<Backlog.Entry> rest;
        private boolean mayBeKnown;
        private long pause = policy.retryPause().toMillis();

        private Course(Backlog.Claim claim) {
            this.rest = claim.entries();
            this.mayBeKnown = claim.mayBeKnown();
        }

        private void leaveOut(int done) {
            rest = rest.subList(done, rest.size());
        }
    }

    private void bookSome(Course course) throws InterruptedException {
        List<Backlog.Entry> now = course.rest.subList(0, Math.min(portion, course.rest.size()));
        try {
            booking.book(now, course.mayBeKnown);
            course.leaveOut(now.size());
            portion = Math.min(mostRows, portion * 2);
            course.pause = policy.retryPause().toMillis();
        } catch (RuntimeException e) {
            counts.failedBatches.increment();
            course.mayBeKnown = true;
            RuntimeException open = booking.setRight(now, e);
            if (open == null) {
                course.leaveOut(now.size());
                return;
            }
            portion = Math.max(Math.min(SMALLEST_PORTION, mostRows), portion / 2);
            booking.tell(open);
            course.rest = PortionBooking.withoutWaiting(course.rest, open);
            if (!course.rest.isEmpty()) {
                booking.sleep(course.pause);
                course.pause = Math.min(course.pause * 2, policy.retryPause().toMillis() * LONGEST_PAUSE_FACTOR);
            }
        }
    }

    /** Nothing is held back for a batch to fill, so this means that the database is too slow or was away. */
    private void tellIfLate(Backlog.Claim claim) {
        long waited = databaseClock.millis() - claim.entries().get(0).acceptedAt();
        if (waited > policy.longestWait().toMillis() && booking.mayLog()) {
            LOG.warn(
                    "Events waited {} s to be booked, longer than proxy_batch_write_at; {} wait",
                    waited / 1_000,
                    backlog.state().rows());
        }
    }

    private void pause(long millis) {
        try {
            booking.sleep(millis);
        } catch (InterruptedException e) {
            LOG.debug("A writer was interrupted");
        }
    }

    @Override
    public String toString() {
        return thread.getName();
    }
}
