package io.llmdb.testkit;

import io.llmdb.spend.SpendBatch;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendLogSink;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A sink that remembers what it got, and fails when it is told to. Safe for use by several threads. */
public final class RecordingSink implements SpendLogSink {

    private final Phase phase;
    private final List<SpendEvent> events = new ArrayList<>();
    private int batches;
    private int failures;
    private boolean closed;

    private RecordingSink(Phase phase) {
        this.phase = phase;
    }

    /** @return one that is called after the commit, as sinks for other systems are */
    public static RecordingSink afterCommit() {
        return new RecordingSink(Phase.AFTER_COMMIT);
    }

    /** @return one that is called within the transaction that books the batch; what is rolled back it has seen too */
    public static RecordingSink inTransaction() {
        return new RecordingSink(Phase.IN_TRANSACTION);
    }

    @Override
    public Phase phase() {
        return phase;
    }

    @Override
    public synchronized void write(SpendBatch batch) throws SQLException {
        if (failures > 0) {
            failures--;
            throw new SQLException("This sink was told to fail");
        }
        batches++;
        events.addAll(batch.events());
        notifyAll();
    }

    /**
     * Makes it fail.
     *
     * @param times how many of the next batches
     */
    public synchronized void failNext(int times) {
        failures = times;
    }

    /** @return what it got, in that order */
    public synchronized List<SpendEvent> events() {
        return List.copyOf(events);
    }

    /** @return how many batches it got */
    public synchronized int batches() {
        return batches;
    }

    /** @return whether it was closed, which ends its work */
    public synchronized boolean isClosed() {
        return closed;
    }

    /**
     * Waits for events.
     *
     * @param count how many it shall have got in all
     * @param deadline how long to wait at most
     * @return what it got
     * @throws AssertionError where there are fewer in time
     */
    public List<SpendEvent> await(int count, Duration deadline) {
        Await.until("the sink has " + count + " events", deadline, () -> events().size() >= count);
        return events();
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
