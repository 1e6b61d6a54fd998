package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The tables with a key in a pass. Of some it is known which rows have changed; the others are asked for rows that are
 * new enough, and where the target then has more rows than the source, those whose key the source does not have are
 * deleted.
 */
final class KeyedTables {

    /** A table whose rows were brought. Deleting comes later, because others may point at what goes. */
    private interface Brought {
        int deleteGone() throws SQLException;

        /** Compares what was brought; returns how many rows that were. */
        long compare() throws SQLException;
    }

    private final Session from;
    private final Session to;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final Map<UnitKey, Unit> units;
    private final Noted noted;
    private final Set<String> silenced = new HashSet<>();
    private long changed;
    private long deleted;
    private long compared;

    KeyedTables(Session from, Session to, MoveChoice choice, Shapes shapes, Map<UnitKey, Unit> units, Noted noted) {
        this.from = from;
        this.to = to;
        this.choice = choice;
        this.shapes = shapes;
        this.units = units;
        this.noted = noted;
    }

    long changed() {
        return changed;
    }

    long deleted() {
        return deleted;
    }

    long compared() {
        return compared;
    }

    /** Makes the target's tables what the source's are at the snapshot. */
    void bring() throws SQLException {
        Map<String, Asked> asked = ask();
        List<Brought> brought = new ArrayList<>();
        for (Keyed table : tables()) {
            Asked each = asked.get(table.name());
            Collection<List<String>> keys = knownKeys(table);
            if (each != null) {
                each.bring();
                brought.add(0, each);
            } else if (keys != null && !keys.isEmpty()) {
                brought.add(0, known(table, keys));
            }
        }
        // Those that others point at go last.
        countOnTarget(asked.values());
        for (Brought each : brought) {
            deleted += each.deleteGone();
        }
        countOnTarget(asked.values().stream().filter(Asked::isInDoubt).toList());
        for (Brought each : brought) {
            compared += each.compare();
        }
        for (String table : silenced) {
            to.run("ALTER TABLE " + to.table(table) + " ENABLE TRIGGER USER");
        }
    }

    private List<Keyed> tables() {
        return Catalogue.keyed(choice).stream()
                .filter(table -> units.containsKey(new UnitKey(table.name(), "")))
                .toList();
    }

    private Unit unit(Keyed table) {
        return Objects.requireNonNull(units.get(new UnitKey(table.name(), "")));
    }

    /** The keys of what changed; null where the rows have to be asked. */
    private @Nullable Collection<List<String>> knownKeys(Keyed table) {
        return noted.covers(unit(table).sinceXid()) ? noted.keysOf(table.name()) : null;
    }

    private Brought known(Keyed table, Collection<List<String>> keys) throws SQLException {
        withoutTriggers(table.name());
        ChangedRows rows = new ChangedRows(
                from, to, shapes.of(table.name()), List.of(new ChangedRows.Origin(table.name(), "true")), keys);
        // Where nobody points at them, what goes makes room first: its unique values may be another row's now.
        changed += rows.bring(shapes.uniqueColumns(table.name()), !table.linked());
        deleted += rows.deletedFirst();
        return new Brought() {
            @Override
            public int deleteGone() throws SQLException {
                return rows.deleteGone();
            }

            @Override
            public long compare() throws SQLException {
                return rows.compare();
            }
        };
    }

    /** What triggers would do was done on the source, and comes along. */
    private void withoutTriggers(String table) throws SQLException {
        if (silenced.add(table)) {
            to.run("ALTER TABLE " + to.table(table) + " DISABLE TRIGGER USER");
        }
    }

    /** The tables whose rows have to be asked. One query for all, so that there is one round trip. */
    private Map<String, Asked> ask() throws SQLException {
        List<Keyed> tables =
                tables().stream().filter(table -> knownKeys(table) == null).toList();
        List<String> since = new ArrayList<>();
        List<String> queries = new ArrayList<>();
        for (Keyed keyed : tables) {
            String table = keyed.name();
            since.add(Pass.writtenSince(unit(keyed).sinceXid()));
            queries.add("SELECT " + queries.size() + ", count(*), "
                    + Checksum.aggregates(shapes.of(table).names(), since.get(queries.size())) + " FROM "
                    + from.table(table));
        }
        Map<String, Asked> asked = new HashMap<>();
        if (!queries.isEmpty()) {
            for (@Nullable String[] row : from.rows(String.join(" UNION ALL ", queries))) {
                int table = Integer.parseInt(Objects.requireNonNull(row[0]));
                String name = tables.get(table).name();
                asked.put(
                        name,
                        new Asked(
                                name,
                                since.get(table),
                                Long.parseLong(Objects.requireNonNull(row[1])),
                                Checksum.read(row, 2)));
            }
        }
        return asked;
    }

    private void countOnTarget(Collection<Asked> tables) throws SQLException {
        String query = tables.stream()
                .map(each -> "SELECT " + Names.literal(each.table) + ", count(*) FROM " + to.table(each.table))
                .collect(Collectors.joining(" UNION ALL "));
        Map<String, Asked> byName = tables.stream().collect(Collectors.toMap(each -> each.table, each -> each));
        if (!tables.isEmpty()) {
            for (@Nullable String[] row : to.rows(query)) {
                Asked each = Objects.requireNonNull(byName.get(Objects.requireNonNull(row[0])));
                each.present = Long.parseLong(Objects.requireNonNull(row[1]));
            }
        }
    }

    /** A table that was asked for rows that may have changed. */
    private final class Asked implements Brought {

        private final String table;
        private final String since;
        private final long rows;
        private final Checksum expected;
        /** How many rows the target has. */
        private long present;

        private boolean inDoubt;

        /**
         * @param since the condition of rows that may have changed
         * @param rows how many rows the source has
         * @param expected of the rows that may have changed
         */
        Asked(String table, String since, long rows, Checksum expected) {
            this.table = table;
            this.since = since;
            this.rows = rows;
            this.expected = expected;
        }

        void bring() throws SQLException {
            if (expected.rows() > 0) {
                withoutTriggers(table);
                Shape shape = shapes.of(table);
                Staging staging = new Staging(to, shape);
                changed += staging.load(
                        from,
                        "SELECT " + Names.list(shape.names()) + " FROM " + from.table(table) + " WHERE " + since,
                        bytes -> {});
                staging.upsert(shapes.uniqueColumns(table), false);
            }
        }

        boolean isInDoubt() {
            return inDoubt;
        }

        @Override
        public int deleteGone() throws SQLException {
            if (present == rows) {
                return 0;
            }
            inDoubt = true;
            withoutTriggers(table);
            Shape shape = shapes.of(table);
            return new Staging(to, shape)
                    .deleteOthers(
                            from, List.of("SELECT " + Names.list(shape.key()) + " FROM " + from.table(table)), "true");
        }

        /**
         * The rows that this transaction wrote are those that it was to bring, and there are as many in all as on the
         * source: then a target that agreed before agrees now.
         */
        @Override
        public long compare() throws SQLException {
            Shape shape = shapes.of(table);
            Checksum found = expected;
            // Where all columns are the key, a row that is there already is not written again, and counting is enough.
            if (expected.rows() > 0 && shape.key().size() < shape.names().size()) {
                found = Checksum.read(
                        to.rows("SELECT "
                                        + Checksum.aggregates(shape.names(), "xmin = pg_current_xact_id()::xid")
                                        + " FROM " + to.table(table))
                                .get(0),
                        0);
            }
            if (present != rows || !found.agrees(expected)) {
                throw new MoveException("Source and target differ: \"" + table + "\": " + rows
                        + " rows on the source, " + present + " on the target, of which a pass brought " + found.rows()
                        + " of " + expected.rows() + (present == rows ? ", with other content" : "")
                        + ". Somebody wrote to the target: abandon the move and copy again");
            }
            return found.rows();
        }
    }
}
