package io.llmdb.tests.move;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A small file system in memory, for a database's tables; mounting it needs root, without which the test is skipped.
 */
public final class FullDisk implements AutoCloseable {

    private final Path directory;

    private FullDisk(Path directory) {
        this.directory = directory;
    }

    public static FullDisk of(int megabytes) throws IOException {
        Path directory = Files.createTempDirectory("llmdb-disk");
        boolean mounted =
                run("mount", "-t", "tmpfs", "-o", "size=" + megabytes + "m,mode=0700", "tmpfs", directory.toString());
        if (!mounted) {
            Files.delete(directory);
        }
        assumeTrue(mounted, "A small file system cannot be mounted here; it needs root on Linux");
        return new FullDisk(directory);
    }

    /** New tables of a database go there. */
    public void holdTablesOf(TestDatabase database) throws SQLException {
        try (Connection connection = database.adminDataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLESPACE small LOCATION '" + directory + "'");
            statement.execute("GRANT CREATE ON TABLESPACE small TO " + database.user());
            statement.execute("ALTER DATABASE " + database.name() + " SET default_tablespace = small");
        }
    }

    public void grow(int megabytes) {
        if (!run("mount", "-o", "remount,size=" + megabytes + "m", directory.toString())) {
            throw new IllegalStateException("The file system could not be made larger");
        }
    }

    @Override
    public void close() throws IOException {
        run("umount", "-l", directory.toString());
        Files.deleteIfExists(directory);
    }

    private static boolean run(String... command) {
        try {
            Process process = new ProcessBuilder(List.of(command))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
