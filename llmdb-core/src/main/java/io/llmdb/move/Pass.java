package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * One pass over what changed: makes the target what the source is at a later moment, in one transaction on the target.
 *
 * <p>A row may have changed since a snapshot where the transaction that wrote it is not older than the oldest one that
 * was running then; every row says which one wrote it ({@code xmin}). So each table with a key is asked for such rows.
 * Logs are only asked for the stretches of time that the source has noted as written to; where it has not noted them
 * yet, they are asked as a whole. Where the write-ahead log has told the keys of what changed, only these rows are
 * read.
 */
final class Pass {

    private final Snapshot snapshot;
    private final Session from;
    private final Session to;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final Map<UnitKey, Unit> units;
    private final Noted noted;
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
        // What the source forgets afterwards must not be lost here.
        to.run("SET LOCAL synchronous_commit = 'local'");
        Copy.own(to);
        KeyedTables keyed = new KeyedTables(from, to, choice, shapes, units, noted);
        keyed.bring();
        long changed = keyed.changed();
        long deleted = keyed.deleted();
        long logRows = 0;
        compared += keyed.compared();
        // Retention empties stray rows of their prompts where no trigger sees it.
        Noted ofLogs = noted.changes() == null && LogStates.promptsWent(from, to) ? Noted.NOTHING : noted;
        for (Map.Entry<Log, List<Feed>> log : Feed.byTarget(choice).entrySet()) {
            LogTables tables = new LogTables(
                    snapshot, to, units, log.getKey(), shapes.of(log.getKey().name()), log.getValue(), ofLogs);
            tables.bring(complete);
            changed += tables.changed();
            logRows += tables.changed();
            deleted += tables.deleted();
            compared += tables.compared();
        }
        requireSamePartitions(from);
        LogStates.carryOver(from, to, choice, false);
        MoveState.broughtUpTo(to, snapshot.xmin());
        MoveState.passed(to);
        to.commit();
        return new PassReport(changed, deleted, logRows, 0, Duration.ofNanos(System.nanoTime() - start));
    }

    /**
     * A snapshot fixes the rows, but not in which partitions a query looks for them: rows that went to another one
     * meanwhile would seem to be gone.
     */
    static void requireSamePartitions(Session snapshot) throws SQLException {
        try (Session now = Session.read(snapshot.side())) {
            if (!Partition.layout(now).equals(Partition.layout(snapshot))) {
                throw new PartitionsChangedException();
            }
        }
    }

    /** How many rows the pass has compared with the source before it committed. */
    long compared() {
        return compared;
    }

    /**
     * Rows that a transaction or a later one wrote. Ages rather than numbers, which begin anew after four thousand
     * million; a row that is older than half of that may be taken for a new one, which only costs the copying.
     */
    static String writtenSince(long xid) {
        return "age(xmin) <= (SELECT age('" + (xid & 0xFFFFFFFFL) + "'::xid))";
    }

    /** A partition on the target for the rows of one of the source. */
    static void ensurePartition(Session to, Feed feed, Partition partition) throws SQLException {
        if (!partition.hasRange()) {
            return;
        }
        String name = feed.isDerived()
                ? partition.name().replace(feed.source().name(), feed.target().name())
                : partition.name();
        boolean covered = Partition.list(to, feed.target()).stream().anyMatch(partition::overlaps);
        if (!covered && !LogLoader.exists(to, name)) {
            LogLoader.createEmpty(to, partition, feed.target(), name);
        }
    }
}
