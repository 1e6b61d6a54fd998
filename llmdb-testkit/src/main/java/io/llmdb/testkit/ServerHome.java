package io.llmdb.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory of one embedded server. A file in it is locked as long as its JVM lives, whatever ends that: so others
 * know what is left over. Beside that a small shell process waits for the JVM's end and cleans up at once.
 */
final class ServerHome {

    private static final Logger LOG = LoggerFactory.getLogger(ServerHome.class);

    /** Ends the server when its standard input ends, which the death of the JVM does. */
    private static final String WATCH = """
            trap '' INT TERM HUP
            cat >/dev/null
            pid=$(head -n 1 "$1/data/postmaster.pid")
            if [ -r "/proc/$pid/cmdline" ] && ! tr '\\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$1"; then
              pid=
            fi
            if [ -n "$pid" ]; then
              kill -QUIT "$pid"; kill -CONT "$pid"
              n=0
              while kill -0 "$pid" && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
              kill -KILL "$pid"
            fi
            rm -rf "$1"
            """;

    /** Homes of this JVM: to open their lock files a second time would release the locks. */
    private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final FileChannel lockFile;
    private final @Nullable Process watch;

    private ServerHome(Path directory, FileChannel lockFile, @Nullable Process watch) {
        this.directory = directory;
        this.lockFile = lockFile;
        this.watch = watch;
    }

    static ServerHome create(Path parent) {
        try {
            Files.createDirectories(parent);
            removeStale(parent);
            Path directory = parent.resolve(ProcessHandle.current().pid() + "-"
                    + Long.toString(ThreadLocalRandom.current().nextLong(Long.MAX_VALUE), 36));
            OWN.add(directory);
            Files.createDirectory(directory);
            FileChannel lockFile =
                    FileChannel.open(lockFile(directory), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            lockFile.lock();
            return new ServerHome(directory, lockFile, watch(directory));
        } catch (IOException e) {
            throw new TestkitException(
                    "Cannot make a directory for an embedded PostgreSQL in " + parent + ": choose another with "
                            + TestSettings.DIRECTORY,
                    e);
        }
    }

    Path data() {
        return directory.resolve("data");
    }

    Path log() {
        return directory.resolve("server.log");
    }

    String tailOfLog() {
        try {
            String text = EmbeddedBackend.read(log());
            return text.substring(Math.max(0, text.length() - 2000));
        } catch (IOException e) {
            return "none";
        }
    }

    @Nullable
    ProcessHandle postmaster() {
        return postmaster(directory);
    }

    /** Deletes it all; the server must have ended. */
    void remove() {
        try {
            deleteTree(directory);
            lockFile.close();
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("Cannot remove {}; the next start will try again", directory, e);
        }
        if (watch != null) {
            watch.destroyForcibly();
        }
    }

    private static @Nullable Process watch(Path directory) {
        try {
            return new ProcessBuilder("sh", "-c", WATCH, "sh", directory.toString())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            LOG.debug("No shell to watch this JVM; should it be killed, the next one cleans up", e);
            return null;
        }
    }

    private static void removeStale(Path parent) throws IOException {
        List<Path> homes;
        try (Stream<Path> list = Files.list(parent)) {
            homes = list.filter(Files::isDirectory)
                    .filter(home -> !OWN.contains(home))
                    .toList();
        }
        for (Path home : homes) {
            // One without a lock file is just being made, or just being removed.
            if (!Files.exists(lockFile(home))) {
                continue;
            }
            try (FileChannel channel = FileChannel.open(lockFile(home), StandardOpenOption.WRITE);
                    FileLock lock = channel.tryLock()) {
                if (lock != null) {
                    ProcessHandle postmaster = postmaster(home);
                    if (postmaster != null) {
                        LOG.info("Ending a PostgreSQL that a killed JVM left behind in {}", home);
                        Signals.send("QUIT", List.of(postmaster.pid()));
                        Signals.send("CONT", List.of(postmaster.pid()));
                        Await.until("a left-over PostgreSQL ends", Duration.ofSeconds(15), () -> !postmaster.isAlive());
                    }
                    deleteTree(home);
                }
            } catch (IOException | UncheckedIOException | AssertionError e) {
                LOG.debug("Another process removes {} too", home, e);
            }
        }
    }

    private static Path lockFile(Path directory) {
        return directory.resolve("lock");
    }

    /** The process that the server's own file names, unless that has ended and the number is another's now. */
    private static @Nullable ProcessHandle postmaster(Path directory) {
        try (Stream<String> lines = Files.lines(directory.resolve("data").resolve("postmaster.pid"))) {
            return lines.findFirst()
                    .map(String::strip)
                    .filter(line -> line.matches("[0-9]+"))
                    .flatMap(line -> ProcessHandle.of(Long.parseLong(line)))
                    .filter(ProcessHandle::isAlive)
                    .filter(process -> process.info()
                            .commandLine()
                            .filter(command -> command.contains(directory.toString()))
                            .isPresent())
                    .orElse(null);
        } catch (IOException e) {
            return null;
        }
    }

    private static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(root)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                try {
                    Files.deleteIfExists(path);
                } catch (NoSuchFileException e) {
                    LOG.trace("{} is gone already", path, e);
                }
            }
        }
    }
}
