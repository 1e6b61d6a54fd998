package io.llmdb.spend;

import io.llmdb.internal.DbErrors;
import java.sql.SQLException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The proxy's sinks that write in the transaction that books a batch. Safe for use by several threads. */
final class TransactionalSinks implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(TransactionalSinks.class);

    private final List<SpendLogSink> sinks;

    TransactionalSinks(List<SpendLogSink> sinks) {
        this.sinks = List.copyOf(sinks);
    }

    boolean isEmpty() {
        return sinks.isEmpty();
    }

    /**
     * Hands a batch to each, one thread at a time.
     *
     * @throws SinkFailedException where one does not take it
     * @throws SQLException where PostgreSQL gave the transaction up for others' sake, so that it is worth another try
     */
    void write(SpendBatch batch) throws SQLException {
        for (SpendLogSink sink : sinks) {
            synchronized (sink) {
                write(sink, batch);
            }
        }
    }

    private static void write(SpendLogSink sink, SpendBatch batch) throws SQLException {
        try {
            sink.write(batch);
        } catch (OutOfMemoryError e) {
            // A smaller portion may fit.
            throw e;
        } catch (SQLException | RuntimeException | Error e) {
            if (e instanceof SQLException sql && DbErrors.isWorthRunningAgain(sql)) {
                throw sql;
            }
            throw new SinkFailedException(sink, e);
        }
    }

    /** Closes each; called when nobody books any more. */
    @Override
    public void close() {
        sinks.forEach(TransactionalSinks::close);
    }

    /** What one sink throws keeps no other open. */
    static void close(SpendLogSink sink) {
        try {
            sink.close();
        } catch (RuntimeException | Error e) {
            LOG.error("{} failed to close", sink.getClass().getName(), e);
        }
    }
}
