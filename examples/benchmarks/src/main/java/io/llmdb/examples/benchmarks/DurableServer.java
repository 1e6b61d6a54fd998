package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A PostgreSQL of a run's own, from Maven artifacts, that syncs every commit to disk, as a real one does. Floors,
 * rivals and llmdb all use it.
 */
public final class DurableServer implements AutoCloseable {

    /** The checkpoints are far apart for everybody alike, so that none of them falls on one contestant only. */
    static final Map<String, String> CONFIGURATION = Map.of(
            "fsync", "on",
            "synchronous_commit", "on",
            "full_page_writes", "on",
            "shared_buffers", "512MB",
            "max_wal_size", "8GB",
            "checkpoint_timeout", "30min");

    private static final List<String> TOLD = List.of(
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "wal_sync_method",
            "shared_buffers",
            "max_wal_size",
            "checkpoint_timeout");

    private final PostgresServer server;
    private final String about;

    private DurableServer(PostgresServer server, String about) {
        this.server = server;
        this.about = about;
    }

    static DurableServer start() {
        PostgresServer server = PostgresServer.startEmbedded(CONFIGURATION);
        try (TestDatabase database = server.newEmptyDatabase("llmdb")) {
            String settings = TOLD.stream()
                    .map(name -> name + "=" + database.value(String.class, "SELECT current_setting(?)", name))
                    .collect(Collectors.joining(", "));
            if (!settings.contains(" fsync=on, synchronous_commit=on")) {
                throw new IllegalStateException("The server does not sync: " + settings);
            }
            Fsync fsync = Fsync.measure(1_000);
            return new DurableServer(
                    server,
                    String.format(Locale.ROOT, "PostgreSQL %s; one fsync of 8 kB here takes %s", settings, fsync));
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    /** @return settings and the cost of a sync, for the results */
    public String about() {
        return about;
    }

    /** @return a migrated database of its own, in the schema llmdb; close it */
    public TestDatabase newDatabase() {
        return server.newDatabase("llmdb");
    }

    /** @return an empty database, for rivals' tables; close it */
    public TestDatabase newEmptyDatabase() {
        return server.newEmptyDatabase("llmdb");
    }

    /** @return the server itself */
    public PostgresServer server() {
        return server;
    }

    @Override
    public void close() {
        server.close();
    }
}
