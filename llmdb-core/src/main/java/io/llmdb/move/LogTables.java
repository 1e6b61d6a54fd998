package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One log of the target in a pass. Its rows are brought by key where it is known which have changed, else from the
 * stretches of time that were written to, else from whole partitions; and where the target then has more rows in such a
 * stretch than the source, those that the source does not have are deleted.
 */
final class LogTables {

    private final Snapshot snapshot;
    private final Session from;
    private final Session to;
    private final Map<UnitKey, Unit> units;
    private final Log log;
    private final Shape shape;
    private final List<Feed> feeds;
    private final Noted noted;

    private final Map<UnitKey, String> whole = new LinkedHashMap<>();
    private final List<String> stretches = new ArrayList<>();
    private final Set<Range> ranges = new LinkedHashSet<>();
    private final Map<UnitKey, Range> rangeOf = new HashMap<>();
    private final List<ChangedRows.Origin> origins = new ArrayList<>();
    private final Set<List<String>> keys = new LinkedHashSet<>();
    private long changed;
    private long deleted;
    private long compared;

    /** @param feeds what becomes rows of the log */
    LogTables(
            Snapshot snapshot,
            Session to,
            Map<UnitKey, Unit> units,
            Log log,
            Shape shape,
            List<Feed> feeds,
            Noted noted) {
        this.snapshot = snapshot;
        this.from = snapshot.session();
        this.to = to;
        this.units = units;
        this.log = log;
        this.shape = shape;
        this.feeds = feeds;
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

    /** @param complete whether partitions that the target does not have yet are copied too */
    void bring(boolean complete) throws SQLException {
        dropGone();
        Set<Log> stretched = new HashSet<>();
        for (Feed feed : feeds) {
            Collection<List<String>> known = noted.keysOf(feed.source().name());
            long oldest = Long.MAX_VALUE;
            for (Partition partition : Partition.list(from, feed.source())) {
                if (partition.concerns(feed)) {
                    oldest = Math.min(oldest, survey(feed, partition, known, complete));
                }
            }
            if (oldest < Long.MAX_VALUE && known != null) {
                origins.add(new ChangedRows.Origin(feed.source().name(), feed.condition()));
                keys.addAll(known);
            } else if (oldest < Long.MAX_VALUE && stretched.add(feed.source())) {
                stretches(feed, oldest);
            }
        }
        bringAsked();
        bringKnown();
    }

    /** Returns since when a partition's changes are noted; {@link Long#MAX_VALUE}: it is asked as a whole. */
    private long survey(Feed feed, Partition partition, @Nullable Collection<List<String>> known, boolean complete)
            throws SQLException {
        UnitKey key = new UnitKey(log.name(), partition.name());
        Unit unit = units.get(key);
        String rows = "SELECT " + Names.list(shape.names()) + " FROM " + from.table(partition.name()) + " WHERE "
                + feed.condition();
        if (unit == null) {
            if (complete) {
                Pass.ensurePartition(to, feed, partition);
                whole.put(key, rows);
                ranges.add(Range.of(partition));
                MoveState.done(to, key, 0, 0, snapshot.xmin());
            }
            return Long.MAX_VALUE;
        }
        boolean isNoted = noted.covers(unit.sinceXid()) && (noted.changes() == null || known != null);
        // Nobody notes what is written to a table before it becomes a partition; retention takes prompts away so. And
        // no trigger sees what retention does to the partition of strays.
        if (!isNoted
                || noted.changes() == null && !partition.hasRange()
                || snapshot.nearest(partition.attachedBy()) >= unit.sinceXid()) {
            whole.put(key, rows + " AND " + Pass.writtenSince(unit.sinceXid()));
            ranges.add(Range.of(partition));
            rangeOf.put(key, Range.of(partition));
        }
        return isNoted ? unit.sinceXid() : Long.MAX_VALUE;
    }

    private void stretches(Feed feed, long since) throws SQLException {
        for (Witness.Stretch stretch : Witness.stretches(from, feed.source(), since)) {
            stretches.add("SELECT " + Names.list(shape.names()) + " FROM "
                    + from.table(feed.source().name())
                    + " WHERE " + stretch.condition(feed.source()) + " AND " + feed.condition() + " AND "
                    + Pass.writtenSince(since));
            ranges.add(Range.of(stretch));
        }
    }

    private void bringAsked() throws SQLException {
        if (stretches.isEmpty() && whole.isEmpty() && ranges.isEmpty()) {
            return;
        }
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
        for (Range range : ranges) {
            if (deleteOthers(staging, range) > 0) {
                for (Map.Entry<UnitKey, Range> unit : rangeOf.entrySet()) {
                    if (unit.getValue().equals(range)) {
                        MoveState.notVerified(to, unit.getKey());
                    }
                }
            }
        }
    }

    private int deleteOthers(Staging staging, Range range) throws SQLException {
        List<String> sources = new ArrayList<>();
        for (Feed feed : feeds) {
            sources.add(" FROM " + from.table(feed.source().name()) + " WHERE "
                    + range.condition(from, feed.source(), feeds) + " AND " + feed.condition());
        }
        long rows = 0;
        for (String source : sources) {
            rows += from.number("SELECT count(*)" + source);
        }
        String here = range.condition(from, log, feeds);
        if (to.number("SELECT count(*) FROM " + to.table(log.name()) + " WHERE " + here) <= rows) {
            return 0;
        }
        int gone = staging.deleteOthers(
                from,
                sources.stream()
                        .map(source -> "SELECT " + Names.list(shape.key()) + source)
                        .toList(),
                here);
        deleted += gone;
        return gone;
    }

    private void bringKnown() throws SQLException {
        if (!keys.isEmpty()) {
            ChangedRows rows = new ChangedRows(from, to, shape, origins, keys);
            changed += rows.bring(List.of(), true);
            deleted += rows.deletedFirst();
            compared += rows.compare();
        }
    }

    /**
     * Retention drops partitions; so they go on the target, where the source knows them no more. Rows that came from
     * another log's partitions of that time stay.
     */
    private void dropGone() throws SQLException {
        List<Partition> present = new ArrayList<>();
        for (Feed feed : feeds) {
            present.addAll(Partition.list(from, feed.source()));
        }
        Set<String> names = present.stream().map(Partition::name).collect(Collectors.toSet());
        for (UnitKey key : units.keySet()) {
            if (key.table().equals(log.name()) && !names.contains(key.part())) {
                Partition own = Partition.list(to, log).stream()
                        .filter(partition -> partition.name().equals(key.part()) && partition.hasRange())
                        .findAny()
                        .orElse(null);
                if (own != null && present.stream().noneMatch(own::overlaps)) {
                    deleted += to.number("SELECT count(*) FROM " + to.table(own.name()));
                    to.run("DROP TABLE " + to.table(own.name()));
                } else {
                    ranges.add(own == null ? Range.ALL : Range.of(own));
                }
                MoveState.gone(to, key);
            }
        }
    }
}
