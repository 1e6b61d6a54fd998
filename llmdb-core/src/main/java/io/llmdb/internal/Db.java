package io.llmdb.internal;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.time.Duration;
import javax.sql.DataSource;
import org.jooq.ExecuteContext;
import org.jooq.ExecuteListener;
import org.jooq.ExecuteType;
import org.jooq.SQLDialect;
import org.jooq.conf.MappedSchema;
import org.jooq.conf.RenderMapping;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultConfiguration;
import org.jooq.impl.DefaultExecuteListenerProvider;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Transactions on one schema of one database: either own ones on pooled connections, or part of a transaction that the
 * caller opened.
 *
 * <p>Keeps no session state between transactions, so that a pooler in transaction mode may stand between. Safe for use
 * by several threads; a {@linkplain #joining joined} one as far as its connection is.
 */
public final class Db {

    /** How often a transaction is run again that PostgreSQL gave up for others' sake (deadlock, serialization). */
    private static final int ATTEMPTS = 5;

    private static final Logger LOG = LoggerFactory.getLogger(Db.class);

    private final DataSource dataSource;
    private final @Nullable Connection joined;
    private final String schema;
    private final Sql sql;
    private final Settings settings;
    private final @Nullable Runnable afterWrites;

    /**
     * @param dataSource gives connections with auto-commit on
     * @param schema the schema's name, unquoted
     */
    public Db(DataSource dataSource, String schema) {
        this(dataSource, null, schema, null);
    }

    private Db(DataSource dataSource, @Nullable Connection joined, String schema, @Nullable Runnable afterWrites) {
        this.dataSource = dataSource;
        this.joined = joined;
        this.schema = schema;
        this.afterWrites = afterWrites;
        this.sql = new Sql(schema);
        this.settings = new Settings()
                // The classes were generated from a schema of this name.
                .withRenderMapping(new RenderMapping()
                        .withSchemata(new MappedSchema().withInput("llmdb").withOutput(schema)))
                .withExecuteLogging(false)
                .withDiagnosticsLogging(false);
    }

    /**
     * The same schema within a transaction that is open already.
     *
     * @param connection the caller's connection, with auto-commit off
     * @return one whose {@link #transaction} neither commits nor rolls back but by savepoint
     */
    public Db joining(Connection connection) {
        return new Db(dataSource, connection, schema, null);
    }

    /**
     * The same database, with something to do after each transaction of its own that wrote with jOOQ.
     *
     * @param task runs on the caller's thread once the transaction is committed; must not throw
     * @return such a database; one that {@linkplain #joining joins} does not know when its transaction is committed,
     *     and never runs it
     */
    public Db afterWrites(Runnable task) {
        return new Db(dataSource, joined, schema, task);
    }

    /** @return the schema's name, unquoted */
    public String schema() {
        return schema;
    }

    /** @return fills the schema's name into plain SQL */
    public Sql sql() {
        return sql;
    }

    /** @return where connections come from */
    public DataSource dataSource() {
        return dataSource;
    }

    /** @return whether this works inside a transaction that somebody else commits */
    public boolean isJoined() {
        return joined != null;
    }

    /**
     * Runs the work in a transaction at READ COMMITTED: commits when it returns, rolls back when it throws. Work that
     * PostgreSQL gave up for others' sake is run again, so it must have no effect outside of the transaction.
     *
     * @param work what to do
     * @param <T> what it returns
     * @return the work's result
     * @throws DatabaseUnavailableException where no connection is to be had or it broke
     * @throws LlmDbException what the work throws, or another failure, translated
     */
    public <T extends @Nullable Object> T transaction(Tx.Work<T> work) {
        if (joined != null) {
            return inSavepoint(joined, work);
        }
        for (int attempt = 1; ; attempt++) {
            try {
                return once(work);
            } catch (SQLException | DataAccessException e) {
                if (!DbErrors.isWorthRunningAgain(e) || attempt == ATTEMPTS) {
                    throw DbErrors.translate(e);
                }
                LOG.debug("Running a transaction again after {}", DbErrors.sqlState(e));
            }
        }
    }

    /**
     * Runs work that is one statement, without a transaction around it, which saves round trips. Run again as
     * {@link #transaction} does.
     *
     * @param work one statement
     * @param <T> what it returns
     * @return the work's result
     * @throws DatabaseUnavailableException where no connection is to be had or it broke
     * @throws LlmDbException another failure, translated
     */
    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    public <T extends @Nullable Object> T single(Tx.Work<T> work) {
        if (joined != null) {
            return inSavepoint(joined, work);
        }
        for (int attempt = 1; ; attempt++) {
            try (Connection connection = dataSource.getConnection()) {
                return work.run(tx(connection, null));
            } catch (SQLException | DataAccessException e) {
                if (!DbErrors.isWorthRunningAgain(e) || attempt == ATTEMPTS) {
                    throw DbErrors.translate(e);
                }
            }
        }
    }

    /**
     * Runs one reading statement by itself, outside of any transaction of ours: one round trip instead of three.
     *
     * @param limit how long the server may take to answer; afterwards the connection is given up
     * @param work one statement; it is run once only
     * @param <T> what it returns
     * @return the work's result
     * @throws DatabaseUnavailableException where no connection is to be had, it broke, or the answer takes too long
     * @throws LlmDbException what the work throws, or another failure, translated
     */
    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    public <T extends @Nullable Object> T read(Duration limit, Tx.Work<T> work) {
        try {
            if (joined != null) {
                return work.run(tx(joined, null));
            }
            try (Connection connection = dataSource.getConnection()) {
                int before = connection.getNetworkTimeout();
                connection.setNetworkTimeout(Runnable::run, (int) Math.min(limit.toMillis(), Integer.MAX_VALUE));
                try {
                    return work.run(tx(connection, null));
                } finally {
                    LongStatements.restore(connection, before);
                }
            }
        } catch (SQLException | DataAccessException e) {
            throw DbErrors.translate(e);
        }
    }

    /**
     * The same, run again where PostgreSQL gave the statement up for others' sake.
     *
     * @param limit how long the server may take to answer each time
     * @param work one statement
     * @param <T> what it returns
     * @return the work's result
     */
    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    public <T extends @Nullable Object> T readAgain(Duration limit, Tx.Work<T> work) {
        for (int attempt = 1; ; attempt++) {
            try {
                return read(limit, work);
            } catch (LlmDbException e) {
                if (attempt == ATTEMPTS || !DbErrors.isWorthRunningAgain(e)) {
                    throw e;
                }
            }
        }
    }

    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    private <T extends @Nullable Object> T once(Tx.Work<T> work) throws SQLException {
        WriteWatch watch = afterWrites == null ? null : new WriteWatch();
        T result = once(work, watch);
        if (afterWrites != null && watch != null && watch.sawWrite) {
            afterWrites.run();
        }
        return result;
    }

    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    private <T extends @Nullable Object> T once(Tx.Work<T> work, @Nullable WriteWatch watch) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            try {
                T result = work.run(tx(connection, watch));
                connection.commit();
                return result;
            } catch (Throwable failure) {
                try {
                    connection.rollback();
                } catch (SQLException e) {
                    failure.addSuppressed(e);
                }
                throw failure;
            } finally {
                restoreAutoCommit(connection);
            }
        }
    }

    @SuppressWarnings("NullAway") // T says whether null may come; its standard mode does not follow that
    private <T extends @Nullable Object> T inSavepoint(Connection connection, Tx.Work<T> work) {
        try {
            Savepoint savepoint = connection.setSavepoint();
            try {
                T result = work.run(tx(connection, null));
                connection.releaseSavepoint(savepoint);
                return result;
            } catch (Throwable failure) {
                try {
                    connection.rollback(savepoint);
                } catch (SQLException e) {
                    failure.addSuppressed(e);
                }
                throw failure;
            }
        } catch (SQLException | DataAccessException e) {
            throw DbErrors.translate(e);
        }
    }

    /**
     * A broken connection cannot be restored; the pool finds that out by itself, and the first failure is the one to
     * tell.
     */
    private static void restoreAutoCommit(Connection connection) {
        try {
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            LOG.debug("A connection could not be restored: {}", e.getMessage());
        }
    }

    private Tx tx(Connection connection, @Nullable WriteWatch watch) {
        if (watch == null) {
            return new Tx(connection, DSL.using(connection, SQLDialect.POSTGRES, settings));
        }
        return new Tx(
                connection,
                DSL.using(new DefaultConfiguration()
                        .set(connection)
                        .set(SQLDialect.POSTGRES)
                        .set(settings)
                        .set(new DefaultExecuteListenerProvider(watch))));
    }

    /** Notes whether a transaction wrote. */
    private static final class WriteWatch implements ExecuteListener {

        private static final long serialVersionUID = 1L;

        private boolean sawWrite;

        @Override
        public void executeStart(ExecuteContext context) {
            sawWrite |= context.type() != ExecuteType.READ;
        }
    }
}
