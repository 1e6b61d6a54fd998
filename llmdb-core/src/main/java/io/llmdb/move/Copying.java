package io.llmdb.move;

import io.llmdb.move.MoveState.Move;
import io.llmdb.move.MoveState.Unit;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings the target to one moment of the source, whatever it has already, and compares. */
final class Copying {

    private static final Logger LOG = LoggerFactory.getLogger(Copying.class);

    private final Sides sides;
    private final Move move;
    private final Consumer<MoveProgress> listener;

    Copying(Sides sides, Move move, Consumer<MoveProgress> listener) {
        this.sides = sides;
        this.move = move;
        this.listener = listener;
    }

    CopyReport run() throws SQLException {
        long start = System.nanoTime();
        Map<UnitKey, Unit> done = move.merged() ? Map.of() : sides.units();
        Shapes shapes = sides.shapes();
        return sides.atOneMoment(snapshot -> copy(snapshot, shapes, done, start));
    }

    private CopyReport copy(Snapshot snapshot, Shapes shapes, Map<UnitKey, Unit> done, long start) throws SQLException {
        MoveChoice choice = sides.choice();
        MoveEndpoint target = sides.target();
        List<MovePlan.PlannedTable> planned = Planned.tables(snapshot.session(), choice).stream()
                .filter(table -> !done.containsKey(new UnitKey(table.table(), table.partition())))
                .toList();
        Meter meter = new Meter(
                listener,
                planned.size(),
                planned.stream().mapToLong(MovePlan.PlannedTable::bytes).sum());
        if (!done.isEmpty()) {
            // What an earlier call brought is of an earlier moment.
            try (Session to = Session.write(target)) {
                new Pass(snapshot, to, choice, shapes, done, Noted.NOTHING).run(false);
            }
        }
        new Copy(target, choice, shapes, snapshot, meter, move.merged()).run(done, sides.parallelism());
        try (Session to = Session.write(target)) {
            Copy.own(to);
            LogStates.carryOver(snapshot.session(), to, choice, move.merged());
            to.commit();
        }
        long copied = System.nanoTime();
        LOG.debug("Copying {} took {} ms", planned.size(), (copied - start) / 1_000_000);
        if (!move.merged()) {
            Verifier verifier = new Verifier(snapshot, target, choice, shapes);
            verifier.keyed(sides.parallelism());
            verifier.logs(sides.units(), false, sides.parallelism(), meter);
        }
        LOG.debug("Verifying took {} ms", (System.nanoTime() - copied) / 1_000_000);
        Target.analyze(target, choice);
        finish();
        return new CopyReport(
                sides.units().values().stream().mapToLong(Unit::rows).sum(),
                meter.bytes(),
                Duration.ofNanos(copied - start),
                Duration.ofNanos(System.nanoTime() - copied),
                done.size());
    }

    private void finish() throws SQLException {
        try (Session to = Session.write(sides.target())) {
            Target.advanceSequences(to, sides.choice());
            if (move.merged()) {
                Fence.forgetSums(to);
                Target.forget(to);
            } else {
                MoveState.phase(to, MovePhase.COPIED);
            }
            to.commit();
        }
    }
}
