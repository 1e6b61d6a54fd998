package io.llmdb.testkit;

import io.llmdb.schema.SchemaMigrator;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The databases of one server: a migrated template for each schema name, copies of it made ahead, and their end. One
 * background thread makes and drops them, so that a test waits for neither.
 */
final class Databases implements AutoCloseable {

    /** How many databases of one template lie ready. */
    private static final int AHEAD = 3;

    /** How many databases that are over may wait while others are made. */
    private static final int MOST_ENDED = 20;

    /** What a killed JVM left on a server that lives on is dropped when it is older than this. */
    private static final Duration STALE = Duration.ofMinutes(10);

    private static final String PREFIX = "llmdb_test_";
    private static final String APPLICATION = "llmdb-testkit ";

    private static final Logger LOG = LoggerFactory.getLogger(Databases.class);

    private final Backend backend;
    private final String id;
    private final AdminSession foreground;
    private final AdminSession background;
    private final AtomicInteger number = new AtomicInteger();
    private final Map<String, Template> templates = new ConcurrentHashMap<>();
    private final Queue<String> ended = new ConcurrentLinkedQueue<>();
    private final Set<String> existing = ConcurrentHashMap.newKeySet();
    private final ExecutorService worker = Executors.newSingleThreadExecutor(work -> {
        Thread thread = new Thread(work, "llmdb-testkit databases");
        thread.setDaemon(true);
        return thread;
    });
    /** Held while the server is worked on in the background, and while it is stopped or started. */
    private final Object serverLock = new Object();
    /** Why the server does not answer, as the last word of a sentence; null where it does. Written under the lock. */
    private volatile @Nullable String away;

    private volatile @Nullable String strategy;

    Databases(Backend backend) {
        this.backend = backend;
        this.id = Long.toString(Instant.now().getEpochSecond(), 36) + "_"
                + Integer.toString(ThreadLocalRandom.current().nextInt(36 * 36 * 36 * 36), 36);
        this.foreground = new AdminSession(backend, APPLICATION + id);
        this.background = new AdminSession(backend, APPLICATION + id);
        if (!backend.isOurs()) {
            inBackground(this::dropStale);
        }
    }

    AdminSession admin() {
        return foreground;
    }

    /**
     * A database that nobody else has.
     *
     * @param schema the schema that is migrated in it, or null for an empty database
     * @return its name
     */
    String take(@Nullable String schema) {
        requireServer();
        try {
            if (schema == null) {
                return create("TEMPLATE template0 ENCODING 'UTF8'", foreground);
            }
            Template template = templates.computeIfAbsent(schema, Template::new);
            String ready = template.ready.poll();
            String database = ready != null ? ready : copy(template, foreground);
            tend();
            return database;
        } catch (SQLException e) {
            throw new TestkitException(
                    "No database could be made on " + backend + ": " + e.getMessage()
                            + (backend.isOurs()
                                    ? ""
                                    : " (the role of " + TestSettings.POSTGRES
                                            + " must be allowed to create databases)"),
                    e);
        }
    }

    /** Drops a database, whoever is connected to it, some time soon. */
    void giveBack(String database) {
        ended.add(database);
        tend();
    }

    /**
     * Stops, halts or starts the server with no work of ours under way.
     *
     * @param change does it
     * @param awayAfter what the server is afterwards, or null where it answers again
     */
    void whileIdle(Runnable change, @Nullable String awayAfter) {
        synchronized (serverLock) {
            away = awayAfter;
            change.run();
        }
        if (awayAfter == null) {
            tend();
        }
    }

    @Nullable
    String away() {
        return away;
    }

    @Override
    public void close() {
        worker.shutdownNow();
        if (backend.isOurs()) {
            // It goes as a whole, and may be halted, so nothing is asked of it.
            return;
        }
        synchronized (serverLock) {
            for (String database : existing) {
                try {
                    drop(database, foreground);
                } catch (SQLException e) {
                    LOG.warn("Database {} stays behind on {}; a later run drops it", database, backend, e);
                }
            }
            background.close();
            foreground.close();
        }
    }

    private void requireServer() {
        if (away != null) {
            throw new TestkitException(backend + " is " + away + ": start it before a test asks for a database");
        }
    }

    private void inBackground(Work work) {
        try {
            worker.execute(() -> {
                synchronized (serverLock) {
                    if (away != null) {
                        return;
                    }
                    try {
                        work.run();
                    } catch (SQLException | RuntimeException e) {
                        LOG.debug("Background work on {} failed", backend, e);
                    }
                }
            });
        } catch (java.util.concurrent.RejectedExecutionException e) {
            LOG.trace("The JVM ends", e);
        }
    }

    /** Makes what is missing, then drops what is over; drops first where too much of that has come together. */
    private void tend() {
        inBackground(() -> {
            Template scarce = templates.values().stream()
                    .filter(template -> template.ready.size() < AHEAD)
                    .findAny()
                    .orElse(null);
            if (scarce != null && ended.size() <= MOST_ENDED) {
                scarce.ready.add(copy(scarce, background));
                tend();
                return;
            }
            String database = ended.poll();
            if (database != null) {
                drop(database, background);
                tend();
            }
        });
    }

    private String copy(Template template, AdminSession session) throws SQLException {
        return create("TEMPLATE " + template.name() + strategy(session), session);
    }

    private String create(String how, AdminSession session) throws SQLException {
        String database = PREFIX + id + "_" + number.incrementAndGet();
        existing.add(database);
        session.execute("CREATE DATABASE " + database + " OWNER "
                + quoted(backend.user().name()) + " " + how);
        session.execute("ALTER DATABASE " + database + " SET timezone TO '" + EmbeddedBackend.TIME_ZONE + "'");
        return database;
    }

    private void drop(String database, AdminSession session) throws SQLException {
        session.execute("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
        existing.remove(database);
    }

    /**
     * To write the copy's blocks to the log takes one pass over a small template, to copy its files takes two
     * checkpoints: measured, 24 against 32 ms. With commits synced to disk it is the other way round, 172 against 95
     * ms.
     */
    private String strategy(AdminSession session) throws SQLException {
        String known = strategy;
        if (known == null) {
            int version =
                    Integer.parseInt(session.query("SHOW server_version_num").get(0));
            boolean synced = session.query("SHOW fsync").get(0).equals("on");
            known = version < 150_000 ? "" : synced ? " STRATEGY FILE_COPY" : " STRATEGY WAL_LOG";
            strategy = known;
        }
        return known;
    }

    private void dropStale() throws SQLException {
        long oldest = Instant.now().minus(STALE).getEpochSecond();
        List<String> found = background.query(
                "SELECT datname FROM pg_database WHERE datname ~ '^" + PREFIX + "[0-9a-z]+_[0-9a-z]+_[0-9]+$'");
        List<String> alive =
                new ArrayList<>(background.query("SELECT DISTINCT application_name FROM pg_stat_activity"));
        for (String database : found) {
            String[] parts = database.substring(PREFIX.length()).split("_", -1);
            boolean isOld = Long.parseLong(parts[0], 36) < oldest;
            if (isOld && !alive.contains(APPLICATION + parts[0] + "_" + parts[1])) {
                try {
                    drop(database, background);
                    LOG.info("Dropped {}, which a killed JVM left behind", database);
                } catch (SQLException e) {
                    LOG.debug("Database {} is not ours to drop", database, e);
                }
            }
        }
    }

    static String quoted(String identifier) {
        return '"' + identifier.replace("\"", "\"\"") + '"';
    }

    /** Work on the server. */
    private interface Work {
        void run() throws SQLException;
    }

    /** A database with the schema migrated, from which others are copied. */
    private final class Template {

        private final String schema;
        private final ConcurrentLinkedQueue<String> ready = new ConcurrentLinkedQueue<>();
        private @Nullable String migrated;

        Template(String schema) {
            this.schema = schema;
        }

        synchronized String name() throws SQLException {
            String known = migrated;
            if (known == null) {
                known = create("TEMPLATE template0 ENCODING 'UTF8'", foreground);
                PGSimpleDataSource dataSource = new PGSimpleDataSource();
                dataSource.setUrl(backend.url(backend.host(), backend.port(), known));
                dataSource.setUser(backend.user().name());
                dataSource.setPassword(backend.user().password());
                SchemaMigrator.of(dataSource, schema).migrate();
                // A copy needs a template without sessions; a late one would hold up every test.
                foreground.execute("ALTER DATABASE " + known + " ALLOW_CONNECTIONS false");
                awaitNoSession(known);
                migrated = known;
            }
            return known;
        }

        private void awaitNoSession(String database) {
            Await.until(
                    "the migration's sessions on " + database + " end",
                    Duration.ofSeconds(10),
                    () -> foreground
                            .query("SELECT 1 FROM pg_stat_activity WHERE datname = '" + database + "'")
                            .isEmpty());
        }
    }
}
