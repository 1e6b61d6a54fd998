package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.CommitFault;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three processes of eight writers each record the same entities' requests, up to three times, while every third commit
 * fails, sessions are ended and processes are killed: the books hold each request once.
 */
@LlmDbTest
class StormTest {

    private static final int PROCESSES = 3;
    private static final int WRITERS = 8;

    /** The last one is not killed. */
    private static final List<DeliveryMode> MODES =
            List.of(DeliveryMode.JOURNAL, DeliveryMode.SYNCHRONOUS, DeliveryMode.MEMORY);

    @Test
    void small(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        storm(database, proxy, directory, 12_000, 200, Duration.ofMinutes(3));
    }

    /** {@code -Dllmdb.storm.events=} chooses how many. */
    @Test
    @Tag("storm")
    void full(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        storm(
                database,
                proxy,
                directory,
                Integer.getInteger("llmdb.storm.events", 1_000_000),
                1_000,
                Duration.ofMinutes(40));
    }

    private void storm(TestDatabase database, TcpProxy proxy, Path directory, int events, int keys, Duration deadline) {
        World world = new World(keys);
        world.insertInto(database);
        int each = events / PROCESSES / WRITERS;
        Instant start = Recorders.now(database).minusSeconds(each / 50 + 60);
        // Together every third, half of them behind the server's back.
        proxy.breakCommits(CommitFault.NEVER_SENT, 6);
        proxy.breakCommits(CommitFault.ANSWER_LOST, 6);
        List<ChildJvm> children = new ArrayList<>();
        try {
            for (int process = 0; process < PROCESSES; process++) {
                children.add(feeder(database, proxy, directory, world, process, each, start, Map.of()));
            }
            int terminated = 0;
            for (int victim = 0; victim < 2; victim++) {
                int share = each / 4 * (victim + 1);
                int number = victim;
                Await.until(
                        "process " + victim + " is at " + share,
                        deadline,
                        () -> progress(children.get(number)).values().stream().anyMatch(at -> at >= share));
                terminated += database.terminateConnections();
                ChildJvm killed = children.get(victim);
                killed.kill();
                Map<Integer, Integer> from = progress(killed);
                killed.close();
                children.set(victim, feeder(database, proxy, directory, world, victim, each, start, from));
            }
            terminated += database.terminateConnections();
            List<String> ends = new ArrayList<>();
            for (ChildJvm child : children) {
                assertThat(child.awaitExit(deadline)).as("%s", child.output()).isZero();
                ends.add(child.awaitLine("closed", Duration.ofSeconds(1)));
            }
            System.out.println(events + " events; broken commits: "
                    + proxy.brokenCommits(CommitFault.NEVER_SENT) + " never sent, "
                    + proxy.brokenCommits(CommitFault.ANSWER_LOST) + " answers lost, " + proxy.commits()
                    + " carried out; sessions ended: " + terminated + "; processes killed: 2\n"
                    + String.join("\n", ends));
            // What a killed one and one whose answer was lost left in the inbox.
            try (SpendRecorder rest = Recorders.open(database, Recorders.ALL, Recorders.memory())) {
                Await.until("the inbox is empty", deadline, () -> database.count("LLM_SpendInbox") == 0);
                System.out.println(
                        "then taken over from the inbox: " + rest.metrics().adopted());
            }
            assertThat(terminated).isPositive();
            assertThat(proxy.brokenCommits(CommitFault.ANSWER_LOST)).isPositive();
        } finally {
            children.forEach(ChildJvm::close);
        }
        Map<String, String> expected = new Traffic(world, start, 100).sums(PROCESSES * WRITERS, each);
        assertThat(Traffic.logged(database)).isEqualTo(expected);
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .haveRequests((long) each * PROCESSES * WRITERS)
                .haveNoDeadLetters()
                .haveNoDeadlock();
    }

    private static Map<Integer, Integer> progress(ChildJvm child) {
        Map<Integer, Integer> progress = new HashMap<>();
        for (String line : child.output()) {
            if (line.startsWith("at ")) {
                String[] words = line.split(" ");
                progress.put(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
            }
        }
        return progress;
    }

    private static ChildJvm feeder(
            TestDatabase database,
            TcpProxy proxy,
            Path directory,
            World world,
            int process,
            int each,
            Instant start,
            Map<Integer, Integer> from) {
        List<Object> arguments = new ArrayList<>(List.of(
                proxy.jdbcUrl(),
                database.user(),
                database.password(),
                database.schema(),
                MODES.get(process),
                directory.resolve("journal-" + process),
                process,
                PROCESSES,
                WRITERS,
                each,
                world.keys(),
                start,
                0,
                20_000));
        for (int writer = 0; writer < WRITERS; writer++) {
            arguments.add(from.getOrDefault(writer, 0));
        }
        return ChildJvm.of(Feeder.class)
                .arguments(arguments.toArray())
                .jvmOptions("-Xmx256m", "-XX:TieredStopAtLevel=1")
                .start();
    }
}
