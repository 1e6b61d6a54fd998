package io.llmdb.move;

import io.llmdb.move.MoveState.Move;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the target the database: until near, then behind a fence on the old side. */
final class CutOver {

    /** Passes before the fence end when one is quicker than this: what remains is then brought over as quickly. */
    private static final Duration QUICK = Duration.ofSeconds(1);

    private static final int MOST_PASSES = 10;

    private static final Logger LOG = LoggerFactory.getLogger(CutOver.class);

    private final Sides sides;
    private final MoveEndpoint source;
    private final MoveEndpoint target;
    private final Move move;
    private final Shapes shapes;

    CutOver(Sides sides, Move move, Shapes shapes) {
        this.sides = sides;
        this.source = sides.source();
        this.target = sides.target();
        this.move = move;
        this.shapes = shapes;
    }

    CutOverReport run(String movedTo) throws SQLException {
        boolean announced;
        try (Session from = Session.read(source)) {
            Checks.requireSourceOwner(from);
            requireNotMovedElsewhere(from, move);
            announced = Fence.isAnnounced(from);
        }
        return fence(movedTo, announced ? 0 : bringNear());
    }

    /** Two moves may follow one source, and one of them takes its place. */
    static void requireNotMovedElsewhere(Session source, Move move) throws SQLException {
        String elsewhere = Fence.movedElsewhere(source, move.id());
        if (elsewhere != null) {
            throw new MoveException("The source has moved already, to " + elsewhere
                    + ", by another move: abandon this one, and move on from there");
        }
    }

    /**
     * Until so little is missing that it can be brought over within the fence's second. All of it is compared first;
     * from then on each pass compares what it brings, so that nothing has to be compared as a whole behind the fence.
     */
    private long bringNear() throws SQLException {
        long compared = sides.atOneMoment(snapshot -> {
            Sides.Passed passed = sides.pass(move, snapshot, shapes);
            passed.verifier().keyed(sides.parallelism());
            if (!passed.verifier().logCountsAgree()) {
                // Something that nobody notes, such as an emptied partition: asked as a whole, it is found.
                sides.askAll(snapshot, shapes);
                passed.verifier().requireLogCounts();
            }
            return compareLogs(passed);
        });
        Duration took = QUICK.plusNanos(1);
        for (int i = 0; i < MOST_PASSES && took.compareTo(QUICK) > 0; i++) {
            long start = System.nanoTime();
            compared += sides.atOneMoment(snapshot -> {
                Sides.Passed passed = sides.pass(move, snapshot, shapes);
                return passed.compared() + compareLogs(passed);
            });
            took = Duration.ofNanos(System.nanoTime() - start);
        }
        return compared;
    }

    /** What was done behind the fence. */
    private record Behind(Instant at, PassReport last, long compared) {}

    private CutOverReport fence(String movedTo, long compared) throws SQLException {
        long told = System.nanoTime();
        sides.phase(MovePhase.FENCING);
        try {
            Fence.announce(source, move.id(), movedTo);
            long announced = System.nanoTime();
            Fence.close(source);
            long closed = System.nanoTime();
            Behind behind = sides.atOneMoment(snapshot -> {
                Instant at = Instant.ofEpochMilli(
                        snapshot.session().number("SELECT (extract(epoch FROM ${llmdb}.llmdb_now()) * 1000)::bigint"));
                Sides.Passed passed = sides.pass(move, snapshot, shapes, true);
                return new Behind(at, passed.report(), passed.compared() + compareLogs(passed));
            });
            long brought = System.nanoTime();
            try (Session to = Session.write(target)) {
                Target.advanceSequences(to, sides.choice());
                Fence.openTarget(to);
                MoveState.phase(to, MovePhase.MOVED);
                to.commit();
            }
            Duration closedFor = Duration.ofNanos(System.nanoTime() - told);
            LOG.debug(
                    "The old side was told in {} ms, closed in {} ms; the rest came in {} ms and the target was opened in {} ms",
                    millis(told, announced),
                    millis(announced, closed),
                    millis(closed, brought),
                    millis(brought, System.nanoTime()));
            stopFollowing();
            return new CutOverReport(behind.at(), closedFor, behind.last(), compared + behind.compared());
        } catch (SQLException | RuntimeException e) {
            openAgain(e);
            throw e;
        }
    }

    private static long millis(long from, long to) {
        return (to - from) / 1_000_000;
    }

    /** A cut-over that failed leaves the old side as it was. Whether the target was opened is asked, not guessed. */
    private void openAgain(Exception failure) {
        try {
            Move now;
            try (Session to = Session.write(target)) {
                now = MoveState.find(to);
            }
            if (now == null || now.phase() != MovePhase.MOVED) {
                Fence.open(source, move.id());
                sides.phase(MovePhase.FOLLOWING);
            }
        } catch (SQLException | RuntimeException e) {
            failure.addSuppressed(e);
            LOG.error(
                    "The old side is still fenced: call cutOver again to go on, or abandon to open it: {}",
                    e.getMessage());
        }
    }

    private void stopFollowing() {
        try {
            new Following(source, sides.choice(), move).stop();
        } catch (SQLException | RuntimeException e) {
            LOG.warn(
                    "What followed the old side is still there; a replication slot fills its disk. Call abandon, which takes it"
                            + " away, or drop slot and publication {} yourself: {}",
                    new ReplicationSlot(source, move.id()).name(),
                    e.getMessage());
        }
    }

    /** Compares what a pass copied of logs, and returns how many rows its verifier has compared. */
    private long compareLogs(Sides.Passed passed) throws SQLException {
        passed.verifier().logs(sides.units(), false, sides.parallelism(), new Meter(progress -> {}, 0, 0));
        return passed.verifier().rows();
    }
}
