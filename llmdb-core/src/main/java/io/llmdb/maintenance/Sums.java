package io.llmdb.maintenance;

import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * Sums up what reports read: days of the daily totals that are over, and hours and quarters of an hour of the log. What
 * is summed up is marked first, under the lock that booking shares at its end, so booking waits for that moment only.
 */
final class Sums {

    /** Most events are in by then; one that comes later takes the mark away, and the next run sums up again. */
    private static final Duration GRACE = Duration.ofMinutes(15);

    /**
     * Hours or quarters of an hour of one call. The groups of so many, of thousands of keys, users and end users each,
     * fit into the memory that PostgreSQL gives a query by default; those of a day would go to the disk.
     */
    private static final int AT_ONCE = 8;

    private static final String DAYS = """
            WITH RECURSIVE days AS (
                (SELECT day FROM ${llmdb}."LLM_DailySpend" ORDER BY day LIMIT 1)
                UNION ALL
                SELECT (SELECT t.day FROM ${llmdb}."LLM_DailySpend" t WHERE t.day > d.day ORDER BY t.day LIMIT 1) FROM days d WHERE d.day IS NOT NULL)
            SELECT d.day::timestamp AT TIME ZONE 'UTC' FROM days d
            WHERE d.day IS NOT NULL AND (d.day + 1)::timestamp AT TIME ZONE 'UTC' <= ?
              AND NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m
                              WHERE m.span = 'day' AND m.start = d.day::timestamp AT TIME ZONE 'UTC' AND m.complete)
            ORDER BY 1 DESC""";

    private static final String OPEN = """
            SELECT q FROM generate_series(date_bin('${length}', ?::timestamptz, '2000-01-01 00:00:00+00'),
                ?::timestamptz - interval '${length}', interval '${length}') q
            WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = '${span}' AND m.start = q AND m.complete)
            ORDER BY q""";

    private final Db db;
    private final LogDdl ddl;

    Sums(Db db, LogDdl ddl) {
        this.db = db;
        this.ddl = ddl;
    }

    /** Sums up what is over, the newest first; how many days, hours and quarters of an hour that were. */
    int run(BooleanSupplier mayGoOn) {
        Instant over = ddl.now().minus(GRACE);
        int done = sumUpDays(over, mayGoOn);
        List<LogDdl.Found> partitions = ddl.partitions(LogTable.SPEND_LOGS);
        for (int i = partitions.size() - 1; i >= 0; i--) {
            LogPartition partition = partitions.get(i).partition();
            Instant from = partition.from();
            Instant to = partition.to();
            if (from != null && to != null && from.isBefore(over)) {
                done += sumUpLog(from, to.isBefore(over) ? to : over, mayGoOn);
            }
        }
        return done;
    }

    private int sumUpDays(Instant over, BooleanSupplier mayGoOn) {
        int done = 0;
        for (OffsetDateTime day : starts(ddl.sql(DAYS), over)) {
            done += sumUp("day", List.of(day), mayGoOn);
        }
        return done;
    }

    /** Sums up all hours and quarters of an hour of a stretch of the log that are not yet. */
    int sumUpLog(Instant from, Instant to, BooleanSupplier mayGoOn) {
        return sumUpLog("quarter", "15 minutes", from, to, mayGoOn) + sumUpLog("hour", "1 hour", from, to, mayGoOn);
    }

    private int sumUpLog(String span, String length, Instant from, Instant to, BooleanSupplier mayGoOn) {
        String query = ddl.sql(OPEN.replace("${length}", length).replace("${span}", span));
        List<OffsetDateTime> starts = starts(query, from, to);
        int done = 0;
        for (int i = 0; i < starts.size(); i += AT_ONCE) {
            done += sumUp(span, starts.subList(i, Math.min(i + AT_ONCE, starts.size())), mayGoOn);
        }
        return done;
    }

    private List<OffsetDateTime> starts(String query, Instant... bounds) {
        return db.single(tx -> {
            List<OffsetDateTime> starts = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(query)) {
                for (int i = 0; i < bounds.length; i++) {
                    statement.setObject(i + 1, bounds[i].atOffset(ZoneOffset.UTC));
                }
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        starts.add(rows.getObject(1, OffsetDateTime.class));
                    }
                }
            }
            return starts;
        });
    }

    /** Marks, then sums up, each in a transaction of its own: what is booked in between takes the mark away. */
    private int sumUp(String span, List<OffsetDateTime> starts, BooleanSupplier mayGoOn) {
        if (starts.isEmpty() || !mayGoOn.getAsBoolean()) {
            return 0;
        }
        String list =
                starts.stream().map(start -> '"' + start.toString() + '"').collect(Collectors.joining(",", "{", "}"));
        ddl.call("SELECT ${llmdb}.llmdb_begin_summing('" + span + "', ?::timestamptz[])", list, mayGoOn);
        ddl.call("SELECT ${llmdb}.llmdb_sum_up_" + span + "s(?::timestamptz[])", list, mayGoOn);
        return starts.size();
    }
}
