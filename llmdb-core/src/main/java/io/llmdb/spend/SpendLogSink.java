package io.llmdb.spend;

import java.sql.SQLException;
import java.util.function.Consumer;

/**
 * Where finished requests leave: the library's own log tables are behind one such sink, a proxy adds others beside it
 * (Kafka, S3, Prometheus).
 *
 * <p>Sinks never decide whether spend counts: counters, budgets and daily totals move whether or not any sink keeps
 * anything. One thread calls a sink at a time.
 */
public interface SpendLogSink extends AutoCloseable {

    /** When a sink is called. */
    enum Phase {
        /**
         * Inside the transaction that books the batch: what is written through its connection is committed together
         * with the books, or not at all. A failure fails the batch, which waits with all behind it and is tried again
         * until the sink takes it; whoever waits for the books is told. What was rolled back comes again.
         */
        IN_TRANSACTION,
        /**
         * After the commit, on a thread of the sink's own. Each event comes once, or perhaps twice, by two instances,
         * where the answer of a commit was lost. A batch is lost to the sink where the process dies between the commit
         * and the call, where about 64 MiB of events wait for the sink already, where {@code write} throws, and where
         * the database is closed before the sink has taken it. All but the first is counted and logged, and changes
         * nothing else.
         */
        AFTER_COMMIT
    }

    /**
     * A sink that looks at each request by itself, after the commit: for whoever wants the cost of every request,
     * whether or not rows are kept.
     *
     * @param listener gets each booked request at most once, as {@link Phase#AFTER_COMMIT} says, on a thread of the
     *     sink's own, in the order of bookings
     * @return the sink
     */
    static SpendLogSink forEach(Consumer<SpendEvent> listener) {
        return batch -> batch.events().forEach(listener);
    }

    /**
     * Takes a batch.
     *
     * @param batch the finished requests
     * @throws SQLException where its database refuses
     */
    void write(SpendBatch batch) throws SQLException;

    /**
     * When this sink wants to be called.
     *
     * @return after the commit, unless overridden; asked once
     */
    default Phase phase() {
        return Phase.AFTER_COMMIT;
    }

    /** Called once after the last batch; does nothing unless overridden. */
    @Override
    default void close() {}
}
