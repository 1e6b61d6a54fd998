package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** The copy of one moment: every table and every partition that is not on the target yet, each in one transaction. */
final class Copy {

    private static final String STEP = "copying";

    private final MoveEndpoint target;
    private final MoveChoice choice;
    private final Shapes shapes;
    private final Snapshot snapshot;
    private final Meter meter;
    private final boolean merge;

    Copy(MoveEndpoint target, MoveChoice choice, Shapes shapes, Snapshot snapshot, Meter meter, boolean merge) {
        this.target = target;
        this.choice = choice;
        this.shapes = shapes;
        this.snapshot = snapshot;
        this.meter = meter;
        this.merge = merge;
    }

    /** Copies what is not there yet. */
    void run(Map<UnitKey, Unit> done, int threads) throws SQLException {
        List<Sized> tasks = new ArrayList<>();
        List<MoveTask> last = new ArrayList<>();
        List<Keyed> linked = new ArrayList<>();
        for (Keyed table : Catalogue.keyed(choice)) {
            if (done.containsKey(new UnitKey(table.name(), ""))) {
                continue;
            }
            if (table.linked()) {
                linked.add(table);
            } else {
                long bytes = snapshot.session()
                        .number(
                                "SELECT pg_table_size(to_regclass(?))",
                                snapshot.session().table(table.name()));
                tasks.add(new Sized(bytes, () -> keyed(table.name())));
            }
        }
        if (!linked.isEmpty()) {
            // One after the other, because foreign keys lead from one to the next; first, because they may be many.
            tasks.add(new Sized(Long.MAX_VALUE, () -> {
                for (Keyed table : linked) {
                    keyed(table.name());
                }
            }));
        }
        for (Feed feed : Feed.of(choice)) {
            for (Partition partition : Partition.list(snapshot.session(), feed.source())) {
                UnitKey key = new UnitKey(feed.target().name(), partition.name());
                if (done.containsKey(key) || !partition.concerns(feed)) {
                    continue;
                }
                if (feed.isDerived() || partition.isDefault() || !partition.hasRange() || merge) {
                    last.add(() -> throughParent(feed, partition));
                } else {
                    tasks.add(new Sized(partition.bytes(), () -> partition(feed, partition)));
                }
            }
        }
        tasks.sort(Comparator.comparingLong(Sized::bytes).reversed());
        MoveTask.all(tasks.stream().map(Sized::task).toList(), threads);
        MoveTask.all(last, 1);
    }

    private void keyed(String table) throws SQLException {
        Shape shape = shapes.of(table);
        try (Session from = snapshot.open();
                Session to = Session.write(target)) {
            String query = "SELECT " + Names.list(shape.names()) + " FROM " + from.table(table);
            LongAdder bytes = new LongAdder();
            long rows;
            own(to);
            to.run("ALTER TABLE " + to.table(table) + " DISABLE TRIGGER USER");
            if (merge) {
                rows = merge(from, to, shape, query, bytes);
            } else {
                rows = CopyStream.run(
                        from,
                        query,
                        to,
                        to.table(table) + " (" + Names.list(shape.names()) + ") FROM STDIN (FORMAT binary)",
                        number -> count(table, bytes, number));
            }
            to.run("ALTER TABLE " + to.table(table) + " ENABLE TRIGGER USER");
            finish(to, new UnitKey(table, ""), rows, bytes.sum());
        }
    }

    private long merge(Session from, Session to, Shape shape, String query, LongAdder bytes) throws SQLException {
        Staging staging = new Staging(to, shape);
        long rows = staging.load(from, query, number -> count(shape.table(), bytes, number));
        long conflicts = staging.conflicts();
        if (conflicts > 0) {
            throw new MoveException(conflicts + " rows of \"" + shape.table()
                    + "\" are on the target with other content; a merge adds rows and changes none."
                    + " Delete or rename them on one side, and copy again");
        }
        staging.upsert(List.of(), false);
        return rows;
    }

    private void partition(Feed feed, Partition partition) throws SQLException {
        String table = feed.target().name();
        Shape shape = shapes.of(table);
        removeEmpty(table, partition.name());
        try (Session from = snapshot.open();
                Session to = Session.write(target)) {
            own(to);
            LongAdder bytes = new LongAdder();
            String query = query(from, feed, shape, partition);
            long rows;
            if (LogLoader.exists(to, partition.name())
                    || Partition.list(to, partition.log()).stream().anyMatch(partition::overlaps)) {
                rows = LogLoader.upsert(
                        from, to, shape, List.of(query), number -> count(partition.name(), bytes, number));
            } else {
                rows = LogLoader.loadNew(
                        from,
                        to,
                        partition,
                        partition.name(),
                        query,
                        shape,
                        number -> count(partition.name(), bytes, number));
            }
            finish(to, new UnitKey(table, partition.name()), rows, bytes.sum());
        }
    }

    /** An instance that was opened on the target may have made a partition; empty, it gives way to a faster one. */
    private void removeEmpty(String table, String partition) throws SQLException {
        try (Session to = Session.write(target)) {
            if (LogLoader.exists(to, partition)
                    && !to.is("SELECT EXISTS (SELECT 1 FROM " + to.table(partition) + ")")) {
                to.run("ALTER TABLE " + to.table(table) + " DETACH PARTITION " + to.table(partition));
                to.run("DROP TABLE " + to.table(partition));
                to.commit();
            }
        }
    }

    private void throughParent(Feed feed, Partition partition) throws SQLException {
        Shape shape = shapes.of(feed.target().name());
        try (Session from = snapshot.open();
                Session to = Session.write(target)) {
            own(to);
            LongAdder bytes = new LongAdder();
            Pass.ensurePartition(to, feed, partition);
            long rows = LogLoader.upsert(
                    from,
                    to,
                    shape,
                    List.of(query(from, feed, shape, partition)),
                    number -> count(partition.name(), bytes, number));
            finish(to, new UnitKey(feed.target().name(), partition.name()), rows, bytes.sum());
        }
    }

    private static String query(Session from, Feed feed, Shape shape, Partition partition) {
        return "SELECT " + Names.list(shape.names()) + " FROM " + from.table(partition.name()) + " WHERE "
                + feed.condition();
    }

    private void count(String table, LongAdder sum, long number) {
        sum.add(number);
        meter.bytes(STEP, table, number);
    }

    private void finish(Session to, UnitKey unit, long rows, long bytes) throws SQLException {
        MoveState.done(to, unit, rows, bytes, snapshot.xmin());
        to.commit();
        meter.unitDone(STEP, unit.part().isEmpty() ? unit.table() : unit.part(), rows);
    }

    /** Says in this transaction that it is the move that writes. */
    static void own(Session to) throws SQLException {
        to.run("SET LOCAL llmdb.move = 'on'");
    }

    private record Sized(long bytes, MoveTask task) {}
}
