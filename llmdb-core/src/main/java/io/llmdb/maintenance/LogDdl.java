package io.llmdb.maintenance;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.LongStatements;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Changes partitions beside writers and readers. A lock on a log is waited for briefly, because everybody who comes
 * later waits behind; then it is given up and tried again, a little more patiently each time.
 */
final class LogDdl {

    private static final int ATTEMPTS = 40;

    private static final long SHORTEST_WAIT_MILLIS = 50;

    private static final long LONGEST_WAIT_MILLIS = 500;

    private static final String LOCK_NOT_AVAILABLE = "55P03";

    private static final String PARTITIONS = """
            SELECT p.relid, p.partition_name, p.lower_bound, p.upper_bound, c.reltuples::bigint, pg_total_relation_size(p.relid)
            FROM ${llmdb}.llmdb_partitions(?) p JOIN pg_class c ON c.oid = p.relid
            WHERE p.upper_bound IS NOT NULL OR p.is_default
            ORDER BY p.upper_bound, p.partition_name""";

    private final Db db;

    LogDdl(Db db) {
        this.db = db;
    }

    /** A partition and its number in the catalog. */
    record Found(long relid, LogPartition partition) {

        boolean isDefault() {
            return partition.to() == null;
        }
    }

    Instant now() {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(sql("SELECT ${llmdb}.llmdb_now()"));
                    ResultSet row = statement.executeQuery()) {
                row.next();
                return instant(row, 1);
            }
        });
    }

    String sql(String text) {
        return db.sql().of(text);
    }

    /** A log's partitions, the oldest first; the default one last. */
    List<Found> partitions(LogTable table) {
        return db.single(tx -> {
            List<Found> found = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(sql(PARTITIONS))) {
                statement.setString(1, table.table());
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        found.add(new Found(
                                rows.getLong(1),
                                new LogPartition(
                                        table.table(),
                                        rows.getString(2),
                                        instant(rows, 3),
                                        instant(rows, 4),
                                        rows.getLong(5),
                                        rows.getLong(6))));
                    }
                }
            }
            return found;
        });
    }

    /** Makes the partition that holds a day; false where there is one, or where its rows were dropped. */
    boolean make(LogTable table, LocalDate day, BooleanSupplier mayGoOn) {
        return patiently(
                mayGoOn,
                wait -> db.transaction(tx -> {
                    try (PreparedStatement statement =
                            tx.connection().prepareStatement(sql("SELECT ${llmdb}.llmdb_make_partition(?, ?, ?)"))) {
                        statement.setString(1, table.table());
                        statement.setObject(2, table.start(day).atOffset(ZoneOffset.UTC));
                        statement.setObject(3, table.end(day).atOffset(ZoneOffset.UTC));
                        try (ResultSet row = statement.executeQuery()) {
                            row.next();
                            return row.getBoolean(1);
                        }
                    }
                }));
    }

    /** Takes a partition out of its log; what is to be dropped now, or null where it is gone already. */
    @Nullable
    String takeOut(LogTable table, long relid, BooleanSupplier mayGoOn) {
        return patiently(
                mayGoOn,
                wait -> db.<@Nullable String>transaction(tx -> {
                    try (PreparedStatement statement = tx.connection()
                            .prepareStatement(sql("SELECT ${llmdb}.llmdb_take_out_partition(?, ?::oid, ?)"))) {
                        statement.setString(1, table.table());
                        statement.setLong(2, relid);
                        statement.setString(3, wait + "ms");
                        try (ResultSet row = statement.executeQuery()) {
                            row.next();
                            return row.getString(1);
                        }
                    }
                }));
    }

    /** How many rows had prompts. */
    long forgetPrompts(long relid, BooleanSupplier mayGoOn) {
        return patiently(
                mayGoOn,
                wait -> inOneLongStatement(tx -> {
                    try (PreparedStatement statement =
                            tx.connection().prepareStatement(sql("SELECT ${llmdb}.llmdb_forget_prompts(?::oid, ?)"))) {
                        statement.setLong(1, relid);
                        statement.setString(2, wait + "ms");
                        try (ResultSet row = statement.executeQuery()) {
                            row.next();
                            return row.getLong(1);
                        }
                    }
                }));
    }

    /** Calls a function of one argument in a transaction of its own. */
    void call(String statement, String argument, BooleanSupplier mayGoOn) {
        patiently(
                mayGoOn,
                wait -> inOneLongStatement(tx -> {
                    try (PreparedStatement call = tx.connection().prepareStatement(sql(statement))) {
                        call.setString(1, argument);
                        return call.execute();
                    }
                }));
    }

    /**
     * Runs one statement outside of any transaction, as CREATE INDEX CONCURRENTLY and VACUUM want it, however long it
     * takes.
     */
    void runLong(String statement) {
        inOneLongStatement(tx -> {
            try (Statement one = tx.connection().createStatement()) {
                one.execute(statement);
            }
            return true;
        });
    }

    private <T> T inOneLongStatement(Tx.Work<T> work) {
        return db.single(tx -> LongStatements.run(tx, work));
    }

    private interface Attempt<T extends @Nullable Object> {
        T run(long lockTimeoutMillis);
    }

    private static <T extends @Nullable Object> T patiently(BooleanSupplier mayGoOn, Attempt<T> attempt) {
        long wait = SHORTEST_WAIT_MILLIS;
        for (int i = 1; ; i++) {
            try {
                return attempt.run(wait);
            } catch (LlmDbException e) {
                if (!LOCK_NOT_AVAILABLE.equals(DbErrors.sqlState(e)) || i == ATTEMPTS || !mayGoOn.getAsBoolean()) {
                    throw e;
                }
                // Those who waited behind go first.
                LockSupport.parkNanos(
                        Duration.ofMillis(wait + ThreadLocalRandom.current().nextLong(2 * wait))
                                .toNanos());
                wait = Math.min(wait * 5 / 4, LONGEST_WAIT_MILLIS);
            }
        }
    }

    static @Nullable Instant instant(ResultSet rows, int column) throws SQLException {
        OffsetDateTime value = rows.getObject(column, OffsetDateTime.class);
        return value == null || value.equals(OffsetDateTime.MIN) || value.equals(OffsetDateTime.MAX)
                ? null
                : value.toInstant();
    }
}
