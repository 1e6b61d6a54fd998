package io.llmdb.move;

import io.llmdb.internal.DbErrors;
import io.llmdb.move.MoveState.Move;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * From where to where a move goes, and what its steps have in common.
 *
 * @param source the database that is in use
 * @param target where it moves to
 * @param choice what is moved
 * @param parallelism how many connections to each side are used at once
 */
record Sides(MoveEndpoint source, MoveEndpoint target, MoveChoice choice, int parallelism) {

    private static final int MOST_MOMENTS = 10;

    /**
     * A pass that is done.
     *
     * @param report what it brought
     * @param compared how many rows it compared on its way
     * @param verifier compares what it brought of logs
     */
    record Passed(PassReport report, long compared, Verifier verifier) {}

    /** Something that is done at one moment of the source. */
    @FunctionalInterface
    interface AtOneMoment<T extends @Nullable Object> {
        T at(Snapshot snapshot) throws SQLException;
    }

    /** Takes another moment where partitions change in the one. */
    <T extends @Nullable Object> T atOneMoment(AtOneMoment<T> work) throws SQLException {
        for (int attempt = 1; ; attempt++) {
            try (Snapshot snapshot = Snapshot.take(source)) {
                return work.at(snapshot);
            } catch (PartitionsChangedException e) {
                if (attempt == MOST_MOMENTS) {
                    throw e;
                }
            } catch (SQLException e) {
                // A partition that the snapshot knows has gone meanwhile.
                if (!"42P01".equals(DbErrors.sqlState(e)) || attempt == MOST_MOMENTS) {
                    throw e;
                }
            }
        }
    }

    /** Asks every row that may matter, whatever was noted, at a moment to which a pass has come. */
    void askAll(Snapshot snapshot, Shapes shapes) throws SQLException {
        try (Session to = Session.write(target)) {
            new Pass(snapshot, to, choice, shapes, units(), Noted.NOTHING).run(true);
        }
    }

    /** Brings the target to the moment of a snapshot. */
    Passed pass(Move move, Snapshot snapshot, Shapes shapes) throws SQLException {
        return pass(move, snapshot, shapes, false);
    }

    /** @param last whether nothing changes any more, so that nobody asks again what was noted */
    Passed pass(Move move, Snapshot snapshot, Shapes shapes, boolean last) throws SQLException {
        Map<UnitKey, Unit> units = units();
        Following following = new Following(source, choice, move);
        Noted noted = following.noted(snapshot, shapes, last);
        long since = units.values().stream().mapToLong(Unit::sinceXid).min().orElse(0);
        Pass pass;
        PassReport report;
        try (Session to = Session.write(target)) {
            pass = new Pass(snapshot, to, choice, shapes, units, noted);
            report = pass.run(true);
        }
        Verifier verifier = new Verifier(snapshot, target, choice, shapes);
        if (noted.changes() == null && noted.covers(since)) {
            verifier.stretches(since);
        }
        long held = last ? 0 : following.brought(noted, snapshot);
        return new Passed(report.withHeld(held), pass.compared(), verifier);
    }

    void phase(MovePhase phase) throws SQLException {
        try (Session to = Session.write(target)) {
            MoveState.phase(to, phase);
            to.commit();
        }
    }

    /** What was copied of each table and partition. */
    Map<UnitKey, Unit> units() throws SQLException {
        try (Session to = Session.read(target)) {
            return MoveState.units(to);
        }
    }

    Shapes shapes() throws SQLException {
        try (Session from = Session.read(source);
                Session to = Session.read(target)) {
            Shapes shapes = Shapes.read(from, to);
            if (!shapes.problems().isEmpty()) {
                throw new MoveException(String.join("; ", shapes.problems()));
            }
            return shapes;
        }
    }
}
