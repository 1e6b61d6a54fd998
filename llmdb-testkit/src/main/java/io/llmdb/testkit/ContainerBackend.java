package io.llmdb.testkit;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.testcontainers.postgresql.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/** A server in a container. The only class that needs Testcontainers. */
final class ContainerBackend implements Backend {

    private static final Login ADMIN = new Login("postgres", "postgres");
    private static final Login USER = new Login("llmdb_app", "llmdb_app");

    private final PostgreSQLContainer container;

    private ContainerBackend(PostgreSQLContainer container) {
        this.container = container;
    }

    static ContainerBackend start(TestSettings settings, Map<String, String> configuration) {
        String onOrOff = settings.durable() ? "on" : "off";
        List<String> command = new ArrayList<>(List.of("postgres"));
        Map<String, String> defaults = Map.of(
                "fsync",
                onOrOff,
                "synchronous_commit",
                "on",
                "full_page_writes",
                onOrOff,
                "max_connections",
                "300",
                "timezone",
                EmbeddedBackend.TIME_ZONE,
                "log_lock_waits",
                "on");
        defaults.forEach((name, value) -> {
            if (!configuration.containsKey(name)) {
                command.addAll(List.of("-c", name + "=" + value));
            }
        });
        configuration.forEach((name, value) -> command.addAll(List.of("-c", name + "=" + value)));
        PostgreSQLContainer container = new PostgreSQLContainer(
                        DockerImageName.parse(settings.image()).asCompatibleSubstituteFor("postgres"))
                .withUsername(ADMIN.name())
                .withPassword(ADMIN.password())
                .withDatabaseName("postgres")
                .withCommand(command.toArray(String[]::new));
        try {
            container.start();
            ContainerBackend backend = new ContainerBackend(container);
            try (Connection connection = backend.connect(ADMIN, "postgres", "llmdb-testkit set-up");
                    Statement statement = connection.createStatement()) {
                statement.execute("CREATE ROLE " + USER.name() + " LOGIN PASSWORD '" + USER.password() + "'");
            }
            return backend;
        } catch (SQLException | RuntimeException e) {
            container.stop();
            throw new TestkitException(
                    "No container of image " + settings.image()
                            + " could be started (is Docker running? choose another image with "
                            + TestSettings.IMAGE + ", or do without Docker with " + TestSettings.POSTGRES + "="
                            + TestSettings.EMBEDDED + ")",
                    e);
        }
    }

    @Override
    public String host() {
        return container.getHost();
    }

    @Override
    public int port() {
        return container.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT);
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
    public @Nullable Path log() {
        return null;
    }

    @Override
    public boolean isOurs() {
        return true;
    }

    @Override
    public ServerControl control() {
        return ServerControl.unsupported("in a container");
    }

    @Override
    public void close() {
        container.stop();
    }

    @Override
    public String toString() {
        return "PostgreSQL in a container of " + container.getDockerImageName();
    }
}
