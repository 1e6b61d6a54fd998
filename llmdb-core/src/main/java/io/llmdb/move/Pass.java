package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One pass over what changed: makes the target what the source is at a later moment, in one transaction on the target.
 *
 * <p>A row may have changed since a snapshot where the transaction that wrote it is not older than the oldest one that
 * was running then; every row says which one wrote it ({@code xmin}). So each table with a key is asked for such rows;
 * where the target has more rows than the source afterwards, those whose key the source does not have are deleted. Logs
 * are only asked for the stretches of time that the source has noted as written to; where it has not noted them yet,
 * they are asked as a whole.
 */
final class Pass {

    private final Snapshot snapshot;
    private final Session from;
    private final Session to;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final Map<UnitKey, Unit> units;
    private final Set<String> silenced = new HashSet<>();
    private long changed;
    private long deleted;
    private long logRows;

    /**
     * @param to a transaction on the target, which this commits
     * @param units what is on the target; nothing else is brought up to date
     */
    Pass(Snapshot snapshot, Session to, MoveChoice choice, Shapes shapes, Map<UnitKey, Unit> units) {
        this.snapshot = snapshot;
        this.from = snapshot.session();
        this.to = to;
        this.choice = choice;
        this.shapes = shapes;
        this.units = units;
    }

    /**
     * @param notedSince what {@link Witness#notedSince} says
     * @param complete whether partitions that the target does not have yet are copied too
     */
    PassReport run(@Nullable Long notedSince, boolean complete) throws SQLException {
        long start = System.nanoTime();
        Copy.own(to);
        keyed();
        boolean promptsWent = LogStates.promptsWent(from, to);
        for (Map.Entry<Log, List<Feed>> log : byTarget().entrySet()) {
            log(log.getKey(), log.getValue(), promptsWent ? null : notedSince, complete);
        }
        LogStates.carryOver(from, to, choice);
        MoveState.broughtUpTo(to, snapshot.xmin());
        MoveState.passed(to);
        to.commit();
        return new PassReport(changed, deleted, logRows, Duration.ofNanos(System.nanoTime() - start));
    }

    private Map<Log, List<Feed>> byTarget() {
        Map<Log, List<Feed>> feeds = new LinkedHashMap<>();
        for (Feed feed : Feed.of(choice)) {
            feeds.computeIfAbsent(feed.target(), log -> new ArrayList<>()).add(feed);
        }
        return feeds;
    }

    private void keyed() throws SQLException {
        List<Keyed> tables = Catalogue.keyed(choice).stream()
                .filter(table -> units.containsKey(new UnitKey(table.name(), "")))
                .toList();
        List<Keyed> tooMany = new ArrayList<>();
        for (Keyed table : tables) {
            Unit unit = Objects.requireNonNull(units.get(new UnitKey(table.name(), "")));
            String[] counts = counts(table, unit);
            long rows = Long.parseLong(counts[0]);
            if (Long.parseLong(counts[1]) > 0) {
                withoutTriggers(table.name());
                Shape shape = shapes.of(table.name());
                Staging staging = new Staging(to, shape);
                changed += staging.load(
                        from,
                        "SELECT " + Names.list(shape.names()) + " FROM " + from.table(table.name()) + " WHERE "
                                + writtenSince(unit.sinceXid()),
                        bytes -> {});
                staging.upsert(shapes.uniqueColumns(table.name()), false);
            }
            if (to.number("SELECT count(*) FROM " + to.table(table.name())) > rows) {
                tooMany.add(0, table);
            }
        }
        for (Keyed table : tooMany) {
            withoutTriggers(table.name());
            deleted += new Staging(to, shapes.of(table.name())).deleteOthers(from);
        }
        for (Keyed table : tables) {
            if (silenced.contains(table.name())) {
                to.run("ALTER TABLE " + to.table(table.name()) + " ENABLE TRIGGER USER");
            }
        }
    }

    /** What triggers would do was done on the source, and comes along. */
    private void withoutTriggers(String table) throws SQLException {
        if (silenced.add(table)) {
            to.run("ALTER TABLE " + to.table(table) + " DISABLE TRIGGER USER");
        }
    }

    @SuppressWarnings("NullAway") // counts are never null
    private String[] counts(Keyed table, Unit unit) throws SQLException {
        return from.rows("SELECT count(*), count(*) FILTER (WHERE " + writtenSince(unit.sinceXid()) + ") FROM "
                        + from.table(table.name()))
                .get(0);
    }

    /**
     * Rows that a transaction or a later one wrote. Ages rather than numbers, which begin anew after four thousand
     * million; a row that is older than half of that may be taken for a new one, which only costs the copying.
     */
    private static String writtenSince(long xid) {
        return "age(xmin) <= (SELECT age('" + (xid & 0xFFFFFFFFL) + "'::xid))";
    }

    private void log(Log log, List<Feed> feeds, @Nullable Long notedSince, boolean complete) throws SQLException {
        Shape shape = shapes.of(log.name());
        List<String> stretches = new ArrayList<>();
        Map<UnitKey, String> whole = new LinkedHashMap<>();
        Map<String, Partition> present = new HashMap<>();
        Set<Log> stretched = new HashSet<>();
        for (Feed feed : feeds) {
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
                } else if (notedSince != null && unit.sinceXid() >= notedSince) {
                    oldest = Math.min(oldest, unit.sinceXid());
                } else {
                    whole.put(key, rows + " AND " + writtenSince(unit.sinceXid()));
                }
            }
            if (oldest < Long.MAX_VALUE && stretched.add(feed.source())) {
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
