package io.llmdb.maintenance;

import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Sums up what reports read: days of the daily totals that are over, and quarters of an hour of the log. Each in a
 * transaction of its own, so that booking never waits for long.
 */
final class Sums {

    /** Most events are in by then; one that comes later takes the mark away, and the next run sums up again. */
    private static final Duration GRACE = Duration.ofMinutes(15);

    private static final String DAYS = """
            WITH RECURSIVE days AS (
                (SELECT day FROM ${llmdb}."LLM_DailySpend" ORDER BY day LIMIT 1)
                UNION ALL
                SELECT (SELECT t.day FROM ${llmdb}."LLM_DailySpend" t WHERE t.day > d.day ORDER BY t.day LIMIT 1) FROM days d WHERE d.day IS NOT NULL)
            SELECT d.day FROM days d
            WHERE d.day IS NOT NULL AND d.day < ?
              AND NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m
                              WHERE m.span = 'day' AND m.start = d.day::timestamp AT TIME ZONE 'UTC')
            ORDER BY d.day DESC""";

    private static final String QUARTERS = """
            SELECT q FROM generate_series(date_bin('15 minutes', ?::timestamptz, '2000-01-01 00:00:00+00'),
                ?::timestamptz - interval '15 minutes', interval '15 minutes') q
            WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'quarter' AND m.start = q)
            ORDER BY q DESC""";

    private final Db db;
    private final LogDdl ddl;

    Sums(Db db, LogDdl ddl) {
        this.db = db;
        this.ddl = ddl;
    }

    /** Sums up what is over, the newest first; how many days and quarters of an hour that were. */
    int run(BooleanSupplier mayGoOn) {
        Instant over = ddl.now().minus(GRACE);
        int done = sumUpDays(over, mayGoOn);
        List<LogDdl.Found> partitions = ddl.partitions(LogTable.SPEND_LOGS);
        for (int i = partitions.size() - 1; i >= 0; i--) {
            LogPartition partition = partitions.get(i).partition();
            Instant from = partition.from();
            Instant to = partition.to();
            if (from != null && to != null && from.isBefore(over)) {
                done += sumUpQuarters(from, to.isBefore(over) ? to : over, mayGoOn);
            }
        }
        return done;
    }

    private int sumUpDays(Instant over, BooleanSupplier mayGoOn) {
        LocalDate today = LocalDate.ofInstant(over, ZoneOffset.UTC);
        List<LocalDate> days = db.single(tx -> {
            List<LocalDate> open = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(ddl.sql(DAYS))) {
                statement.setObject(1, today);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        open.add(rows.getObject(1, LocalDate.class));
                    }
                }
            }
            return open;
        });
        int done = 0;
        for (LocalDate day : days) {
            if (!mayGoOn.getAsBoolean()) {
                break;
            }
            ddl.call("SELECT ${llmdb}.llmdb_sum_up_day(?)", day, mayGoOn);
            done++;
        }
        return done;
    }

    /** Sums up all quarters of an hour from the one to the other that are not yet. */
    int sumUpQuarters(Instant from, Instant to, BooleanSupplier mayGoOn) {
        List<OffsetDateTime> quarters = db.single(tx -> {
            List<OffsetDateTime> open = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(ddl.sql(QUARTERS))) {
                statement.setObject(1, from.atOffset(ZoneOffset.UTC));
                statement.setObject(2, to.atOffset(ZoneOffset.UTC));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        open.add(rows.getObject(1, OffsetDateTime.class));
                    }
                }
            }
            return open;
        });
        int done = 0;
        for (OffsetDateTime quarter : quarters) {
            if (!mayGoOn.getAsBoolean()) {
                break;
            }
            ddl.call("SELECT ${llmdb}.llmdb_sum_up_quarter(?)", quarter, mayGoOn);
            done++;
        }
        return done;
    }
}
