package io.llmdb.spend;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that the logs have a partition for each day that is written to. A row for a day without one goes to the
 * default partition and is not lost.
 *
 * <p>Not API: for those who write rows of the logs in their own way.
 */
public final class Partitions {

    private static final List<String> TABLES = List.of("LLM_SpendLogs", "LLM_ErrorLogs", "LLM_SpendReceipt");

    /** Somebody reads or writes stray rows and does not come to an end. */
    private static final String LOCK_NOT_AVAILABLE = "55P03";

    /** Somebody else made a partition for this time just now. */
    private static final String BOUNDS_TAKEN = "42P17";

    private static final Logger LOG = LoggerFactory.getLogger(Partitions.class);

    private final Db db;
    private final String make;
    private final Set<LocalDate> present = ConcurrentHashMap.newKeySet();

    /** @param db the database */
    public Partitions(Db db) {
        this.db = db;
        this.make = db.sql().of("SELECT ${llmdb}.llmdb_make_partition(?, ?, ?)");
    }

    /** Makes the partitions that the events need. */
    void ensureFor(Collection<SpendEvent> events) {
        Set<LocalDate> missing = new TreeSet<>();
        LocalDate last = null;
        for (SpendEvent event : events) {
            LocalDate day = LocalDate.ofInstant(event.startTime(), ZoneOffset.UTC);
            if (!day.equals(last) && !present.contains(day)) {
                missing.add(day);
            }
            last = day;
        }
        for (LocalDate day : missing) {
            ensure(day);
        }
    }

    /**
     * Makes the partitions of a day.
     *
     * @param day the UTC day
     */
    public void ensure(LocalDate day) {
        for (String table : TABLES) {
            try {
                db.transaction(tx -> make(tx, table, day));
            } catch (LlmDbException e) {
                if (!LOCK_NOT_AVAILABLE.equals(DbErrors.sqlState(e)) && !BOUNDS_TAKEN.equals(DbErrors.sqlState(e))) {
                    throw e;
                }
                // The row need not wait: it goes to the default partition, and the partition job moves it.
                LOG.debug("{} has no partition for {} yet: {}", table, day, e.getMessage());
                return;
            }
        }
        present.add(day);
    }

    private @Nullable Void make(Tx tx, String table, LocalDate day) throws SQLException {
        try (PreparedStatement statement = tx.connection().prepareStatement(make)) {
            statement.setString(1, table);
            statement.setObject(2, day.atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.setObject(3, day.plusDays(1).atStartOfDay().atOffset(ZoneOffset.UTC));
            statement.execute();
        }
        return null;
    }
}
