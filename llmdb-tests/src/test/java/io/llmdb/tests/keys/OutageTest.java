package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * PostgreSQL stops under load and comes back: known callers go on or are refused, as
 * {@code allow_requests_on_db_unavailable} says, nobody is told that the key is unknown, and soon all is as before.
 */
class OutageTest {

    private static final int KEYS = 200;

    @Test
    void aFewSeconds() throws Exception {
        // Time enough for a machine that is busy with other tests; the storm holds the second.
        run(Duration.ofSeconds(8), Duration.ofSeconds(5));
    }

    @Tag("storm")
    @Test
    void aMinute() throws Exception {
        run(Duration.ofSeconds(60), Duration.ofSeconds(1));
    }

    /**
     * @param outage how long the server is away
     * @param bound within what time a change holds afterwards
     */
    private static void run(Duration outage, Duration bound) throws Exception {
        try (PostgresServer server = PostgresServer.startEmbedded(Map.of());
                TestDatabase database = server.newDatabase("llmdb")) {
            LlmDb lenient = open(database, true);
            LlmDb strict = open(database, false);
            List<IssuedKey> keys = new ArrayList<>();
            for (int i = 0; i < KEYS; i++) {
                keys.add(lenient.admin().keys().create(VirtualKeySpec.of("known")));
            }
            lenient.catchUp();
            strict.catchUp();
            keys.forEach(key -> {
                lenient.authenticate(key.rawKey());
                strict.authenticate(key.rawKey());
            });
            IssuedKey strange = lenient.admin().keys().create(VirtualKeySpec.of("not seen before"));

            try (Load ofLenient = new Load(lenient, keys);
                    Load ofStrict = new Load(strict, keys)) {
                Await.until("load", Duration.ofSeconds(10), () -> ofLenient.calls() > 1000 && ofStrict.calls() > 1000);
                server.stop();
                long stopped = System.nanoTime();
                // What was read before is trusted for a second, and some callers wait for a connection.
                pass(Duration.ofSeconds(4));
                isHonest(ofLenient.forget());
                isHonest(ofStrict.forget());
                while (System.nanoTime() - stopped < outage.toNanos()) {
                    assertThat(outcome(lenient, strange.rawKey())).isEqualTo("DatabaseUnavailableException");
                    assertThat(outcome(strict, "sk-invented-" + System.nanoTime()))
                            .isEqualTo("DatabaseUnavailableException");
                    pass(Duration.ofMillis(100));
                }
                assertThat(ofLenient.outcomes()).containsExactly("known");
                assertThat(ofStrict.outcomes()).containsExactly("DatabaseUnavailableException");

                server.start();
                long back = System.nanoTime();
                // A pool that could not connect pauses for up to five seconds.
                Await.until(
                        "a known caller is served again",
                        Duration.ofSeconds(30),
                        () -> outcome(strict, keys.get(0).rawKey()).equals("known"));
                long served = System.nanoTime();
                System.out.printf(
                        "away for %d s; a caller that was refused is served %d ms after the database is back%n",
                        outage.toSeconds(), (served - back) / 1_000_000);
                pass(Duration.ofNanos(served + 5_000_000_000L - System.nanoTime()));
                isHonest(ofLenient.forget());
                isHonest(ofStrict.forget());
                pass(Duration.ofSeconds(1));
                assertThat(ofLenient.outcomes())
                        .as("5 s after the first is served")
                        .containsExactly("known");
                assertThat(ofStrict.outcomes())
                        .as("5 s after the first is served")
                        .containsExactly("known");
                assertThat(outcome(strict, strange.rawKey())).isEqualTo("not seen before");
                assertThat(outcome(strict, "sk-invented-after-" + back)).isEqualTo("UnknownKeyException");
            }
            // Changes hold as before.
            lenient.admin().keys().block(keys.get(0).key().hash());
            Await.until(
                    "a change holds",
                    bound,
                    () -> outcome(strict, keys.get(0).rawKey()).equals("KeyBlockedException"));
            lenient.close();
            strict.close();
        }
    }

    /** At every moment a known key is let in or told that the database is away; no other answer is true. */
    private static void isHonest(TreeSet<String> outcomes) {
        assertThat(outcomes).isSubsetOf("known", "DatabaseUnavailableException");
    }

    private static LlmDb open(TestDatabase database, boolean allow) {
        return LlmDb.open(database.settings()
                // Whoever asks the database first waits as long for a connection; all others are told at once.
                .connection(connection -> connection.connectionTimeout(Duration.ofSeconds(1)))
                .budgets(budgets -> budgets.allowRequestsOnDbUnavailable(allow))
                .build());
    }

    private static void pass(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (end - System.nanoTime() > 0) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    private static String outcome(LlmDb db, String rawKey) {
        try {
            return String.valueOf(db.authenticate(rawKey).key().spec().alias());
        } catch (RuntimeException e) {
            return e.getClass().getSimpleName();
        }
    }

    /** Known callers, some thousand times a second. */
    private static final class Load implements AutoCloseable {

        private final Map<String, Long> outcomes = new ConcurrentHashMap<>();
        private final List<Thread> threads = new ArrayList<>();
        private volatile boolean over;

        Load(LlmDb db, List<IssuedKey> keys) {
            for (int t = 0; t < 2; t++) {
                Random random = new Random(t);
                Thread thread = new Thread(() -> {
                    while (!over) {
                        for (int i = 0; i < 20; i++) {
                            outcomes.merge(
                                    outcome(
                                            db,
                                            keys.get(random.nextInt(keys.size()))
                                                    .rawKey()),
                                    1L,
                                    Long::sum);
                        }
                        LockSupport.parkNanos(5_000_000);
                    }
                });
                thread.start();
                threads.add(thread);
            }
        }

        long calls() {
            return outcomes.values().stream().mapToLong(Long::longValue).sum();
        }

        TreeSet<String> outcomes() {
            return new TreeSet<>(outcomes.keySet());
        }

        TreeSet<String> forget() {
            TreeSet<String> before = outcomes();
            outcomes.clear();
            return before;
        }

        @Override
        public void close() throws InterruptedException {
            over = true;
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }
}
