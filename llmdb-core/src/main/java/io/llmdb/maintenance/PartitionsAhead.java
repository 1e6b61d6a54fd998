package io.llmdb.maintenance;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes partitions before they are needed, and gives stray rows, which are in the default partition, one of their own.
 */
final class PartitionsAhead {

    /** So that a weekend without any instance that makes some is no harm. */
    static final int DAYS_AHEAD = 4;

    /** The rest waits for the next run. */
    private static final int MOST_STRAY_DAYS = 400;

    private static final Logger LOG = LoggerFactory.getLogger(PartitionsAhead.class);

    private final Db db;
    private final LogDdl ddl;

    PartitionsAhead(Db db, LogDdl ddl) {
        this.db = db;
        this.ddl = ddl;
    }

    /** Makes what is missing; how many partitions that were. */
    int run(BooleanSupplier mayGoOn) {
        LocalDate today = LocalDate.ofInstant(ddl.now(), ZoneOffset.UTC);
        int made = 0;
        LlmDbException failure = null;
        for (LogTable table : LogTable.values()) {
            TreeSet<LocalDate> days = new TreeSet<>(strayDays(table));
            for (int ahead = 0; ahead <= DAYS_AHEAD; ahead++) {
                days.add(today.plusDays(ahead));
            }
            List<LogDdl.Found> present = ddl.partitions(table);
            for (LocalDate day : days) {
                if (isCovered(present, table, day) || !mayGoOn.getAsBoolean()) {
                    continue;
                }
                try {
                    if (ddl.make(table, day, mayGoOn)) {
                        made++;
                        LOG.debug("{} has a partition for {}", table.table(), day);
                    }
                } catch (LlmDbException e) {
                    // The other days shall have theirs all the same.
                    failure = failure == null ? e : failure;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        return made;
    }

    /** A day twice in one month is made once. */
    private static boolean isCovered(List<LogDdl.Found> present, LogTable table, LocalDate day) {
        for (LogDdl.Found found : present) {
            Instant from = found.partition().from();
            Instant to = found.partition().to();
            if (from != null && to != null && from.isBefore(table.end(day)) && to.isAfter(table.start(day))) {
                return true;
            }
        }
        return false;
    }

    private List<LocalDate> strayDays(LogTable table) {
        return db.single(tx -> {
            List<LocalDate> days = new ArrayList<>();
            try (PreparedStatement statement = tx.connection()
                    .prepareStatement(ddl.sql(
                            "SELECT d FROM ${llmdb}.llmdb_stray_days(?) d ORDER BY d DESC LIMIT " + MOST_STRAY_DAYS))) {
                statement.setString(1, table.table());
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        @Nullable LocalDate day = rows.getObject(1, LocalDate.class);
                        if (day != null) {
                            days.add(day);
                        }
                    }
                }
            }
            return days;
        });
    }
}
