package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.settings.DatabaseUrl;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.Secret;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.WhenFull;
import java.io.Console;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which database a command works on. */
final class DatabaseOptions {

    static final int CONNECTIONS = 6;

    @Option(
            names = {"-d", "--database-url"},
            paramLabel = "URL",
            description = "postgresql://user@host:port/database, without a password.")
    private @Nullable String databaseUrl;

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            description = "The proxy's YAML; its database_url, schema, salt key and time zone count.")
    private @Nullable Path config;

    @Option(
            names = "--schema",
            paramLabel = "NAME",
            description = "The schema that the tables are in (default: as in --config, or llmdb).")
    private @Nullable String schema;

    @Option(names = "--password-file", paramLabel = "FILE", description = "A file whose first line is the password.")
    private @Nullable Path passwordFile;

    @Option(names = "--ask-password", description = "Asks for the password on the terminal.")
    private boolean askPassword;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** An open pool, which its user closes. */
    HikariDataSource pool() {
        return pool(CONNECTIONS);
    }

    /** An open pool of some size, which its user closes. */
    HikariDataSource pool(int connections) {
        return pool(settings().requireDatabaseUrl(), password(), connections);
    }

    /** The database, opened without migrating it. */
    LlmDb open(HikariDataSource pool) {
        return builder(pool).withoutMigration().open();
    }

    /** The database, migrated where that is needed. */
    LlmDb openMigrated(HikariDataSource pool) {
        return builder(pool).open();
    }

    /** A command may know neither the proxies' calendar nor their retention nor their sinks. */
    private LlmDb.Builder builder(HikariDataSource pool) {
        return LlmDb.builder(settings()).dataSource(pool).withoutBackgroundWork();
    }

    String schema() {
        return settings().connection().schema();
    }

    LlmDbSettings settings() {
        LlmDbSettings.Builder builder = LlmDbSettings.builder();
        if (config != null) {
            builder.yaml(config);
        }
        builder.environment();
        // Commands read no list of models that is kept in memory, so they need no key for credentials.
        builder.models(models -> models.storeModelInDb(false));
        // The proxy's journal is the proxy's alone; a command waits until what it books is booked.
        builder.delivery(delivery -> delivery.mode(DeliveryMode.BOOKED).fullQueuePolicy(WhenFull.BLOCK));
        String url = databaseUrl;
        if (url != null) {
            refusePassword(spec, "--database-url", url);
            builder.connection(connection -> connection.databaseUrl(url));
        }
        String name = schema;
        if (name != null) {
            builder.connection(connection -> connection.schema(name));
        }
        return builder.build();
    }

    private @Nullable Secret password() {
        if (passwordFile != null) {
            return firstLine(passwordFile);
        }
        return askPassword ? ask(spec, "Password: ") : null;
    }

    /** Others on the machine can see a command line. */
    static void refusePassword(CommandSpec spec, String option, String url) {
        if (DatabaseUrl.parse(url).password() != null) {
            throw new ParameterException(
                    spec.commandLine(),
                    option + ": others on this machine can see a password here; put the URL into the environment or a"
                            + " file, or use --password-file or --ask-password");
        }
    }

    /**
     * The URL of another database than the one that a command works on.
     *
     * @param given the option's value, without a password
     * @param variable the environment variable that has the URL where the option is absent
     */
    static DatabaseUrl other(CommandSpec spec, String option, @Nullable String given, String variable) {
        if (given != null) {
            refusePassword(spec, option, given);
            return DatabaseUrl.parse(given);
        }
        String url = System.getenv(variable);
        if (url == null || url.isBlank()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Which other database? Set " + variable + " in the environment, or use " + option);
        }
        return LlmDbSettings.builder()
                .environment(Map.of("DATABASE_URL", url))
                .build()
                .requireDatabaseUrl();
    }

    // From Java 22 on there is a console without a terminal too; it answers null.
    @SuppressWarnings("SystemConsoleNull")
    static Secret ask(CommandSpec spec, String prompt) {
        Console console = System.console();
        char[] typed = console == null ? null : console.readPassword("%s", prompt);
        if (typed == null) {
            throw new ParameterException(spec.commandLine(), "There is no terminal to ask for a password on");
        }
        return Secret.of(new String(typed));
    }

    static Secret firstLine(Path file) {
        try {
            return Secret.of(
                    Files.readString(file).lines().findFirst().orElse("").strip());
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    static HikariDataSource pool(DatabaseUrl url, @Nullable Secret password, int connections) {
        HikariConfig pool = new HikariConfig();
        pool.setPoolName("llmdb-admin");
        pool.setJdbcUrl(url.jdbcUrl());
        if (url.user() != null) {
            pool.setUsername(url.user());
        }
        Secret used = password == null ? url.password() : password;
        if (used != null) {
            pool.setPassword(used.value());
        }
        Properties properties = new Properties();
        properties.setProperty("ApplicationName", "llmdb-admin");
        properties.setProperty("logServerErrorDetail", "false");
        properties.setProperty("prepareThreshold", "0");
        properties.putAll(url.properties());
        pool.setDataSourceProperties(properties);
        pool.setMaximumPoolSize(connections);
        pool.setMinimumIdle(0);
        pool.setConnectionTimeout(10_000);
        pool.setInitializationFailTimeout(-1);
        HikariDataSource source = new HikariDataSource(pool);
        try (var connection = source.getConnection()) {
            connection.isValid(5);
        } catch (java.sql.SQLException e) {
            source.close();
            throw new DatabaseUnavailableException(
                    "The database at " + url.jdbcUrl() + " cannot be reached: " + e.getMessage(), e);
        }
        return source;
    }
}
