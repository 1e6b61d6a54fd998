package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Compares counts and checksums, computed on both servers, at a moment of the source that the target was brought to.
 * Nobody but the move writes to the target meanwhile.
 */
final class Verifier {

    private final Snapshot snapshot;
    private final MoveEndpoint target;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final ConcurrentLinkedQueue<String> differences = new ConcurrentLinkedQueue<>();
    private final AtomicLong rows = new AtomicLong();

    Verifier(Snapshot snapshot, MoveEndpoint target, MoveChoice choice, Shapes shapes) {
        this.snapshot = snapshot;
        this.target = target;
        this.choice = choice;
        this.shapes = shapes;
    }

    /** How many rows were compared. */
    long rows() {
        return rows.get();
    }

    /** Compares all tables with a key. */
    void keyed(int threads) throws SQLException {
        List<MoveTask> tasks = new ArrayList<>();
        for (Keyed table : Catalogue.keyed(choice)) {
            Shape shape = shapes.of(table.name());
            tasks.add(() -> compare(
                    "\"" + table.name() + "\"",
                    List.of(new Part(shape.names(), table.name(), "true")),
                    new Part(shape.names(), table.name(), "true")));
        }
        MoveTask.all(tasks, threads);
        requireNone();
    }

    /**
     * Compares the partitions that were not compared since they were copied, and remembers that they were.
     *
     * @param all whether those that were compared before are compared again
     */
    void logs(Map<UnitKey, Unit> units, boolean all, int threads, Meter meter) throws SQLException {
        List<MoveTask> tasks = new ArrayList<>();
        for (Map.Entry<Log, List<Feed>> log : Feed.byTarget(choice).entrySet()) {
            Map<Range, List<UnitKey>> ranges = new LinkedHashMap<>();
            for (Feed feed : log.getValue()) {
                for (Partition partition : Partition.list(snapshot.session(), feed.source())) {
                    Unit unit = units.get(new UnitKey(log.getKey().name(), partition.name()));
                    if (unit != null && (all || !unit.verified())) {
                        ranges.computeIfAbsent(Range.of(partition), key -> new ArrayList<>())
                                .add(unit.key());
                    }
                }
            }
            for (Map.Entry<Range, List<UnitKey>> range : ranges.entrySet()) {
                tasks.add(() -> {
                    stretch(log.getKey(), log.getValue(), range.getKey());
                    remember(range.getValue());
                    meter.unitDone("verifying", range.getValue().get(0).part(), 0);
                });
            }
        }
        MoveTask.all(tasks, threads);
        requireNone();
    }

    /** Compares what passes have brought to the logs since a transaction. */
    void stretches(long sinceXid) throws SQLException {
        for (Map.Entry<Log, List<Feed>> log : Feed.byTarget(choice).entrySet()) {
            for (Feed feed : log.getValue()) {
                for (Witness.Stretch stretch : Witness.stretches(snapshot.session(), feed.source(), sinceXid)) {
                    stretch(log.getKey(), log.getValue(), Range.of(stretch));
                }
            }
        }
        requireNone();
    }

    /** Compares how many rows each log has: what nobody noted, such as an emptied partition, is found so. */
    boolean logCountsAgree() throws SQLException {
        return countLogs().isEmpty();
    }

    /** The same; throws where they differ. */
    void requireLogCounts() throws SQLException {
        differences.addAll(countLogs());
        requireNone();
    }

    private List<String> countLogs() throws SQLException {
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<Log, List<Feed>> log : Feed.byTarget(choice).entrySet()) {
            long expected = 0;
            for (Feed feed : log.getValue()) {
                expected += snapshot.session()
                        .number("SELECT count(*) FROM "
                                + snapshot.session().table(feed.source().name()) + " WHERE " + feed.condition());
            }
            try (Session to = Session.read(target)) {
                long found = to.number(
                        "SELECT count(*) FROM " + to.table(log.getKey().name()));
                if (found != expected) {
                    wrong.add("\"" + log.getKey().name() + "\": " + expected + " rows on the source, " + found
                            + " on the target");
                }
            }
        }
        return wrong;
    }

    /** A stretch of a log through the log itself, whichever partition holds its rows. */
    private void stretch(Log log, List<Feed> feeds, Range range) throws SQLException {
        List<String> columns = shapes.of(log.name()).names();
        List<Part> parts = new ArrayList<>();
        for (Feed feed : feeds) {
            parts.add(new Part(
                    columns,
                    feed.source().name(),
                    range.condition(snapshot.session(), feed.source(), feeds) + " AND " + feed.condition()));
        }
        Part own;
        try (Session to = Session.read(target)) {
            own = new Part(columns, log.name(), range.condition(snapshot.session(), log, feeds));
        }
        compare(
                "\"" + log.name() + "\"" + (range.equals(Range.STRAYS) ? ", stray rows" : " where " + own.where()),
                parts,
                own);
    }

    private void compare(String what, List<Part> parts, Part own) throws SQLException {
        Checksum expected = Checksum.NOTHING;
        try (Session from = snapshot.open()) {
            for (Part part : parts) {
                expected = expected.plus(
                        Checksum.of(from, part.columns(), from.table(part.table()) + " WHERE " + part.where()));
            }
        }
        Checksum found;
        try (Session to = Session.read(target)) {
            found = Checksum.of(to, own.columns(), to.table(own.table()) + " WHERE " + own.where());
        }
        rows.addAndGet(found.rows());
        if (!found.agrees(expected)) {
            differences.add(what + ": " + expected.rows() + " rows on the source, " + found.rows() + " on the target"
                    + (expected.rows() == found.rows() ? ", with other content" : ""));
        }
    }

    private void remember(List<UnitKey> units) throws SQLException {
        if (differences.isEmpty()) {
            try (Session to = Session.write(target)) {
                for (UnitKey unit : units) {
                    MoveState.verified(to, unit);
                }
                to.commit();
            }
        }
    }

    private void requireNone() throws SQLException {
        if (!differences.isEmpty()) {
            Pass.requireSamePartitions(snapshot.session());
            throw new MoveException("Source and target differ: " + String.join("; ", differences)
                    + ". Somebody wrote to the target, or changed a log of the source past its triggers: abandon the move"
                    + " and copy again");
        }
    }

    private record Part(List<String> columns, String table, String where) {}
}
