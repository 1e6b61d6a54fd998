package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.LeaseDesk.Step;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.error.LlmDbException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread that asks the database for leases, as the desk says. */
final class LeaseThread implements AutoCloseable {

    private static final long LONGEST_REST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long PAUSE_AFTER_FAILURE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Logger LOG = LoggerFactory.getLogger(LeaseThread.class);

    private final LeaseDesk desk;
    private final LeaseStore store;
    private final Thread thread;
    private volatile boolean closing;
    private boolean lastFailed;
    private boolean moved;

    LeaseThread(LeaseDesk desk, LeaseStore store) {
        this.desk = desk;
        this.store = store;
        this.thread = new Thread(this::run, "llmdb-leases");
        this.thread.setDaemon(true);
        this.thread.start();
    }

    /** As {@link LeaseDesk#enqueue}. */
    CompletableFuture<Reservation> enqueue(List<Need> needs, long amount) {
        CompletableFuture<Reservation> answer = desk.enqueue(needs, amount);
        LockSupport.unpark(thread);
        if (closing) {
            answer.completeExceptionally(new IllegalStateException("The budgets are closed"));
        }
        return answer;
    }

    private void run() {
        while (!closing) {
            try {
                step(desk.next());
            } catch (RuntimeException e) {
                LOG.error("The lease desk failed and goes on", e);
                desk.fail(e);
                LockSupport.parkNanos(PAUSE_AFTER_FAILURE_NANOS);
            }
        }
        desk.fail(new IllegalStateException("The budgets are closed"));
    }

    private void step(Step step) {
        try {
            if (step instanceof Step.Grant grant) {
                desk.granted(grant, store.grant(grant.turn(), grant.questions()));
            } else if (step instanceof Step.Renew renew) {
                desk.renewed(renew, store.renew());
            } else if (step instanceof Step.LookForRecalls) {
                desk.recalled(store.recalled());
            } else if (step instanceof Step.Rest rest && !desk.hasArrivals() && !closing) {
                LockSupport.parkNanos(Math.min(rest.nanos(), LONGEST_REST_NANOS));
            }
            if (lastFailed && !(step instanceof Step.Rest)) {
                lastFailed = false;
                LOG.info("Leases can be had again");
            }
        } catch (LlmDbException e) {
            desk.failed(step, e);
            tell(e);
            LockSupport.parkNanos(PAUSE_AFTER_FAILURE_NANOS);
        }
    }

    private void tell(LlmDbException failure) {
        if (failure instanceof DatabaseMovedException) {
            if (!moved) {
                // Reading goes on there, so it would be news again and again.
                moved = true;
                LOG.warn("No more leases are granted here: {}", failure.getMessage());
            }
        } else if (!lastFailed) {
            lastFailed = true;
            LOG.warn("The database cannot be asked for leases: {}", failure.getMessage());
        }
    }

    /**
     * Stops admitting and hands everything back; what calls have in use by then is free at once, so close the recorder
     * before.
     */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(thread);
        try {
            thread.join(Duration.ofSeconds(10).toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        try {
            store.returnAll();
        } catch (LlmDbException e) {
            LOG.warn("Leases could not be handed back and will lapse by themselves: {}", e.getMessage());
        }
    }
}
