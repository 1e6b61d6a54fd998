package io.llmdb.move;

import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/**
 * One transaction on one side. All settings are the transaction's own, so that a pooler in transaction mode may stand
 * between; closing it rolls back what was not committed.
 */
final class Session implements AutoCloseable {

    /** Nothing that depends on a session's settings may change how a row looks as text, or end a long step. */
    private static final String SETTINGS = """
            SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL "TimeZone" = 'UTC';
            SET LOCAL "DateStyle" = 'ISO, YMD'; SET LOCAL "IntervalStyle" = 'postgres'; SET LOCAL bytea_output = 'hex';
            SET LOCAL maintenance_work_mem = '256MB'""";

    private final MoveEndpoint side;
    private final Connection connection;
    private final Sql sql;

    private Session(MoveEndpoint side, Connection connection) {
        this.side = side;
        this.connection = connection;
        this.sql = new Sql(side.schema());
    }

    /** A transaction that writes. */
    static Session write(MoveEndpoint side) throws SQLException {
        return begin(side, "");
    }

    /** A transaction that reads one moment. */
    static Session read(MoveEndpoint side) throws SQLException {
        return begin(side, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; ");
    }

    /** A transaction that reads the moment of another one. */
    static Session read(MoveEndpoint side, String snapshot) throws SQLException {
        return begin(
                side,
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT "
                        + Names.literal(snapshot) + "; ");
    }

    private static Session begin(MoveEndpoint side, String first) throws SQLException {
        Connection connection = side.dataSource().getConnection();
        Session session = new Session(side, connection);
        try {
            connection.setNetworkTimeout(Runnable::run, 0);
            connection.setAutoCommit(false);
            session.run(first + SETTINGS);
            return session;
        } catch (SQLException | RuntimeException e) {
            session.close();
            throw e;
        }
    }

    MoveEndpoint side() {
        return side;
    }

    /** A table of ours in SQL. */
    String table(String name) {
        return Names.quoted(side.schema()) + "." + Names.quoted(name);
    }

    /** Runs statements in which {@code ${llmdb}} stands for the schema. */
    void run(String text) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql.of(text));
        }
    }

    /** Runs a statement in which data stands, so that nothing in it stands for anything else. */
    void runAsIs(String text) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(text);
        }
    }

    int update(String text, @Nullable Object... arguments) throws SQLException {
        try (PreparedStatement statement = prepare(text, arguments)) {
            return statement.executeUpdate();
        }
    }

    /** The first column of the first row as text; null where there is no row, or it is null. */
    @Nullable
    String text(String text, @Nullable Object... arguments) throws SQLException {
        List<@Nullable String[]> rows = rows(text, arguments);
        return rows.isEmpty() ? null : rows.get(0)[0];
    }

    long number(String text, @Nullable Object... arguments) throws SQLException {
        String value = text(text, arguments);
        return value == null ? 0 : Long.parseLong(value);
    }

    boolean is(String text, @Nullable Object... arguments) throws SQLException {
        return "t".equals(text(text, arguments));
    }

    /** All rows, each value as text. */
    List<@Nullable String[]> rows(String text, @Nullable Object... arguments) throws SQLException {
        try (PreparedStatement statement = prepare(text, arguments);
                ResultSet rows = statement.executeQuery()) {
            return all(rows);
        }
    }

    /** The same for a query in which data stands, so that nothing in it stands for anything else. */
    List<@Nullable String[]> rowsAsIs(String text) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(text)) {
            return all(rows);
        }
    }

    private static List<@Nullable String[]> all(ResultSet rows) throws SQLException {
        List<@Nullable String[]> all = new ArrayList<>();
        int columns = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            @Nullable String[] row = new String[columns];
            for (int i = 0; i < columns; i++) {
                row[i] = rows.getString(i + 1);
            }
            all.add(row);
        }
        return all;
    }

    /** Hands over all rows, of which only some are in memory at once. */
    void each(int atOnce, RowReader reader, String text, @Nullable Object... arguments) throws SQLException {
        try (PreparedStatement statement = prepare(text, arguments)) {
            statement.setFetchSize(atOnce);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    reader.read(rows);
                }
            }
        }
    }

    /** Reads one row. */
    @FunctionalInterface
    interface RowReader {
        void read(ResultSet row) throws SQLException;
    }

    private PreparedStatement prepare(String text, @Nullable Object... arguments) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql.of(text));
        try {
            for (int i = 0; i < arguments.length; i++) {
                statement.setObject(i + 1, arguments[i]);
            }
            return statement;
        } catch (SQLException e) {
            statement.close();
            throw e;
        }
    }

    CopyManager copy() throws SQLException {
        return connection.unwrap(PGConnection.class).getCopyAPI();
    }

    void commit() throws SQLException {
        connection.commit();
    }

    void rollback() throws SQLException {
        connection.rollback();
    }

    /** Rolls back what was not committed; a broken connection is no news here. */
    @Override
    public void close() {
        try (Connection closing = connection) {
            if (!closing.isClosed()) {
                closing.rollback();
                closing.setAutoCommit(true);
            }
        } catch (SQLException e) {
            org.slf4j.LoggerFactory.getLogger(Session.class)
                    .debug("A connection to {} could not be restored: {}", side.name(), e.getMessage());
        }
    }
}
