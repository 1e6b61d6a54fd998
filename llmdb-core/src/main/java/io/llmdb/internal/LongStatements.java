package io.llmdb.internal;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets what works through whole days of a log take its time: the pool's own patience is for statements on a request's
 * way.
 */
public final class LongStatements {

    private static final int LONGEST_MILLIS = (int) TimeUnit.HOURS.toMillis(6);

    private static final Logger LOG = LoggerFactory.getLogger(LongStatements.class);

    private LongStatements() {}

    /**
     * Runs work each of whose statements may take six hours.
     *
     * @param tx where it runs
     * @param work what runs
     * @param <T> what it returns
     * @return the work's result
     * @throws SQLException what the work throws
     */
    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    public static <T extends @Nullable Object> T run(Tx tx, Tx.Work<T> work) throws SQLException {
        Connection connection = tx.connection();
        int before = connection.getNetworkTimeout();
        connection.setNetworkTimeout(Runnable::run, LONGEST_MILLIS);
        try {
            return work.run(tx);
        } finally {
            restore(connection, before);
        }
    }

    /**
     * Sets a connection's patience back. A broken connection cannot be restored; the pool finds that out by itself, and
     * the first failure is the one to tell.
     */
    static void restore(Connection connection, int networkTimeout) {
        try {
            connection.setNetworkTimeout(Runnable::run, networkTimeout);
        } catch (SQLException e) {
            LOG.debug("A connection could not be restored: {}", e.getMessage());
        }
    }
}
