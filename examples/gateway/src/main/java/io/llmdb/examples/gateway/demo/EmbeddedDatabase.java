package io.llmdb.examples.gateway.demo;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A PostgreSQL of this run's own, from Maven artifacts, in a temporary directory that is removed at the end. It syncs
 * every commit to disk, as a real one does.
 */
public final class EmbeddedDatabase implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);
    private static final String PREFIX = "llmdb-gateway-";

    private final Path directory;
    private final EmbeddedPostgres server;

    private EmbeddedDatabase(Path directory, EmbeddedPostgres server) {
        this.directory = directory;
        this.server = server;
    }

    /**
     * Starts one, after removing what a run left behind that was killed.
     *
     * @return the database
     * @throws IOException where it does not start
     */
    public static EmbeddedDatabase start() throws IOException {
        removeLeftOvers();
        Path directory =
                Files.createTempDirectory(PREFIX + ProcessHandle.current().pid() + "-");
        Path log = directory.resolve("server.log");
        try {
            EmbeddedPostgres server = EmbeddedPostgres.builder()
                    .setDataDirectory(directory.resolve("data"))
                    .setRegisterShutdownHook(false)
                    .setPGStartupWait(Duration.ofSeconds(30))
                    .setServerConfig("fsync", "on")
                    .setServerConfig("synchronous_commit", "on")
                    .setServerConfig("full_page_writes", "on")
                    .setOutputRedirector(ProcessBuilder.Redirect.appendTo(log.toFile()))
                    .setErrorRedirector(ProcessBuilder.Redirect.appendTo(log.toFile()))
                    .start();
            return new EmbeddedDatabase(directory, server);
        } catch (IOException | RuntimeException e) {
            String said = Files.exists(log) ? Files.readString(log).strip() : "";
            delete(directory);
            throw new IOException(
                    "An embedded PostgreSQL could not be started: use one of your own with --database-url."
                            + (said.isEmpty() ? "" : " It said: " + said),
                    e);
        }
    }

    /** @return its address, as a proxy's settings have it */
    public String url() {
        return "postgresql://postgres@localhost:" + server.getPort() + "/postgres";
    }

    /** Stops it and removes its files. */
    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            LOG.warn("The embedded PostgreSQL did not stop: {}", e.toString());
        }
        delete(directory);
    }

    private static void removeLeftOvers() throws IOException {
        List<Path> old;
        try (Stream<Path> list = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            old = list.filter(EmbeddedDatabase::isLeftOver).toList();
        }
        for (Path directory : old) {
            postmaster(directory).forEach(server -> {
                server.destroy();
                server.onExit()
                        .orTimeout(10, java.util.concurrent.TimeUnit.SECONDS)
                        .exceptionally(e -> server)
                        .join();
            });
            delete(directory);
        }
    }

    /** Whether the directory is one of ours, made by a process that has ended. */
    private static boolean isLeftOver(Path directory) {
        String name = directory.getFileName().toString();
        return name.matches(PREFIX + "[0-9]+-[0-9]+")
                && Files.isWritable(directory)
                && ProcessHandle.of(Long.parseLong(name.split("-")[2]))
                        .filter(ProcessHandle::isAlive)
                        .isEmpty();
    }

    private static Stream<ProcessHandle> postmaster(Path directory) throws IOException {
        Path file = directory.resolve("data").resolve("postmaster.pid");
        if (!Files.exists(file)) {
            return Stream.empty();
        }
        return Files.readAllLines(file).stream()
                .limit(1)
                .flatMap(pid -> ProcessHandle.of(Long.parseLong(pid.strip())).stream())
                // A process that got the number since is not ours to end.
                .filter(process -> process.info().command().orElse("").contains("postgres"));
    }

    private static void delete(Path directory) {
        try (Stream<Path> tree = Files.walk(directory)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            LOG.warn("Cannot remove {}; the next run will try again", directory);
        }
    }
}
