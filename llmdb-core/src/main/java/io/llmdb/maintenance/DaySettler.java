package io.llmdb.maintenance;

import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a day of the spend log that is over the indexes that reading wants and writing could not pay for: B-trees of a
 * 4-byte hash and the order of pages, built beside readers and late writers. Then the day is vacuumed, so that its rows
 * are frozen once and index-only scans need no look at them.
 */
final class DaySettler {

    /** Most late events are in by then; those that come later are written all the same. */
    static final Duration GRACE = Duration.ofMinutes(15);

    /** Ends of the indexes' names → what they are on. The reports ask with just these expressions. */
    private static final Map<String, String> INDEXES = indexes();

    private static final String INDEXES_OF = """
            SELECT c.relname, i.indisvalid,
                EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ?::oid""";

    private static final String SETTLED_BEFORE = """
            SELECT settled_before FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs' AND isfinite(settled_before)""";

    /** An earlier day that came meanwhile is settled by the next run. */
    private static final String SETTLE = """
            UPDATE ${llmdb}."LLM_LogState" s SET settled_before = d.settled
            FROM (VALUES (?::timestamptz)) d (settled)
            WHERE s.table_name = 'LLM_SpendLogs' AND s.settled_before < d.settled AND NOT EXISTS (
                SELECT 1 FROM ${llmdb}.llmdb_partitions('LLM_SpendLogs') p
                WHERE p.upper_bound > s.settled_before AND p.upper_bound < d.settled)""";

    private static final String INDEX_NEW_ROWS = "SELECT ${llmdb}.llmdb_index_new_rows(?::oid)";

    private static final Logger LOG = LoggerFactory.getLogger(DaySettler.class);

    private final Db db;
    private final LogDdl ddl;

    DaySettler(Db db, LogDdl ddl) {
        this.db = db;
        this.ddl = ddl;
    }

    private static Map<String, String> indexes() {
        Map<String, String> indexes = new LinkedHashMap<>();
        for (String column : List.of(
                "api_key", "\"user\"", "team_id", "organization_id", "end_user", "model", "request_id", "session_id")) {
            indexes.put(column.replace("\"", ""), "(hashtext(" + column + "), \"startTime\", id)");
        }
        indexes.put("failure", "(\"startTime\", id) WHERE status = 'failure'");
        indexes.put("spend", "(spend)");
        return indexes;
    }

    /**
     * Settles what is over and is not settled yet, the oldest first, and has the others' BRIN indexes know their new
     * rows; how many partitions were settled.
     */
    int run(BooleanSupplier mayGoOn) {
        Instant now = ddl.now();
        Instant over = now.minus(GRACE);
        Instant settled = settledBefore();
        List<LogDdl.Found> partitions = ddl.partitions(LogTable.SPEND_LOGS);
        indexNewRows(partitions, over, now, mayGoOn);
        int days = 0;
        for (LogDdl.Found found : partitions) {
            Instant to = found.partition().to();
            if (to == null || to.isAfter(over) || !to.isAfter(settled)) {
                continue;
            }
            if (!mayGoOn.getAsBoolean() || !settle(found, mayGoOn)) {
                return days;
            }
            settledTo(to);
            days++;
        }
        return days;
    }

    private void indexNewRows(List<LogDdl.Found> partitions, Instant over, Instant now, BooleanSupplier mayGoOn) {
        for (LogDdl.Found found : partitions) {
            Instant from = found.partition().from();
            Instant to = found.partition().to();
            boolean isOpen = (to == null || to.isAfter(over)) && (from == null || !from.isAfter(now));
            if (isOpen && mayGoOn.getAsBoolean()) {
                ddl.call(INDEX_NEW_ROWS, String.valueOf(found.relid()), mayGoOn);
            }
        }
    }

    /** False where somebody else is at it. */
    private boolean settle(LogDdl.Found found, BooleanSupplier mayGoOn) {
        String name = found.partition().name();
        String partition = ddl.sql("${llmdb}.\"" + name + "\"");
        long started = System.nanoTime();
        for (Map.Entry<String, String> index : INDEXES.entrySet()) {
            if (!mayGoOn.getAsBoolean()) {
                return false;
            }
            String indexName = name + "_" + index.getKey() + "_settled";
            Present present = present(found.relid()).getOrDefault(indexName, Present.NO);
            if (present == Present.IN_PROGRESS) {
                return false;
            }
            if (present == Present.INVALID) {
                // What was being built when its builder died.
                ddl.runLong(ddl.sql("DROP INDEX CONCURRENTLY IF EXISTS ${llmdb}.\"" + indexName + "\""));
            }
            if (present != Present.VALID) {
                ddl.runLong("CREATE INDEX CONCURRENTLY \"" + indexName + "\" ON " + partition + " " + index.getValue());
            }
        }
        ddl.runLong("VACUUM (ANALYZE, FREEZE) " + partition);
        LOG.debug("{} is settled after {}", name, Duration.ofNanos(System.nanoTime() - started));
        return true;
    }

    private enum Present {
        NO,
        INVALID,
        IN_PROGRESS,
        VALID
    }

    private Map<String, Present> present(long relid) {
        return db.single(tx -> {
            Map<String, Present> present = new LinkedHashMap<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(INDEXES_OF)) {
                statement.setLong(1, relid);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        Present state = rows.getBoolean(2)
                                ? Present.VALID
                                : rows.getBoolean(3) ? Present.IN_PROGRESS : Present.INVALID;
                        present.put(rows.getString(1), state);
                    }
                }
            }
            return present;
        });
    }

    private Instant settledBefore() {
        return db.single(tx -> {
            List<Instant> found = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(ddl.sql(SETTLED_BEFORE));
                    ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    Instant instant = LogDdl.instant(rows, 1);
                    if (instant != null) {
                        found.add(instant);
                    }
                }
            }
            return found.isEmpty() ? Instant.MIN : found.get(0);
        });
    }

    private void settledTo(Instant to) {
        db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(ddl.sql(SETTLE))) {
                statement.setObject(1, to.atOffset(ZoneOffset.UTC));
                return statement.executeUpdate();
            }
        });
    }
}
