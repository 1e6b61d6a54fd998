package io.llmdb.testkit;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * PgBouncer in transaction mode between the code under test and the server: a transaction gets whichever server
 * connection is free, so nothing that a session remembers can be relied on. Every database of the server is reached
 * through it, as the role that owns test databases. Ends with this JVM.
 *
 * <p>The program is not part of the testkit: {@code llmdb.test.pgbouncer} names it, otherwise it is looked for where
 * programs are. With {@code llmdb.test.pooler=pgbouncer} all test databases are reached through one.
 */
public final class PgBouncer implements AutoCloseable {

    private static final Duration DEADLINE = Duration.ofSeconds(10);

    private final PostgresServer server;
    private final int port;
    private final Process process;
    private final Path directory;

    private PgBouncer(PostgresServer server, int port, Process process, Path directory) {
        this.server = server;
        this.port = port;
        this.process = process;
        this.directory = directory;
    }

    /** @return the program; empty where there is none, which a test says when it skips itself */
    public static Optional<Path> program() {
        String named = TestSettings.load().pgBouncer();
        if (!named.isEmpty()) {
            return Optional.of(Path.of(named));
        }
        String path = System.getenv("PATH") == null ? "" : System.getenv("PATH");
        return Stream.concat(
                        Arrays.stream(path.split(File.pathSeparator)),
                        Stream.of("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))
                .filter(folder -> !folder.isBlank())
                .map(folder -> Path.of(folder, "pgbouncer"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Starts one.
     *
     * @param server the server behind it
     * @param serverConnections the most connections to one database, which all clients share
     * @return the pooler, which its user closes
     * @throws TestkitException where there is no such program, or it does not start
     */
    public static PgBouncer inFrontOf(PostgresServer server, int serverConnections) {
        Path program = program()
                .orElseThrow(() -> new TestkitException(
                        "There is no pgbouncer: install it, or name it with " + TestSettings.PGBOUNCER));
        try {
            int port;
            try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = free.getLocalPort();
            }
            Path directory = Files.createTempDirectory(
                    "llmdb-pgbouncer",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            Path file = directory.resolve("pgbouncer.ini");
            Files.writeString(file, """
                    [databases]
                    * = host=%s port=%d user=%s password=%s
                    [pgbouncer]
                    listen_addr = 127.0.0.1
                    listen_port = %d
                    unix_socket_dir =
                    auth_type = any
                    pool_mode = transaction
                    max_client_conn = 1000
                    default_pool_size = %d
                    server_login_retry = 1
                    server_check_delay = 0
                    ignore_startup_parameters = extra_float_digits
                    """.formatted(
                            "localhost".equals(server.host()) ? "127.0.0.1" : server.host(),
                            server.port(),
                            server.backend().user().name(),
                            server.backend().user().password(),
                            port,
                            serverConnections));
            boolean root = "root".equals(System.getProperty("user.name"));
            // The shell's input ends with this JVM, also when it is killed.
            Process process = new ProcessBuilder(
                            "sh",
                            "-c",
                            "\"$@\" 0</dev/null & child=$!; (while kill -0 $child 2>/dev/null; do sleep 1; done; kill $$ 2>/dev/null) & "
                                    + "read -r line; kill -9 $child",
                            "sh",
                            program.toString(),
                            "-q",
                            root ? "-unobody" : "-q",
                            file.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("log").toFile())
                    .start();
            PgBouncer bouncer = new PgBouncer(server, port, process, directory);
            bouncer.awaitListening();
            return bouncer;
        } catch (IOException e) {
            throw new TestkitException("PgBouncer could not be started", e);
        }
    }

    private void awaitListening() {
        try {
            Await.until("pgbouncer listens on port " + port, DEADLINE, () -> {
                try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                    return socket.isConnected();
                } catch (IOException e) {
                    return false;
                }
            });
        } catch (AssertionError e) {
            String log = log();
            close();
            throw new TestkitException("PgBouncer did not start: " + log, e);
        }
    }

    /** @return its host */
    public String host() {
        return "127.0.0.1";
    }

    /** @return the port on which it listens */
    public int port() {
        return port;
    }

    /**
     * @param database a database of the server
     * @return {@code postgresql://user:password@host:port/database} through the pooler, as a proxy's YAML has it
     */
    public String databaseUrl(TestDatabase database) {
        return database.databaseUrl(host(), port);
    }

    /**
     * @param database a database of the server
     * @return new connections through the pooler at each call, without prepared statements that the server keeps
     */
    public DataSource dataSource(TestDatabase database) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(server.backend().url(host(), port, database.name()));
        source.setUser(database.user());
        source.setPassword(database.password());
        source.setPrepareThreshold(0);
        return source;
    }

    /** @return what it has written so far */
    public String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return "(no log: " + e.getMessage() + ")";
        }
    }

    /** Ends it; what runs through it is cut off. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
            for (Path file : List.of(directory.resolve("log"), directory.resolve("pgbouncer.ini"), directory)) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new TestkitException("PgBouncer could not be ended", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "PgBouncer on port %d in front of %s", port, server);
    }
}
