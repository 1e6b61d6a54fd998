package io.llmdb.spend;

import io.llmdb.internal.Db;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Sees to it that the logs have a partition for each day that is written to. A row for a day without one goes to the
 * default partition and is not lost.
 */
final class Partitions {

    private static final List<String> TABLES = List.of("LLM_SpendLogs", "LLM_ErrorLogs", "LLM_SpendReceipt");

    private static final DateTimeFormatter SUFFIX = DateTimeFormatter.ofPattern("uuuuMMdd", Locale.ROOT);

    private final Db db;
    private final Set<LocalDate> present = ConcurrentHashMap.newKeySet();

    Partitions(Db db) {
        this.db = db;
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

    /** Makes the partitions of a day. */
    void ensure(LocalDate day) {
        db.transaction(tx -> {
            try (Statement statement = tx.connection().createStatement()) {
                statement.execute("SELECT pg_advisory_xact_lock(hashtextextended('llmdb partitions ' || '"
                        + db.schema().replace("'", "''") + "', 0))");
                for (String table : TABLES) {
                    create(statement, table, day);
                }
            }
            return null;
        });
        present.add(day);
    }

    /**
     * Attaching takes a weaker lock on the parent than CREATE TABLE ... PARTITION OF, so that readers and writers go
     * on.
     */
    private void create(Statement statement, String table, LocalDate day) throws SQLException {
        String partition = table + "_p" + SUFFIX.format(day);
        String exists = db.sql().of("SELECT to_regclass('${llmdb}.\"" + partition + "\"') IS NOT NULL");
        try (var rows = statement.executeQuery(exists)) {
            rows.next();
            if (rows.getBoolean(1)) {
                return;
            }
        }
        String name = "${llmdb}.\"" + partition + "\"";
        String bounds = "FROM ('" + day + " 00:00:00+00') TO ('" + day.plusDays(1) + " 00:00:00+00')";
        statement.execute(db.sql()
                .of("CREATE TABLE " + name + " (LIKE ${llmdb}.\"" + table
                        + "\" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"));
        statement.execute(db.sql()
                .of("ALTER TABLE ${llmdb}.\"" + table + "\" ATTACH PARTITION " + name + " FOR VALUES " + bounds));
    }
}
