package io.llmdb.litellm;

import static io.llmdb.schema.jooq.Tables.IMPORT;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.schema.jooq.tables.records.ImportRow;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the target knows of imports, and the lock that keeps a second one out: it hangs on a transaction of its own, so
 * it goes with the process that holds it, and a pooler in transaction mode may stand between.
 */
final class ImportState implements AutoCloseable {

    static final String NAME = "litellm";

    /** What must be empty where nothing was imported yet. */
    private static final List<String> MUST_BE_EMPTY = List.of(
            "LLM_VerificationToken",
            "LLM_UserTable",
            "LLM_TeamTable",
            "LLM_OrganizationTable",
            "LLM_BudgetTable",
            "LLM_EndUserTable",
            "LLM_ProxyModelTable",
            "LLM_SpendLogs",
            "LLM_DailySpend");

    /** A day of a log that is here in full. */
    record Day(long rows, String checksum) {}

    private final Connection lock;
    private final long run;
    private final Instant firstSnapshot;

    private ImportState(Connection lock, long run, Instant firstSnapshot) {
        this.lock = lock;
        this.run = run;
        this.firstSnapshot = firstSnapshot;
    }

    /**
     * Keeps others out, looks what is there and notes that a run begins.
     *
     * @throws ImportRefusedException where another import runs, or the target holds something else
     */
    static ImportState begin(Db db, Source source, boolean intoUsed, AuditTrail audit, Actor actor) {
        Connection lock = lock(db);
        try {
            return db.transaction(tx -> {
                Connection connection = tx.connection();
                long run = 1;
                Instant first = source.snapshot();
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery(db.sql()
                                .of("SELECT source, first_snapshot, run FROM ${llmdb}.\"LLM_Import\" WHERE name = '"
                                        + NAME + "'"))) {
                    if (row.next()) {
                        requireSame(row.getString(1), source);
                        Instant before = Balances.instant(row, 2);
                        first = before == null ? first : before;
                        run = row.getLong(3) + 1;
                    } else if (!intoUsed) {
                        requireEmpty(db, connection);
                    }
                }
                try (PreparedStatement statement =
                        connection.prepareStatement(db.sql().of("""
                        INSERT INTO ${llmdb}."LLM_Import" (name, source, first_snapshot, run, started_at)
                        VALUES (?, ?, ?, ?, ${llmdb}.llmdb_now())
                        ON CONFLICT (name) DO UPDATE SET run = excluded.run, started_at = excluded.started_at, finished_at = NULL"""))) {
                    statement.setString(1, NAME);
                    statement.setString(2, source.name());
                    statement.setObject(3, Balances.time(first));
                    statement.setLong(4, run);
                    statement.executeUpdate();
                }
                ImportRow row =
                        tx.dsl().selectFrom(IMPORT).where(IMPORT.NAME.eq(NAME)).fetchSingle();
                audit.record(
                        tx,
                        actor,
                        row.getStartedAt().toInstant(),
                        new AuditTrail.Change(AuditAction.CREATED, IMPORT, NAME, null, row));
                return new ImportState(lock, run, first);
            });
        } catch (RuntimeException e) {
            close(lock);
            throw e;
        }
    }

    private static Connection lock(Db db) {
        try {
            Connection connection = db.dataSource().getConnection();
            boolean locked = false;
            try {
                connection.setAutoCommit(false);
                try (PreparedStatement statement = connection.prepareStatement(
                        "SELECT pg_try_advisory_xact_lock(hashtextextended('llmdb import ' || ?, 0))")) {
                    try (Statement patience = connection.createStatement()) {
                        patience.execute("SET LOCAL idle_in_transaction_session_timeout = 0");
                    }
                    statement.setString(1, db.schema());
                    try (ResultSet row = statement.executeQuery()) {
                        row.next();
                        locked = row.getBoolean(1);
                    }
                }
            } finally {
                if (!locked) {
                    close(connection);
                }
            }
            if (!locked) {
                throw new ImportRefusedException(
                        "Another import into schema \"" + db.schema() + "\" is running: wait until it has ended");
            }
            return connection;
        } catch (SQLException e) {
            throw DbErrors.translate(e);
        }
    }

    private static void requireSame(String before, Source source) {
        if (!before.equals(source.name())) {
            throw new ImportRefusedException("This database was imported from " + before + ", and the source is "
                    + source.name()
                    + ": one database takes from one LiteLLM database only. Where it is the same one under a"
                    + " new name, set source in \"LLM_Import\" to the new name");
        }
    }

    private static void requireEmpty(Db db, Connection connection) throws SQLException {
        for (String table : MUST_BE_EMPTY) {
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(
                            db.sql().of("SELECT EXISTS (SELECT 1 FROM ${llmdb}.\"" + table + "\")"))) {
                row.next();
                if (row.getBoolean(1)) {
                    throw new ImportRefusedException("Schema \"" + db.schema() + "\" is in use already: \"" + table
                            + "\" has rows that no import brought. Import into a schema of its own, or say that both shall be"
                            + " merged; rows that are here then stay as they are");
                }
            }
        }
    }

    long run() {
        return run;
    }

    /** The moment of the first run's snapshot. */
    Instant firstSnapshot() {
        return firstSnapshot;
    }

    /** The days of a log that are here in full. */
    static Map<LocalDate, Day> days(Db db, String table) {
        return db.transaction(tx -> {
            Map<LocalDate, Day> days = new HashMap<>();
            try (PreparedStatement statement = tx.connection()
                    .prepareStatement(
                            db.sql()
                                    .of(
                                            "SELECT day, row_count, checksum::text FROM ${llmdb}.\"LLM_ImportDay\" WHERE table_name = ?"))) {
                statement.setString(1, table);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        days.put(rows.getObject(1, LocalDate.class), new Day(rows.getLong(2), rows.getString(3)));
                    }
                }
            }
            return days;
        });
    }

    /** Notes that a day is here in full. */
    static void dayDone(Db db, Connection connection, String table, LocalDate day, Day what) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of("""
                INSERT INTO ${llmdb}."LLM_ImportDay" (table_name, day, row_count, checksum) VALUES (?, ?, ?, ?::numeric)
                ON CONFLICT (table_name, day) DO UPDATE SET row_count = excluded.row_count, checksum = excluded.checksum"""))) {
            statement.setString(1, table);
            statement.setObject(2, day);
            statement.setLong(3, what.rows);
            statement.setString(4, what.checksum);
            statement.executeUpdate();
        }
    }

    void finished(Db db) {
        db.transaction(tx -> {
            try (Statement statement = tx.connection().createStatement()) {
                statement.execute(db.sql()
                        .of("UPDATE ${llmdb}.\"LLM_Import\" SET finished_at = ${llmdb}.llmdb_now() WHERE name = '"
                                + NAME + "'"));
            }
            return null;
        });
    }

    private static void close(Connection connection) {
        try (connection) {
            connection.rollback();
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            // The lock goes with the connection.
        }
    }

    @Override
    public void close() {
        close(lock);
    }
}
