package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.PlantedBooks;
import io.llmdb.testkit.PostgresServer;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A proxy under load moves from one server to another of another version; the tool that moves it is killed twice. */
class MoveUnderLoadTest {

    private static final int ROWS = Integer.getInteger("llmdb.move.rows", 5_000_000);
    private static final int KEYS = Integer.getInteger("llmdb.move.keys", 20_000);
    private static final int RATE = Integer.getInteger("llmdb.move.rate", 300);

    private static final FollowMethod METHOD =
            FollowMethod.valueOf(System.getProperty("llmdb.move.method", "LOGICAL_REPLICATION"));

    @Test
    void aSmallProxyMoves() {
        move(20_000, 500, 100, FollowMethod.LOGICAL_REPLICATION, Duration.ofMinutes(2));
    }

    @Test
    @Tag("storm")
    void aSmallProxyMovesByRowVersions() {
        move(20_000, 500, 100, FollowMethod.ROW_VERSIONS, Duration.ofMinutes(2));
    }

    @Test
    @Tag("storm")
    void aProxyWithMillionsOfRowsMoves() {
        move(ROWS, KEYS, RATE, METHOD, Duration.ofMinutes(20));
    }

    private static void move(int rows, int keys, int rate, FollowMethod method, Duration patience) {
        boolean logical = method == FollowMethod.LOGICAL_REPLICATION;
        try (PostgresServer first = PostgresServer.startEmbedded(Map.of("wal_level", logical ? "logical" : "replica"));
                PostgresServer second = Servers.start(15, Map.of());
                Sides sides = Sides.on(first, second)) {
            LogicalReplicationTest.replication(first, logical);
            PlantedBooks.plant(sides.source, keys, rows);
            LlmDb old = sides.source.open();
            CutOverReport report;
            LlmDb fresh;
            long refusedFor;
            try (MoveLoad load = new MoveLoad(old, keys, 8, rate)) {
                killedWhen("progress", sides, patience);
                killedWhen("pass", sides, patience);
                DatabaseMove move = sides.move().build();
                Await.until("the tool's sessions end", Duration.ofSeconds(30), () -> free(move));
                assertThat(move.follow().method()).isEqualTo(method);
                long before = load.answered.get();
                report = move.cutOver("new-host:5432/llm");
                fresh = sides.openTarget();
                load.switchTo(fresh);
                Await.until(
                        "the load goes on on the new side",
                        Duration.ofSeconds(30),
                        () -> load.answered.get() > before + rate);
                load.close();
                assertThat(load.failures)
                        .as("requests that failed: %s", load.firstFailure())
                        .isEmpty();
                refusedFor = (load.lastRefusal.get() - load.firstRefusal.get()) / 1_000_000;
                old.close();
                fresh.close();
                System.out.println(
                        "MOVE rows=" + rows + " keys=" + keys + " rate=" + rate + " method=" + method + " answered="
                                + load.answered.get() + " refused=" + load.movedRefusals.get() + " within " + refusedFor
                                + " ms; " + report);
                assertThat(sides.target.books())
                        .agree()
                        .haveNoDeadlock()
                        .haveNoDeadLetters()
                        .haveRequests(rows + load.answered.get());
                assertThat(sides.source.deadlocks()).isZero();
            }
        }
    }

    private static boolean free(DatabaseMove move) {
        try {
            move.pass();
            return true;
        } catch (io.llmdb.move.MoveException e) {
            return false;
        }
    }

    /** Kills the tool as soon as it says something, and sees to it that it can go on. */
    private static void killedWhen(String word, Sides sides, Duration patience) {
        try (ChildJvm tool = MoveTool.between(sides.source, sides.target).start()) {
            tool.awaitLine(word, line -> line.startsWith(word), patience);
            tool.kill();
        }
    }
}
