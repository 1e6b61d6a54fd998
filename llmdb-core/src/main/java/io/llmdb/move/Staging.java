package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/** Brings rows into a table that may have some of them: through a table of the transaction's own, then by key. */
final class Staging {

    private final Session target;
    private final Shape shape;
    private final String name;

    /** Makes the transaction's own table. */
    Staging(Session target, Shape shape) throws SQLException {
        this.target = target;
        this.shape = shape;
        this.name = "llmdb_stage_" + shape.table().replace("LLM_", "").toLowerCase(java.util.Locale.ROOT);
        target.run("CREATE TEMP TABLE IF NOT EXISTS " + name + " (LIKE " + target.table(shape.table())
                + ") ON COMMIT DROP");
    }

    /** The name of the transaction's own table. */
    String name() {
        return name;
    }

    long load(Session source, String query, LongConsumer bytes) throws SQLException {
        return CopyStream.run(
                source, query, target, name + " (" + Names.list(shape.names()) + ") FROM STDIN (FORMAT binary)", bytes);
    }

    /**
     * Writes the staged rows over those of the same key, and empties the stage.
     *
     * @param uniqueColumns columns of one-column unique rules beside the key
     * @param repeated whether a row may be staged twice
     */
    void upsert(List<String> uniqueColumns, boolean repeated) throws SQLException {
        String table = target.table(shape.table());
        for (String column : uniqueColumns) {
            // Whoever has the value now gives it up: its own row comes too, or goes away.
            target.run("UPDATE " + table + " t SET " + Names.quoted(column) + " = NULL FROM " + name + " s WHERE t."
                    + Names.quoted(column) + " = s." + Names.quoted(column) + " AND (" + keyOf("t") + ") <> ("
                    + keyOf("s") + ")");
        }
        List<String> others = shape.names().stream()
                .filter(column -> !shape.key().contains(column))
                .toList();
        String columns = Names.list(shape.names());
        target.run("INSERT INTO " + table + " (" + columns + ") OVERRIDING SYSTEM VALUE SELECT "
                + (repeated ? "DISTINCT ON (" + Names.list(shape.key()) + ") " : "") + columns + " FROM "
                + name + " ON CONFLICT (" + Names.list(shape.key()) + ") DO "
                + (others.isEmpty()
                        ? "NOTHING"
                        : "UPDATE SET "
                                + others.stream()
                                        .map(column -> Names.quoted(column) + " = excluded." + Names.quoted(column))
                                        .collect(Collectors.joining(", "))));
        clear();
    }

    /** How many staged rows contradict rows of the same key. */
    long conflicts() throws SQLException {
        String row = shape.names().stream().map(Names::quoted).collect(Collectors.joining(", %1$s.", "%1$s.", ""));
        return target.number("SELECT count(*) FROM " + name + " s JOIN " + target.table(shape.table()) + " t ON ("
                + keyOf("t") + ") = (" + keyOf("s") + ") WHERE ROW(" + row.formatted("s") + ")::text <> ROW("
                + row.formatted("t") + ")::text");
    }

    /**
     * Deletes rows of the table whose key the source does not have.
     *
     * @param queries give the source's keys
     * @param condition which of the table's rows count
     */
    int deleteOthers(Session source, List<String> queries, String condition) throws SQLException {
        String keys = name + "_keys";
        target.run("CREATE TEMP TABLE IF NOT EXISTS " + keys + " ON COMMIT DROP AS SELECT " + Names.list(shape.key())
                + " FROM " + target.table(shape.table()) + " WITH NO DATA");
        target.run("TRUNCATE " + keys);
        for (String query : queries) {
            CopyStream.run(source, query, target, keys + " FROM STDIN (FORMAT binary)", bytes -> {});
        }
        target.run("ANALYZE " + keys);
        return target.update("DELETE FROM " + target.table(shape.table()) + " t WHERE " + condition
                + " AND NOT EXISTS (SELECT 1 FROM " + keys + " s WHERE (" + keyOf("s") + ") = (" + keyOf("t") + "))");
    }

    private void clear() throws SQLException {
        target.run("TRUNCATE " + name);
    }

    private String keyOf(String alias) {
        return shape.key().stream()
                .map(column -> alias + "." + Names.quoted(column))
                .collect(Collectors.joining(", "));
    }
}
