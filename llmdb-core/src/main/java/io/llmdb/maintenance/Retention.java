package io.llmdb.maintenance;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Drops what is too old, a partition at a time. What one step cannot do is left to the next run; the others go on. */
final class Retention {

    private static final int STRAYS_AT_ONCE = 5_000;

    private static final String LEFTOVERS = """
            SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relkind = 'r' AND NOT c.relispartition AND c.relname = ANY (
                SELECT t || '_dropped_' || c.oid FROM unnest(?::text[]) t)""";

    private static final String SAY_DROPPED = """
            UPDATE ${llmdb}."LLM_LogState" SET dropped_before = ? WHERE table_name = ? AND dropped_before < ?""";

    private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

    private final Db db;
    private final LogDdl ddl;
    private final Sums sums;
    private final RetentionPolicy policy;

    Retention(Db db, LogDdl ddl, Sums sums, RetentionPolicy policy) {
        this.db = db;
        this.ddl = ddl;
        this.sums = sums;
        this.policy = policy;
    }

    RetentionReport run(boolean dryRun, Consumer<RetentionStep> progress, BooleanSupplier mayGoOn) {
        Instant now = ddl.now();
        List<RetentionStep> steps = new ArrayList<>();
        Consumer<RetentionStep> tell = step -> {
            steps.add(step);
            progress.accept(step);
        };
        if (!dryRun) {
            dropLeftovers();
        }
        for (LogTable table : LogTable.values()) {
            BudgetDuration period = policy.of(table);
            if (period != null) {
                drop(table, period.before(now), dryRun, tell, mayGoOn);
            }
        }
        if (policy.prompts() != null) {
            forgetPrompts(policy.prompts().before(now), dryRun, tell, mayGoOn);
        }
        Instant dealtWith = deadLettersBefore(now);
        if (dealtWith != null && mayGoOn.getAsBoolean() && hasDeadLetters(dealtWith)) {
            step(
                    new RetentionStep(
                            RetentionStep.Kind.DELETE_DEAD_LETTERS,
                            DEAD_LETTERS,
                            DEAD_LETTERS,
                            null,
                            dealtWith,
                            0,
                            0,
                            Duration.ZERO,
                            null),
                    dryRun,
                    tell,
                    () -> inBatches(deleteDeadLetters(), dealtWith, mayGoOn));
        }
        return new RetentionReport(now, dryRun, steps);
    }

    /** What was taken out by a run that died before it could drop it. */
    private void dropLeftovers() {
        List<String> leftovers = db.single(tx -> {
            List<String> names = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(LEFTOVERS)) {
                statement.setString(1, db.schema());
                Object[] tables =
                        Arrays.stream(LogTable.values()).map(LogTable::table).toArray();
                statement.setArray(2, tx.connection().createArrayOf("text", tables));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        names.add(rows.getString(1));
                    }
                }
            }
            return names;
        });
        leftovers.forEach(name -> ddl.runLong("DROP TABLE IF EXISTS " + name));
    }

    private void drop(
            LogTable table, Instant cutoff, boolean dryRun, Consumer<RetentionStep> tell, BooleanSupplier mayGoOn) {
        for (LogDdl.Found found : ddl.partitions(table)) {
            Instant to = found.partition().to();
            if (!mayGoOn.getAsBoolean()) {
                return;
            }
            if (to != null && !to.isAfter(cutoff)) {
                step(
                        RetentionStep.Kind.DROP_PARTITION,
                        found,
                        to,
                        found.partition().rows(),
                        dryRun,
                        tell,
                        () -> {
                            Instant from = found.partition().from();
                            if (table == LogTable.SPEND_LOGS && from != null) {
                                // Afterwards the log cannot be asked any more.
                                sums.sumUpLog(from, to, mayGoOn);
                                if (!mayGoOn.getAsBoolean()) {
                                    // Then not all of it need be summed up.
                                    return null;
                                }
                            }
                            String name = ddl.takeOut(table, found.relid(), mayGoOn);
                            if (name != null) {
                                ddl.runLong("DROP TABLE IF EXISTS " + name);
                            }
                            return found.partition().rows();
                        });
            } else if (found.isDefault()) {
                Instant day = LocalDate.ofInstant(cutoff, ZoneOffset.UTC)
                        .atStartOfDay(ZoneOffset.UTC)
                        .toInstant();
                if (hasStrays(table, found, day, "")) {
                    step(
                            RetentionStep.Kind.DELETE_STRAY_ROWS,
                            found,
                            day,
                            0,
                            dryRun,
                            tell,
                            () -> deleteStrays(table, found, day, mayGoOn));
                }
            }
        }
    }

    private long deleteStrays(LogTable table, LogDdl.Found found, Instant before, BooleanSupplier mayGoOn) {
        db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(ddl.sql(SAY_DROPPED))) {
                statement.setObject(1, before.atOffset(ZoneOffset.UTC));
                statement.setString(2, table.table());
                statement.setObject(3, before.atOffset(ZoneOffset.UTC));
                return statement.executeUpdate();
            }
        });
        String partition = ddl.sql("${llmdb}.\"" + found.partition().name() + "\"");
        String delete = "DELETE FROM " + partition + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + partition
                + " WHERE \"" + table.column() + "\" < ? LIMIT " + STRAYS_AT_ONCE + "))";
        return inBatches(delete, before, mayGoOn);
    }

    private long inBatches(String statement, Instant before, BooleanSupplier mayGoOn) {
        long rows = 0;
        int last;
        do {
            last = db.single(tx -> {
                try (PreparedStatement batch = tx.connection().prepareStatement(statement)) {
                    batch.setObject(1, before.atOffset(ZoneOffset.UTC));
                    return batch.executeUpdate();
                }
            });
            rows += last;
        } while (last == STRAYS_AT_ONCE && mayGoOn.getAsBoolean());
        return rows;
    }

    private boolean hasStrays(LogTable table, LogDdl.Found found, Instant before, String condition) {
        String query = ddl.sql("SELECT EXISTS (SELECT 1 FROM ${llmdb}.\""
                + found.partition().name() + "\" WHERE \"" + table.column() + "\" < ? " + condition + ")");
        return exists(query, before);
    }

    private boolean exists(String query, Instant before) {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(query)) {
                statement.setObject(1, before.atOffset(ZoneOffset.UTC));
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return row.getBoolean(1);
                }
            }
        });
    }

    private void forgetPrompts(Instant cutoff, boolean dryRun, Consumer<RetentionStep> tell, BooleanSupplier mayGoOn) {
        Instant forgotten = promptsBefore();
        BudgetDuration rows = policy.spendLogs();
        Instant dropped = rows == null ? Instant.MIN : rows.before(ddl.now());
        for (LogDdl.Found found : ddl.partitions(LogTable.SPEND_LOGS)) {
            Instant to = found.partition().to();
            if (!mayGoOn.getAsBoolean()) {
                return;
            }
            if (to != null && !to.isAfter(cutoff) && to.isAfter(forgotten) && to.isAfter(dropped)) {
                boolean done = step(RetentionStep.Kind.FORGET_PROMPTS, found, to, 0, dryRun, tell, () -> {
                    long had = ddl.forgetPrompts(found.relid(), mayGoOn);
                    if (had > 0) {
                        ddl.runLong(ddl.sql(
                                "ANALYZE ${llmdb}.\"" + found.partition().name() + "\""));
                    }
                    return had;
                });
                if (!done) {
                    // What is forgotten is told by one instant: no later day may go before this one.
                    return;
                }
            } else if (found.isDefault() && hasStrays(LogTable.SPEND_LOGS, found, cutoff, "AND " + HAS_PROMPTS)) {
                String partition = ddl.sql("${llmdb}.\"" + found.partition().name() + "\"");
                String update = "UPDATE " + partition
                        + " SET messages = NULL, response = NULL, proxy_server_request = NULL WHERE ctid = ANY (ARRAY("
                        + "SELECT ctid FROM " + partition + " WHERE \"startTime\" < ? AND " + HAS_PROMPTS + " LIMIT "
                        + STRAYS_AT_ONCE + "))";
                step(
                        RetentionStep.Kind.FORGET_PROMPTS,
                        found,
                        cutoff,
                        0,
                        dryRun,
                        tell,
                        () -> inBatches(update, cutoff, mayGoOn));
            }
        }
    }

    /** They hold what a spend log row does, prompts included where these are kept. */
    private @Nullable Instant deadLettersBefore(Instant now) {
        return Stream.of(policy.spendLogs(), policy.prompts())
                .filter(Objects::nonNull)
                .map(period -> period.before(now))
                .max(Comparator.naturalOrder())
                .orElse(null);
    }

    private boolean hasDeadLetters(Instant before) {
        return exists(ddl.sql("SELECT EXISTS (SELECT 1 " + DEALT_WITH + ")"), before);
    }

    private String deleteDeadLetters() {
        return ddl.sql("DELETE FROM ${llmdb}.\"LLM_DeadLetter\" WHERE id = ANY (ARRAY(SELECT id " + DEALT_WITH
                + " LIMIT " + STRAYS_AT_ONCE + "))");
    }

    private static final String DEAD_LETTERS = "LLM_DeadLetter";

    private static final String DEALT_WITH =
            "FROM ${llmdb}.\"LLM_DeadLetter\" WHERE coalesce(replayed_at, discarded_at) < ?";

    private static final String HAS_PROMPTS = "num_nonnulls(messages, response, proxy_server_request) > 0";

    private Instant promptsBefore() {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection()
                            .prepareStatement(
                                    ddl.sql(
                                            "SELECT prompts_before FROM ${llmdb}.\"LLM_LogState\" WHERE table_name = 'LLM_SpendLogs' AND isfinite(prompts_before)"));
                    ResultSet row = statement.executeQuery()) {
                return row.next() ? Objects.requireNonNull(LogDdl.instant(row, 1)) : Instant.MIN;
            }
        });
    }

    private interface Work {
        /** Returns how many rows, or null where it was told to stop before it touched them. */
        @Nullable
        Long run();
    }

    private static boolean step(
            RetentionStep.Kind kind,
            LogDdl.Found found,
            Instant to,
            long estimate,
            boolean dryRun,
            Consumer<RetentionStep> tell,
            Work work) {
        LogPartition partition = found.partition();
        return step(
                new RetentionStep(
                        kind,
                        partition.table(),
                        partition.name(),
                        partition.from(),
                        to,
                        estimate,
                        partition.bytes(),
                        Duration.ZERO,
                        null),
                dryRun,
                tell,
                work);
    }

    /** False where it is left to the next run. */
    private static boolean step(RetentionStep planned, boolean dryRun, Consumer<RetentionStep> tell, Work work) {
        if (dryRun) {
            tell.accept(planned);
            return true;
        }
        long started = System.nanoTime();
        long rows = planned.rows();
        @Nullable String failure = null;
        try {
            Long done = work.run();
            if (done == null) {
                return false;
            }
            rows = done;
        } catch (LlmDbException e) {
            failure = String.valueOf(e.getMessage());
            LOG.warn("{} of {} is left to the next run: {}", planned.kind(), planned.name(), failure);
        }
        tell.accept(new RetentionStep(
                planned.kind(),
                planned.table(),
                planned.name(),
                planned.from(),
                planned.to(),
                rows,
                planned.bytes(),
                Duration.ofNanos(System.nanoTime() - started),
                failure));
        return failure == null;
    }
}
