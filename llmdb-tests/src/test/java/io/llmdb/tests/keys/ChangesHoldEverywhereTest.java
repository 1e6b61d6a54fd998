package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.llmdb.LlmDb;
import io.llmdb.common.Actor;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyRepository;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PgBouncer;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances in two processes, each authenticating with every key all the time. What one of them changes holds on
 * the other within a second, and what held once is never undone by a load that was on its way.
 */
@LlmDbTest
class ChangesHoldEverywhereTest {

    private static final Duration BOUND = Duration.ofSeconds(1);

    /** Time enough for a machine that is busy with other tests; the storms hold the second. */
    private static final Duration LENIENT = Duration.ofSeconds(5);

    private static final int AT_ONCE = 4;

    /** As busy administrators make them; a burst would measure how fast the server changes rows. */
    private static final int CHANGES_PER_SECOND = 20;

    @TempDir
    private Path folder;

    @Test
    void aFewChanges(TestDatabase database) throws Exception {
        run(database, database.databaseUrl(), 80, LENIENT);
    }

    @Test
    void aFewChangesThroughAPoolerInTransactionMode(TestDatabase database) throws Exception {
        assumeTrue(PgBouncer.program().isPresent(), "there is no pgbouncer here; llmdb.test.pgbouncer names one");
        run(database, pooled(database), 80, LENIENT);
    }

    @Tag("storm")
    @Test
    void aThousandChanges(TestDatabase database) throws Exception {
        run(database, database.databaseUrl(), 1000, BOUND);
    }

    @Tag("storm")
    @Test
    void aThousandChangesThroughAPoolerInTransactionMode(TestDatabase database) throws Exception {
        assumeTrue(PgBouncer.program().isPresent(), "there is no pgbouncer here; llmdb.test.pgbouncer names one");
        run(database, pooled(database), 1000, BOUND);
    }

    private static String pooled(TestDatabase database) {
        return database.closeAtEnd(PgBouncer.inFrontOf(database.server(), 8)).databaseUrl(database);
    }

    private void run(TestDatabase database, String url, int changes, Duration bound) throws Exception {
        LlmDb here = database.closeAtEnd(LlmDb.open(LlmDbSettings.builder()
                .environment(Map.of())
                .connection(connection ->
                        connection.databaseUrl(url).schema(database.schema()).poolLimit(AT_ONCE + 3))
                .build()));
        KeyRepository keys = here.admin(Actor.SYSTEM).keys();
        List<IssuedKey> issued = new ArrayList<>();
        for (int i = 0; i < changes; i++) {
            issued.add(keys.create(VirtualKeySpec.of("before")));
        }
        List<String> rawKeys = issued.stream().map(IssuedKey::rawKey).toList();
        Path file = folder.resolve("keys");
        Files.write(file, rawKeys);
        List<Map<String, Long>> seen = new ArrayList<>();
        for (int i = 0; i < changes; i++) {
            seen.add(new ConcurrentHashMap<>());
        }
        List<String> flips = java.util.Collections.synchronizedList(new ArrayList<>());
        ChildJvm there = database.closeAtEnd(ChildJvm.of(HotPath.class)
                .arguments(url, database.schema(), file)
                .onLine(line -> {
                    String[] words = line.split(" ");
                    if (words[0].equals("outcome")
                            && seen.get(Integer.parseInt(words[1])).putIfAbsent(words[3], Long.parseLong(words[2]))
                                    != null) {
                        flips.add(line);
                    }
                })
                .start());
        HotPath load = new HotPath(here, rawKeys, (key, outcome, micros) -> {});
        Thread loader = new Thread(load, "load");
        loader.start();
        try {
            Await.until(
                    "the other instance knows all keys",
                    Duration.ofSeconds(60),
                    () -> seen.stream().allMatch(outcomes -> outcomes.containsKey("before")));
            long[] committed = change(keys, issued);
            Await.until(
                    "the other instance has seen all changes",
                    Duration.ofSeconds(20),
                    () -> seen.stream().allMatch(outcomes -> outcomes.size() == 2));
            long calm = HotPath.now() + 1_500_000;
            Await.until(
                    "loads that were on their way have come back", Duration.ofSeconds(10), () -> HotPath.now() > calm);
            judge(bound, committed, seen, flips, load, there);
        } finally {
            load.end();
            loader.join();
        }
    }

    /** Block, edit, rotate, delete, each on a quarter of the keys; when each was committed. */
    private static long[] change(KeyRepository keys, List<IssuedKey> issued) throws Exception {
        long[] committed = new long[issued.size()];
        long start = System.nanoTime();
        ExecutorService administrators = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Callable<Object>> changes = new ArrayList<>();
            for (int i = 0; i < issued.size(); i++) {
                int number = i;
                String hash = issued.get(i).key().hash();
                changes.add(() -> {
                    long due = start + number * 1_000_000_000L / CHANGES_PER_SECOND;
                    while (due - System.nanoTime() > 0) {
                        LockSupport.parkNanos(due - System.nanoTime());
                    }
                    switch (number % 4) {
                        case 0 -> keys.block(hash);
                        case 1 -> keys.update(hash, spec -> spec.withAlias("after"));
                        case 2 -> keys.rotate(hash, Duration.ZERO);
                        default -> keys.delete(hash);
                    }
                    committed[number] = HotPath.now();
                    return "changed";
                });
            }
            for (Future<Object> change : administrators.invokeAll(changes)) {
                change.get();
            }
        } finally {
            administrators.shutdown();
        }
        return committed;
    }

    private static void judge(
            Duration bound,
            long[] committed,
            List<Map<String, Long>> seen,
            List<String> flips,
            HotPath load,
            ChildJvm there) {
        List<String> expected = List.of("KeyBlockedException", "after", "UnknownKeyException", "UnknownKeyException");
        long[] delays = new long[committed.length];
        int late = 0;
        for (int i = 0; i < delays.length; i++) {
            assertThat(seen.get(i)).containsKey(expected.get(i % 4));
            delays[i] = seen.get(i).get(expected.get(i % 4)) - committed[i];
            late += delays[i] > bound.toNanos() / 1000 ? 1 : 0;
        }
        Arrays.sort(delays);
        long calls = there.output().stream()
                .filter(line -> line.startsWith("calls "))
                .mapToLong(line -> Long.parseLong(line.substring(6)))
                .max()
                .orElse(0);
        long seconds = there.output().stream()
                .filter(line -> line.startsWith("calls "))
                .count();
        System.out.printf(
                "%d of %d changes held within %d ms; ms until they held: least %d, median %d, 90 %% %d, 99 %% %d, most %d; calls a second: %d here, %d there%n",
                delays.length - late,
                delays.length,
                bound.toMillis(),
                delays[0] / 1000,
                delays[delays.length / 2] / 1000,
                delays[delays.length * 9 / 10] / 1000,
                delays[delays.length * 99 / 100] / 1000,
                delays[delays.length - 1] / 1000,
                load.calls() / Math.max(1, seconds),
                calls / Math.max(1, seconds));
        assertThat(flips).as("changes that were undone").isEmpty();
        assertThat(late).as("changes that took longer than " + bound).isZero();
        assertThat(load.calls()).isPositive();
    }
}
