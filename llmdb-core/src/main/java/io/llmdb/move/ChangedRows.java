package io.llmdb.move;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The rows of one table that are known to have changed: read from the source by their keys, written over the target's,
 * deleted there where the source has them no more, and compared. Each step works through the primary key, so that what
 * it costs depends on the changes alone.
 */
final class ChangedRows {

    private static final int AT_ONCE = 2_000;

    /**
     * Where the rows are on the source.
     *
     * @param table the table
     * @param condition which of its rows count
     */
    record Origin(String table, String condition) {}

    private final Session from;
    private final Session to;
    private final Shape shape;
    private final List<Origin> origins;
    private final List<List<List<String>>> chunks = new ArrayList<>();
    private final Staging staging;
    private final String keys;
    private int deletedFirst;

    /** @param changed the keys, each once */
    ChangedRows(Session from, Session to, Shape shape, List<Origin> origins, Collection<List<String>> changed)
            throws SQLException {
        this.from = from;
        this.to = to;
        this.shape = shape;
        this.origins = origins;
        List<List<String>> all = List.copyOf(changed);
        for (int start = 0; start < all.size(); start += AT_ONCE) {
            chunks.add(all.subList(start, Math.min(all.size(), start + AT_ONCE)));
        }
        this.staging = new Staging(to, shape);
        this.keys = staging.name() + "_changed";
    }

    /**
     * Writes the rows over those of the same key.
     *
     * @param uniqueColumns columns of one-column unique rules beside the key
     * @param deleteFirst whether what is gone is deleted before, rather than by {@link #deleteGone}
     * @return how many there were
     */
    long bring(List<String> uniqueColumns, boolean deleteFirst) throws SQLException {
        to.run("CREATE TEMP TABLE " + keys + " ON COMMIT DROP AS SELECT " + keyColumns("r", "k")
                + ", false AS gone FROM " + to.table(shape.table()) + " r WITH NO DATA");
        long rows = 0;
        for (List<List<String>> chunk : chunks) {
            to.runAsIs("INSERT INTO " + keys + " SELECT *, false FROM " + given(chunk));
            for (Origin origin : origins) {
                rows += staging.load(from, onSource(chunk, origin), bytes -> {});
            }
        }
        to.run("ANALYZE " + keys);
        to.run("UPDATE " + keys + " k SET gone = true WHERE NOT EXISTS (SELECT 1 FROM " + staging.name() + " s WHERE ("
                + keyColumns("s", "") + ") = (" + placeholders("k.") + "))");
        if (deleteFirst) {
            deletedFirst = deleteGone();
        }
        if (rows > 0) {
            staging.upsert(uniqueColumns, origins.size() > 1);
        }
        return rows;
    }

    /** How many rows were deleted before others were written. */
    int deletedFirst() {
        return deletedFirst;
    }

    /** Deletes the rows that the source has no more. */
    int deleteGone() throws SQLException {
        if (!to.is("SELECT EXISTS (SELECT 1 FROM " + keys + " WHERE gone)")) {
            return 0;
        }
        return to.update("DELETE FROM " + to.table(shape.table()) + " t USING " + keys + " k WHERE k.gone AND ("
                + keyColumns("t", "") + ") = (" + placeholders("k.") + ")");
    }

    /** Compares both sides' rows of these keys; returns how many there are. */
    long compare() throws SQLException {
        Checksum expected = Checksum.NOTHING;
        for (List<List<String>> chunk : chunks) {
            for (Origin origin : origins) {
                expected = expected.plus(Checksum.of(from, shape.names(), "(" + onSource(chunk, origin) + ") changed"));
            }
        }
        Checksum found =
                Checksum.of(to, shape.names(), "(" + byKey(keys + " k", to.table(shape.table()), "true") + ") changed");
        if (!found.agrees(expected)) {
            throw new MoveException("Source and target differ: of the rows of \"" + shape.table()
                    + "\" that changed the source has " + expected.rows() + " and the target " + found.rows()
                    + (found.rows() == expected.rows() ? ", with other content" : "")
                    + ". Somebody wrote to the target: abandon the move and copy again");
        }
        return found.rows();
    }

    private String onSource(List<List<String>> chunk, Origin origin) {
        return byKey(given(chunk), from.table(origin.table()), origin.condition());
    }

    /** One look-up per key, whatever the planner thinks of the table. */
    private String byKey(String wanted, String table, String condition) {
        String match = IntStream.range(0, shape.key().size())
                .mapToObj(i -> "r." + Names.quoted(shape.key().get(i)) + " = k.k" + i)
                .collect(Collectors.joining(" AND "));
        String columns =
                shape.names().stream().map(name -> "r." + Names.quoted(name)).collect(Collectors.joining(", "));
        return "SELECT f.* FROM " + wanted + " CROSS JOIN LATERAL (SELECT " + columns + " FROM " + table + " r WHERE "
                + match + " AND " + condition + " LIMIT 1) f";
    }

    private String given(List<List<String>> chunk) {
        List<String> arrays = new ArrayList<>();
        for (int i = 0; i < shape.key().size(); i++) {
            int place = i;
            String type = shape.column(shape.key().get(i)).orElseThrow().type();
            arrays.add(Names.literal(chunk.stream()
                            .map(key ->
                                    '"' + key.get(place).replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                            .collect(Collectors.joining(",", "{", "}")))
                    + "::" + type + "[]");
        }
        return "unnest(" + String.join(", ", arrays) + ") k (" + placeholders("") + ")";
    }

    private String placeholders(String prefix) {
        return IntStream.range(0, shape.key().size())
                .mapToObj(i -> prefix + "k" + i)
                .collect(Collectors.joining(", "));
    }

    /** The key's columns, renamed where a prefix is given. */
    private String keyColumns(String alias, String renamed) {
        return IntStream.range(0, shape.key().size())
                .mapToObj(i -> alias + "." + Names.quoted(shape.key().get(i))
                        + (renamed.isEmpty() ? "" : " AS " + renamed + i))
                .collect(Collectors.joining(", "));
    }
}
