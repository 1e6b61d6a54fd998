package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One pass over what changed: makes the target what the source is at a later moment, in one transaction on the target.
 *
 * <p>A row may have changed since a snapshot where the transaction that wrote it is not older than the oldest one that
 * was running then; every row says which one wrote it ({@code xmin}). So each table with a key is asked for such rows;
 * where the target has more rows than the source afterwards, those whose key the source does not have are deleted. Logs
 * are only asked for the stretches of time that the source has noted as written to; where it has not noted them yet,
 * they are asked as a whole. Where the write-ahead log has told the keys of what changed, only these rows are asked
 * for.
 */
final class Pass {

    private final Snapshot snapshot;
    private final Session from;
    private final Session to;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final Map<UnitKey, Unit> units;
    private final Noted noted;
    private final Set<String> silenced = new HashSet<>();
    private long changed;
    private long deleted;
    private long logRows;
    private long compared;

    /**
     * @param to a transaction on the target, which this commits
     * @param units what is on the target; nothing else is brought up to date
     * @param noted what the source has noted of its changes
     */
    Pass(Snapshot snapshot, Session to, MoveChoice choice, Shapes shapes, Map<UnitKey, Unit> units, Noted noted) {
        this.snapshot = snapshot;
        this.from = snapshot.session();
        this.to = to;
        this.choice = choice;
        this.shapes = shapes;
        this.units = units;
        this.noted = noted;
    }

    /** @param complete whether partitions that the target does not have yet are copied too */
    PassReport run(boolean complete) throws SQLException {
        long start = System.nanoTime();
        Copy.own(to);
        keyed();
        // Retention takes prompts away partition by partition, where no trigger sees it.
        boolean unnoticed = noted.changes() == null && LogStates.promptsWent(from, to);
        for (Map.Entry<Log, List<Feed>> log : byTarget().entrySet()) {
            log(log.getKey(), log.getValue(), unnoticed ? Noted.NOTHING : noted, complete);
        }
        LogStates.carryOver(from, to, choice);
        MoveState.broughtUpTo(to, snapshot.xmin());
        MoveState.passed(to);
        to.commit();
        return new PassReport(changed, deleted, logRows, 0, Duration.ofNanos(System.nanoTime() - start));
    }

    private Map<Log, List<Feed>> byTarget() {
        Map<Log, List<Feed>> feeds = new LinkedHashMap<>();
        for (Feed feed : Feed.of(choice)) {
            feeds.computeIfAbsent(feed.target(), log -> new ArrayList<>()).add(feed);
        }
        return feeds;
    }

    /**
     * A table with a key as the source has it.
     *
     * @param since the condition of rows that may have changed
     */
    private record Wanted(Keyed table, String since, long rows, Checksum changed) {}

    private void keyed() throws SQLException {
        List<Wanted> all = new ArrayList<>();
        List<ChangedRows> known = new ArrayList<>();
        Map<String, Wanted> asked = wanted();
        for (Keyed table : tables()) {
            Wanted each = asked.get(table.name());
            Collection<List<String>> keys = knownKeys(table);
            if (each != null) {
                all.add(each);
                if (each.changed().rows() > 0) {
                    bring(each);
                }
            } else if (keys != null && !keys.isEmpty()) {
                known.add(0, bring(table.name(), keys));
            }
        }
        Map<String, Long> present = rowsOnTarget(all);
        List<Wanted> inDoubt = new ArrayList<>();
        for (Wanted each : all) {
            String table = each.table().name();
            if (Objects.requireNonNull(present.get(table)) != each.rows()) {
                // Those that others point at go last.
                inDoubt.add(0, each);
            }
        }
        for (ChangedRows each : known) {
            deleted += each.deleteGone();
        }
        for (Wanted each : inDoubt) {
            String table = each.table().name();
            withoutTriggers(table);
            deleted += new Staging(to, shapes.of(table)).deleteOthers(from);
        }
        Map<String, Long> left = inDoubt.isEmpty() ? present : rowsOnTarget(inDoubt);
        for (Wanted each : all) {
            compare(each, Objects.requireNonNull(left.getOrDefault(each.table().name(), each.rows())));
        }
        for (ChangedRows each : known) {
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

    /** The keys of what changed; null where the rows have to be asked. */
    private @Nullable Collection<List<String>> knownKeys(Keyed table) {
        Unit unit = Objects.requireNonNull(units.get(new UnitKey(table.name(), "")));
        return noted.covers(unit.sinceXid()) ? noted.keysOf(table.name()) : null;
    }

    private ChangedRows bring(String table, Collection<List<String>> keys) throws SQLException {
        withoutTriggers(table);
        ChangedRows rows =
                new ChangedRows(from, to, shapes.of(table), List.of(new ChangedRows.Origin(table, "true")), keys);
        changed += rows.bring(shapes.uniqueColumns(table));
        return rows;
    }

    /** The tables whose rows have to be asked. One query for all, so that there is one round trip. */
    private Map<String, Wanted> wanted() throws SQLException {
        List<Keyed> tables =
                tables().stream().filter(table -> knownKeys(table) == null).toList();
        List<String> since = new ArrayList<>();
        List<String> queries = new ArrayList<>();
        for (Keyed keyed : tables) {
            String table = keyed.name();
            Unit unit = Objects.requireNonNull(units.get(new UnitKey(table, "")));
            since.add(writtenSince(unit.sinceXid()));
            queries.add("SELECT " + queries.size() + ", count(*), "
                    + Checksum.aggregates(shapes.of(table).names(), since.get(queries.size())) + " FROM "
                    + from.table(table));
        }
        Map<String, Wanted> wanted = new HashMap<>();
        if (!queries.isEmpty()) {
            for (@Nullable String[] row : from.rows(String.join(" UNION ALL ", queries))) {
                int table = Integer.parseInt(Objects.requireNonNull(row[0]));
                wanted.put(
                        tables.get(table).name(),
                        new Wanted(
                                tables.get(table),
                                since.get(table),
                                Long.parseLong(Objects.requireNonNull(row[1])),
                                Checksum.read(row, 2)));
            }
        }
        return wanted;
    }

    private void bring(Wanted wanted) throws SQLException {
        String table = wanted.table().name();
        withoutTriggers(table);
        Shape shape = shapes.of(table);
        Staging staging = new Staging(to, shape);
        changed += staging.load(
                from,
                "SELECT " + Names.list(shape.names()) + " FROM " + from.table(table) + " WHERE " + wanted.since(),
                bytes -> {});
        staging.upsert(shapes.uniqueColumns(table), false);
    }

    private Map<String, Long> rowsOnTarget(List<Wanted> tables) throws SQLException {
        Map<String, Long> counts = new HashMap<>();
        String query = tables.stream()
                .map(each -> "SELECT " + Names.literal(each.table().name()) + ", count(*) FROM "
                        + to.table(each.table().name()))
                .collect(Collectors.joining(" UNION ALL "));
        if (!tables.isEmpty()) {
            for (@Nullable String[] row : to.rows(query)) {
                counts.put(Objects.requireNonNull(row[0]), Long.valueOf(Objects.requireNonNull(row[1])));
            }
        }
        return counts;
    }

    /**
     * The rows that this transaction wrote are those that it was to bring, and there are as many in all as on the
     * source: then a target that agreed before agrees now.
     */
    private void compare(Wanted wanted, long rows) throws SQLException {
        String table = wanted.table().name();
        Shape shape = shapes.of(table);
        Checksum found = wanted.changed();
        // Where all columns are the key, a row that is there already is not written again, and counting them is enough.
        if (wanted.changed().rows() > 0 && shape.key().size() < shape.names().size()) {
            found = Checksum.read(
                    to.rows("SELECT "
                                    + Checksum.aggregates(shape.names(), "xmin = pg_current_xact_id()::xid")
                                    + " FROM " + to.table(table))
                            .get(0),
                    0);
        }
        if (rows != wanted.rows() || !found.agrees(wanted.changed())) {
            throw new MoveException("Source and target differ: \"" + table + "\": " + wanted.rows()
                    + " rows on the source, " + rows + " on the target, of which a pass brought " + found.rows()
                    + " of "
                    + wanted.changed().rows() + (rows == wanted.rows() ? ", with other content" : "")
                    + ". Somebody wrote to the target: abandon the move and copy again");
        }
        compared += found.rows();
    }

    /** How many rows the pass has compared with the source before it committed. */
    long compared() {
        return compared;
    }

    /** What triggers would do was done on the source, and comes along. */
    private void withoutTriggers(String table) throws SQLException {
        if (silenced.add(table)) {
            to.run("ALTER TABLE " + to.table(table) + " DISABLE TRIGGER USER");
        }
    }

    /**
     * Rows that a transaction or a later one wrote. Ages rather than numbers, which begin anew after four thousand
     * million; a row that is older than half of that may be taken for a new one, which only costs the copying.
     */
    private static String writtenSince(long xid) {
        return "age(xmin) <= (SELECT age('" + (xid & 0xFFFFFFFFL) + "'::xid))";
    }

    private void log(Log log, List<Feed> feeds, Noted told, boolean complete) throws SQLException {
        Shape shape = shapes.of(log.name());
        List<String> stretches = new ArrayList<>();
        Map<UnitKey, String> whole = new LinkedHashMap<>();
        Map<String, Partition> present = new HashMap<>();
        Set<Log> stretched = new HashSet<>();
        List<ChangedRows.Origin> origins = new ArrayList<>();
        Set<List<String>> keys = new LinkedHashSet<>();
        for (Feed feed : feeds) {
            Collection<List<String>> known = told.keysOf(feed.source().name());
            boolean asked = told.changes() != null && known == null;
            long oldest = Long.MAX_VALUE;
            for (Partition partition : Partition.list(from, feed.source())) {
                present.put(partition.name(), partition);
                if (!partition.concerns(feed)) {
                    continue;
                }
                UnitKey key = new UnitKey(log.name(), partition.name());
                Unit unit = units.get(key);
                String rows = "SELECT " + Names.list(shape.names()) + " FROM " + from.table(partition.name())
                        + " WHERE " + feed.condition();
                if (unit == null) {
                    if (complete) {
                        ensurePartition(to, feed, partition);
                        whole.put(key, rows);
                        MoveState.done(to, key, 0, 0, snapshot.xmin());
                    }
                } else if (told.covers(unit.sinceXid()) && !asked) {
                    oldest = Math.min(oldest, unit.sinceXid());
                } else {
                    whole.put(key, rows + " AND " + writtenSince(unit.sinceXid()));
                }
            }
            if (oldest < Long.MAX_VALUE && known != null) {
                origins.add(new ChangedRows.Origin(feed.source().name(), feed.condition()));
                keys.addAll(known);
            } else if (oldest < Long.MAX_VALUE && stretched.add(feed.source())) {
                for (Witness.Stretch stretch : Witness.stretches(from, feed.source(), oldest)) {
                    stretches.add("SELECT " + Names.list(shape.names()) + " FROM "
                            + from.table(feed.source().name())
                            + " WHERE " + stretch.condition(feed.source()) + " AND " + feed.condition() + " AND "
                            + writtenSince(oldest));
                }
            }
        }
        if (!stretches.isEmpty() || !whole.isEmpty()) {
            Staging staging = new Staging(to, shape);
            long rows = 0;
            for (String query : stretches) {
                rows += staging.load(from, query, bytes -> {});
            }
            for (Map.Entry<UnitKey, String> unit : whole.entrySet()) {
                long written = staging.load(from, unit.getValue(), bytes -> {});
                if (written > 0) {
                    MoveState.notVerified(to, unit.getKey());
                }
                rows += written;
            }
            if (rows > 0) {
                staging.upsert(List.of(), stretches.size() + whole.size() > 1);
            }
            changed += rows;
            logRows += rows;
        }
        if (!keys.isEmpty()) {
            ChangedRows rows = new ChangedRows(from, to, shape, origins, keys);
            long brought = rows.bring(List.of());
            changed += brought;
            logRows += brought;
            deleted += rows.deleteGone();
            compared += rows.compare();
        }
        dropGone(log, present);
    }

    /** Retention drops partitions; so they go on the target, where the source knows them no more. */
    private void dropGone(Log log, Map<String, Partition> present) throws SQLException {
        for (UnitKey key : units.keySet()) {
            if (key.table().equals(log.name()) && !present.containsKey(key.part())) {
                Partition own = Partition.list(to, log).stream()
                        .filter(partition -> partition.name().equals(key.part()) && !partition.isDefault())
                        .findAny()
                        .orElse(null);
                if (own != null) {
                    deleted += to.number("SELECT count(*) FROM " + to.table(own.name()));
                    to.run("DROP TABLE " + to.table(own.name()));
                }
                MoveState.gone(to, key);
            }
        }
    }

    /** A partition on the target for the rows of one of the source. */
    static void ensurePartition(Session to, Feed feed, Partition partition) throws SQLException {
        if (!partition.hasRange()) {
            return;
        }
        String name = feed.isDerived()
                ? partition.name().replace(feed.source().name(), feed.target().name())
                : partition.name();
        boolean covered = Partition.list(to, feed.target()).stream()
                .anyMatch(other -> other.lowerEpoch() != null
                        && other.upperEpoch() != null
                        && other.lowerEpoch().compareTo(Objects.requireNonNull(partition.upperEpoch())) < 0
                        && other.upperEpoch().compareTo(Objects.requireNonNull(partition.lowerEpoch())) > 0);
        if (!covered && !LogLoader.exists(to, name)) {
            LogLoader.createEmpty(to, partition, feed.target(), name);
        }
    }
}
