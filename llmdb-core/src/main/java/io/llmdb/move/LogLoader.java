package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Partitions of logs on the target. */
final class LogLoader {

    private static final String INDEXES = """
            SELECT i.indisunique, pg_get_indexdef(i.indexrelid), c.contype = 'p', pg_get_constraintdef(c.oid)
            FROM pg_catalog.pg_index i
            LEFT JOIN pg_catalog.pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
            WHERE i.indrelid = to_regclass(?) ORDER BY i.indisprimary DESC, i.indexrelid""";

    private LogLoader() {}

    /**
     * Loads a partition that the target does not have: rows first, already frozen, then indexes, then it is attached,
     * so that each index is built once over everything.
     *
     * @param name the partition's name on the target
     * @param query what to read on the source
     * @return how many rows there were
     */
    static long loadNew(
            Session source,
            Session target,
            Partition partition,
            String name,
            String query,
            Shape shape,
            LongConsumer bytes)
            throws SQLException {
        String table = target.table(name);
        create(target, partition, shape.table(), name);
        long rows = CopyStream.run(
                source,
                query,
                target,
                table + " (" + Names.list(shape.names()) + ") FROM STDIN (FORMAT binary, FREEZE)",
                bytes);
        // First the lock that attaching takes too, so that two who load wait for each other in one order.
        target.run("LOCK TABLE ONLY " + target.table(shape.table()) + " IN SHARE UPDATE EXCLUSIVE MODE");
        for (String strays : defaults(target, shape.table())) {
            // They have come with the partition that the source has made for them since they were copied.
            target.run("DELETE FROM " + strays + " WHERE " + partition.condition());
        }
        attach(target, partition, shape.table(), name);
        return rows;
    }

    /** Makes an empty partition like one of the source, and moves there what the default partition has of it. */
    static void createEmpty(Session target, Partition partition, Log log, String name) throws SQLException {
        create(target, partition, log.name(), name);
        for (String strays : defaults(target, log.name())) {
            target.run("WITH stray AS (DELETE FROM " + strays + " WHERE " + partition.condition()
                    + " RETURNING *) INSERT INTO " + target.table(name) + " SELECT * FROM stray");
        }
        attach(target, partition, log.name(), name);
    }

    private static List<String> defaults(Session target, String log) throws SQLException {
        List<String> names = new ArrayList<>();
        for (@Nullable String[] row : target.rows("""
                SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_inherits i
                JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE i.inhparent = to_regclass(?) AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'""", target.table(log))) {
            names.add(Objects.requireNonNull(row[0]));
        }
        return names;
    }

    private static void create(Session target, Partition partition, String parent, String name) throws SQLException {
        target.run("CREATE TABLE " + target.table(name) + " (LIKE " + target.table(parent)
                + " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING GENERATED)");
        if (partition.hasRange()) {
            // Checked row by row, so that attaching need not read them all again.
            target.run("ALTER TABLE " + target.table(name) + " ADD CONSTRAINT llmdb_bound CHECK ("
                    + partition.condition() + ")");
        }
    }

    private static void attach(Session target, Partition partition, String parent, String name) throws SQLException {
        String table = target.table(name);
        for (@Nullable String[] index : target.rows(INDEXES, target.table(parent))) {
            if ("t".equals(index[2])) {
                target.run("ALTER TABLE " + table + " ADD " + index[3]);
            } else {
                String definition = Objects.requireNonNull(index[1]);
                target.run("CREATE " + ("t".equals(index[0]) ? "UNIQUE " : "") + "INDEX ON " + table
                        + definition.substring(definition.indexOf(" USING ")));
            }
        }
        target.run("ALTER TABLE " + target.table(parent) + " ATTACH PARTITION " + table + " " + partition.bound());
        if (partition.hasRange()) {
            target.run("ALTER TABLE " + table + " DROP CONSTRAINT llmdb_bound");
            // As where a database makes a day behind those that are settled: its jobs come by again.
            target.update("""
                    UPDATE ${llmdb}."LLM_LogState" s SET settled_before = least(s.settled_before, ?::text::timestamptz)
                    WHERE s.table_name = ? AND s.settled_before > ?::text::timestamptz""", partition.lower(), parent, partition.lower());
        }
    }

    /** Rows that the target may have, through the log itself, which finds their partition. */
    static long upsert(Session source, Session target, Shape shape, List<String> queries, LongConsumer bytes)
            throws SQLException {
        Staging staging = new Staging(target, shape);
        long rows = 0;
        for (String query : queries) {
            rows += staging.load(source, query, bytes);
        }
        if (rows > 0) {
            staging.upsert(List.of(), queries.size() > 1);
        }
        return rows;
    }

    static boolean exists(Session target, String name) throws SQLException {
        return target.is("SELECT to_regclass(?) IS NOT NULL", target.table(name));
    }
}
