package io.llmdb.schema;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.SchemaException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a schema of any name to what this version of the library needs, beside other people's tables.
 *
 * <p>Any number of processes may call {@link #migrate()} at once: one migrates, the others wait for it. Every migration
 * is one transaction, so none is ever half applied; a history that says otherwise is refused. Needs no extension and no
 * superuser: the role must be able to create the schema, or to create tables in it where it exists.
 *
 * <p>Instances are immutable and safe for use by several threads.
 */
public final class SchemaMigrator {

    /** The name of the schema where none is chosen. */
    public static final String DEFAULT_SCHEMA = "llmdb";

    /** The table that holds the history of migrations, in the same schema. */
    public static final String HISTORY_TABLE = "llmdb_schema_history";

    /** The oldest server that works, as PostgreSQL's server_version_num. */
    private static final int OLDEST_SERVER = 140_000;

    private static final Pattern SCHEMA_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_$-]{0,62}");

    /** The first that the first migration makes. */
    private static final String FIRST_TABLE = "LLM_BudgetTable";

    private static final Logger LOG = LoggerFactory.getLogger(SchemaMigrator.class);

    private final DataSource dataSource;
    private final String schema;

    private SchemaMigrator(DataSource dataSource, String schema) {
        this.dataSource = dataSource;
        this.schema = schema;
    }

    /**
     * A migrator for one schema of one database.
     *
     * @param dataSource gives connections to the database; {@link #migrate()} uses at most three at a time
     * @param schema the schema's name: a letter or underscore, then letters, digits, {@code _ $ -}, at most 63
     *     characters
     * @return the migrator; nothing was done yet
     * @throws SchemaException where the name is none
     */
    public static SchemaMigrator of(DataSource dataSource, String schema) {
        if (!SCHEMA_NAME.matcher(schema).matches()) {
            throw new SchemaException(
                    "schema \"" + schema
                            + "\" is no name for a schema: use a letter or underscore, then letters, digits, _ $ -, at most 63 characters");
        }
        return new SchemaMigrator(dataSource, schema);
    }

    /**
     * Applies the migrations that are missing; does nothing where none is.
     *
     * @return how the schema stands afterwards
     * @throws SchemaException where the schema cannot be migrated: not enough rights, a history that does not fit, a
     *     server that is too old; the message says what to do
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public SchemaReport migrate() {
        SchemaReport before = inspect();
        if (before.isCurrent()) {
            return before;
        }
        if (!before.problems().isEmpty()) {
            throw new SchemaException(String.join("; ", before.problems()));
        }
        // Flyway has a lock of its own, but takes it only after it has made up its mind whether the history is there.
        try (Connection lock = dataSource.getConnection()) {
            lock.setAutoCommit(false);
            try (Statement statement = lock.createStatement()) {
                statement.execute("SELECT pg_advisory_xact_lock(hashtextextended('llmdb migrate " + schema + "', 0))");
                if (!inspect().isCurrent()) {
                    createSchema();
                    flyway().migrate();
                }
            } catch (FlywayException e) {
                throw new SchemaException("Schema \"" + schema + "\" could not be migrated: " + reason(e), e);
            } finally {
                lock.rollback();
                lock.setAutoCommit(true);
            }
        } catch (SQLException e) {
            throw unreachable(e);
        }
        SchemaReport after = inspect();
        LOG.info("Schema \"{}\" is at version {}", schema, after.version());
        return after;
    }

    /**
     * Compares the schema with what this version of the library needs; changes nothing.
     *
     * @return the comparison
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public SchemaReport inspect() {
        requireUsableServer();
        List<String> applied = new ArrayList<>();
        List<String> pending = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        String version = null;
        // Asked first, because a history that is read later knows of every table that was there before.
        boolean hasTables = hasTable(FIRST_TABLE);
        try {
            for (MigrationInfo step : flyway().info().all()) {
                String name = step.getVersion() + " " + step.getDescription();
                MigrationState state = step.getState();
                if (state == MigrationState.PENDING) {
                    pending.add(name);
                } else if (state.isFailed()) {
                    problems.add("Migration " + name + " of schema \"" + schema
                            + "\" is half applied: restore the schema from a backup, or finish the step by hand and mark it in "
                            + HISTORY_TABLE);
                } else if (state.isApplied() && !state.isResolved()) {
                    problems.add(
                            "Schema \"" + schema + "\" has migration " + name
                                    + ", which this version of the library does not know: use the version that made it, or a newer one");
                } else if (state.isApplied()) {
                    applied.add(name);
                    version = String.valueOf(step.getVersion());
                    if (!step.isChecksumMatching()) {
                        problems.add(
                                "Migration " + name + " of schema \"" + schema
                                        + "\" is not the one that this version of the library has: it was edited after it was applied");
                    }
                }
            }
        } catch (FlywayException e) {
            throw new SchemaException("Schema \"" + schema + "\" could not be inspected: " + reason(e), e);
        }
        if (applied.isEmpty() && problems.isEmpty() && hasTables) {
            problems.add("Schema \"" + schema + "\" has a table \"" + FIRST_TABLE + "\" but no " + HISTORY_TABLE
                    + " that says where it comes from: restore the history from a backup, or choose another schema");
        }
        return new SchemaReport(schema, version, applied, pending, problems);
    }

    /**
     * Done here rather than by Flyway, because two sessions that create one schema at once collide even with IF NOT
     * EXISTS.
     */
    private void createSchema() {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("SELECT pg_advisory_xact_lock(hashtextextended('llmdb create schema', 0))");
                try (ResultSet rows = statement.executeQuery(
                        "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '" + schema.replace("'", "''") + "'")) {
                    if (!rows.next()) {
                        statement.execute("CREATE SCHEMA \"" + schema + '"');
                    }
                }
                connection.commit();
            } catch (SQLException e) {
                connection.rollback();
                throw new SchemaException(
                        "Schema \"" + schema + "\" could not be created: " + e.getMessage()
                                + " (SQLSTATE " + e.getSQLState()
                                + "). Create it yourself and grant its use and CREATE on it to this role, or grant CREATE on the database",
                        e);
            } finally {
                connection.setAutoCommit(true);
            }
        } catch (SQLException e) {
            throw unreachable(e);
        }
    }

    private boolean hasTable(String name) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = ? AND tablename = ?")) {
            statement.setString(1, schema);
            statement.setString(2, name);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next();
            }
        } catch (SQLException e) {
            throw unreachable(e);
        }
    }

    private void requireUsableServer() {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT current_setting('server_version_num')::int, current_setting('server_version')")) {
            rows.next();
            if (rows.getInt(1) < OLDEST_SERVER) {
                throw new SchemaException(
                        "The server is PostgreSQL " + rows.getString(2) + "; 14 is the oldest that works");
            }
        } catch (SQLException e) {
            throw unreachable(e);
        }
    }

    private Flyway flyway() {
        return Flyway.configure(SchemaMigrator.class.getClassLoader())
                .dataSource(dataSource)
                .schemas(schema)
                .defaultSchema(schema)
                .createSchemas(false)
                .table(HISTORY_TABLE)
                .placeholders(Map.of("llmdb", '"' + schema + '"'))
                .locations("classpath:io/llmdb/schema/migrations")
                .baselineOnMigrate(true)
                .baselineVersion("0")
                .lockRetryCount(-1)
                .load();
    }

    private static DatabaseUnavailableException unreachable(SQLException e) {
        return DatabaseUnavailableException.of(e);
    }

    private static String reason(FlywayException e) {
        Throwable cause = e;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? e.toString() : cause.getMessage().strip();
    }
}
