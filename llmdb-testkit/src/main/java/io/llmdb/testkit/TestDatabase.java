package io.llmdb.testkit;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A database of a test's own, on a real server. Its owner, {@link #user()}, is no superuser where the server is the
 * testkit's.
 *
 * <p>In all SQL given here {@code ${llmdb}} stands for the quoted schema. Safe for use by several threads.
 */
public final class TestDatabase implements AutoCloseable {

    /** Enough for the library's threads and a few of a test's own; many tests' pools have to fit one server. */
    private static final int POOL_LIMIT = 5;

    private final PostgresServer server;
    private final String name;
    private final String schema;
    private final DataSource dataSource;
    private final DatabaseClock clock;
    private final Deque<AutoCloseable> closedAtEnd = new ArrayDeque<>();
    private boolean closed;

    TestDatabase(PostgresServer server, String name, String schema) {
        this.server = server;
        this.name = name;
        this.schema = schema;
        PgBouncer pooler = server.pooler();
        this.dataSource = pooler == null ? dataSource(server.backend().user(), url()) : pooler.dataSource(this);
        this.clock = new DatabaseClock(this);
    }

    /** @return the database's name */
    public String name() {
        return name;
    }

    /** @return the schema's name, unquoted */
    public String schema() {
        return schema;
    }

    /** @return the server that it is on */
    public PostgresServer server() {
        return server;
    }

    /** @return {@code jdbc:postgresql://host:port/database}, without role and password */
    public String jdbcUrl() {
        return url();
    }

    /** @return {@code postgresql://user:password@host:port/database}, as a proxy's YAML has it */
    public String databaseUrl() {
        PgBouncer pooler = server.pooler();
        return pooler == null ? databaseUrl(server.host(), server.port()) : databaseUrl(pooler.host(), pooler.port());
    }

    private String url() {
        PgBouncer pooler = server.pooler();
        return pooler == null
                ? server.backend().url(server.host(), server.port(), name)
                : server.backend().url(pooler.host(), pooler.port(), name);
    }

    String databaseUrl(String host, int port) {
        return "postgresql://" + user() + (password().isEmpty() ? "" : ":" + password()) + "@" + host + ":" + port + "/"
                + name + server.backend().urlParameters();
    }

    /** @return the role that owns the database */
    public String user() {
        return server.backend().user().name();
    }

    /** @return its password */
    public String password() {
        return server.backend().user().password();
    }

    /** @return new connections at each call, without a pool, with auto-commit on */
    public DataSource dataSource() {
        return dataSource;
    }

    /** @return the same as the server's administrator, who is a superuser where the server is the testkit's */
    public DataSource adminDataSource() {
        return dataSource(server.backend().admin(), server.backend().url(server.host(), server.port(), name));
    }

    static DataSource dataSource(Backend.Login login, String url) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(url);
        source.setUser(login.name());
        source.setPassword(login.password());
        source.setApplicationName("test");
        return source;
    }

    /** @return settings that lead to this database and schema, with a small pool; all else is the library's default */
    public LlmDbSettings.Builder settings() {
        return settings(databaseUrl());
    }

    LlmDbSettings.Builder settings(String url) {
        return LlmDbSettings.builder()
                .environment(Map.of())
                .connection(
                        connection -> connection.databaseUrl(url).schema(schema).poolLimit(POOL_LIMIT));
    }

    /**
     * Opens the library on this database, once more each time; it is closed before the database goes.
     *
     * @return the open library
     */
    public LlmDb open() {
        return closeAtEnd(LlmDb.open(settings().build()));
    }

    /** @return moves the time that the library's SQL sees */
    public DatabaseClock clock() {
        return clock;
    }

    /**
     * Runs SQL: one statement with arguments, or any number without.
     *
     * @param sql the SQL
     * @param arguments values for its question marks
     * @return how many rows the statement changed
     */
    public int execute(String sql, @Nullable Object... arguments) {
        try (Connection connection = dataSource.getConnection()) {
            if (arguments.length == 0) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute(filled(sql));
                    return Math.max(0, statement.getUpdateCount());
                }
            }
            try (PreparedStatement statement = prepared(connection, sql, arguments)) {
                return statement.executeUpdate();
            }
        } catch (SQLException e) {
            throw failed(sql, e);
        }
    }

    /**
     * Runs a query.
     *
     * @param sql the query
     * @param arguments values for its question marks
     * @return its rows, column name to value
     */
    public List<Map<String, @Nullable Object>> rows(String sql, @Nullable Object... arguments) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepared(connection, sql, arguments);
                ResultSet result = statement.executeQuery()) {
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            ResultSetMetaData columns = result.getMetaData();
            while (result.next()) {
                Map<String, @Nullable Object> row = new LinkedHashMap<>();
                for (int i = 1; i <= columns.getColumnCount(); i++) {
                    row.put(columns.getColumnLabel(i), result.getObject(i));
                }
                rows.add(Collections.unmodifiableMap(row));
            }
            return List.copyOf(rows);
        } catch (SQLException e) {
            throw failed(sql, e);
        }
    }

    /**
     * Runs a query of one column and one row.
     *
     * @param type the value's Java type, as the JDBC driver gives it
     * @param sql the query
     * @param arguments values for its question marks
     * @param <T> the value's type
     * @return the value
     * @throws AssertionError where the result is not one row, or null
     */
    public <T> T value(Class<T> type, String sql, @Nullable Object... arguments) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepared(connection, sql, arguments);
                ResultSet result = statement.executeQuery()) {
            if (!result.next()) {
                throw new AssertionError("No row from " + sql);
            }
            T value = result.getObject(1, type);
            if (value == null || result.next()) {
                throw new AssertionError((value == null ? "Null from " : "More than one row from ") + sql);
            }
            return value;
        } catch (SQLException e) {
            throw failed(sql, e);
        }
    }

    /**
     * Counts rows.
     *
     * @param table a table of the schema, unquoted, such as {@code LLM_SpendLogs}
     * @return how many rows it has
     */
    public long count(String table) {
        return value(Long.class, "SELECT count(*) FROM ${llmdb}." + Databases.quoted(table));
    }

    /** @return all that the database says of spend, as it is now; {@code assertThat(database.books()).agree()} */
    public Books books() {
        return Books.of(this);
    }

    /**
     * The sessions that clients have open on this database, whoever they are.
     *
     * @return one entry each
     */
    public List<DatabaseSession> connections() {
        try {
            List<DatabaseSession> sessions = new ArrayList<>();
            for (String line : server.databases().admin().query("""
                    SELECT concat_ws(E'\\t', pid, application_name, coalesce(state, ''), translate(left(query, 200), E'\\n\\t', '  '))
                    FROM pg_stat_activity WHERE datname = '%s' AND backend_type = 'client backend' ORDER BY pid
                    """.formatted(name))) {
                String[] parts = line.split("\t", 4);
                sessions.add(new DatabaseSession(Integer.parseInt(parts[0]), parts[1], parts[2], parts[3]));
            }
            return sessions;
        } catch (SQLException e) {
            throw failed("the list of sessions", e);
        }
    }

    /**
     * The deadlocks that PostgreSQL resolved on this database: what {@code pg_stat_database} counts, or the server's
     * log where that is ahead, because a session reports its figures with some delay.
     *
     * @return how many
     */
    public long deadlocks() {
        try {
            long counted = Long.parseLong(server.databases()
                    .admin()
                    .query("SELECT deadlocks FROM pg_stat_database WHERE datname = '" + name + "'")
                    .get(0));
            String log = server.readLog();
            long logged = log == null
                    ? 0
                    : log.lines()
                            .filter(line -> line.contains("] " + name + " ERROR:  deadlock detected"))
                            .count();
            return Math.max(counted, logged);
        } catch (SQLException e) {
            throw failed("the count of deadlocks", e);
        }
    }

    /**
     * What the server's log says of the deadlocks on this database: which processes waited for each other, for what, in
     * which statements.
     *
     * @return one text for each; empty where there was none, or the server's log cannot be read
     */
    public List<String> deadlockReports() {
        String log = server.readLog();
        if (log == null) {
            return List.of();
        }
        List<String> reports = new ArrayList<>();
        StringBuilder report = null;
        String process = "";
        for (String line : log.lines().toList()) {
            int begin = line.indexOf('[');
            int end = line.indexOf(']');
            boolean continued = line.startsWith("\t");
            if (line.contains("] " + name + " ERROR:  deadlock detected")) {
                report = new StringBuilder();
                process = line.substring(begin, end);
            } else if (report != null && !continued && (begin < 0 || !line.contains(process + "] " + name))) {
                // Another process's line; ours goes on behind it.
                continue;
            } else if (report != null && !continued && line.contains("] " + name + " STATEMENT:")) {
                reports.add(report.toString());
                report = null;
            }
            if (report != null) {
                report.append(line).append('\n');
            }
        }
        if (report != null) {
            reports.add(report.toString());
        }
        return reports;
    }

    /**
     * Ends all sessions on this database, as an administrator or a failing network does.
     *
     * @return how many there were
     */
    public int terminateConnections() {
        try {
            return server.databases()
                    .admin()
                    .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name
                            + "' AND backend_type = 'client backend'")
                    .size();
        } catch (SQLException e) {
            throw failed("pg_terminate_backend", e);
        }
    }

    /**
     * Keeps something to be closed before the database goes: a proxy, a child process.
     *
     * @param resource what to close
     * @param <T> its type
     * @return the same
     */
    public synchronized <T extends AutoCloseable> T closeAtEnd(T resource) {
        closedAtEnd.push(resource);
        return resource;
    }

    /**
     * Closes what was given to {@link #closeAtEnd}, last one first.
     *
     * @throws Exception the first failure, the others attached to it
     */
    synchronized void closeResources() throws Exception {
        Exception failure = null;
        while (!closedAtEnd.isEmpty()) {
            try {
                closedAtEnd.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Drops the database, whoever is connected to it, in the background. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try {
                closeResources();
            } catch (Exception e) {
                throw new TestkitException("Something of the test on database " + name + " could not be closed", e);
            } finally {
                server.databases().giveBack(name);
            }
        }
    }

    String filled(String sql) {
        return sql.replace("${llmdb}", Databases.quoted(schema));
    }

    private PreparedStatement prepared(Connection connection, String sql, @Nullable Object... arguments)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(filled(sql));
        for (int i = 0; i < arguments.length; i++) {
            statement.setObject(i + 1, arguments[i]);
        }
        return statement;
    }

    private TestkitException failed(String sql, SQLException e) {
        return new TestkitException("On database " + name + ", " + sql.strip() + ": " + e.getMessage(), e);
    }

    @Override
    public String toString() {
        return name + " on " + server + ", schema " + schema;
    }
}
