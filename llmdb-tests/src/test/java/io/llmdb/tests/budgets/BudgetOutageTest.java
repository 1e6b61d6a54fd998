package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.keys.Caller;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * PostgreSQL is stopped, or halted, while two instances spend: one that refuses then, one that lets pass. What the one
 * that refuses has spent stays within its budgets, that of each second too, and soon all is as before.
 */
class BudgetOutageTest {

    private static final BigDecimal ESTIMATE = new BigDecimal("0.001");
    private static final Duration LEASE = Duration.ofSeconds(3);

    /** How long a caller may wait for an answer that does not come, and what is left of a lease then. */
    private static final Duration UNTIL_ALL_KNOW = Duration.ofSeconds(8);

    @Test
    void stoppedForSeconds() throws Exception {
        run(
                PostgresServer::stop,
                PostgresServer::start,
                LEASE.plusSeconds(1),
                Duration.ofSeconds(1),
                Duration.ofSeconds(30));
    }

    @Test
    @Tag("storm")
    void stoppedForAMinute() throws Exception {
        run(
                PostgresServer::stop,
                PostgresServer::start,
                UNTIL_ALL_KNOW,
                Duration.ofSeconds(60).minus(UNTIL_ALL_KNOW),
                Duration.ofSeconds(5));
    }

    @Test
    @Tag("storm")
    void haltedForTwentySeconds() throws Exception {
        run(
                PostgresServer::pause,
                PostgresServer::resume,
                UNTIL_ALL_KNOW,
                Duration.ofSeconds(20).minus(UNTIL_ALL_KNOW),
                Duration.ofSeconds(5));
    }

    private interface Deed {
        void to(PostgresServer server);
    }

    private static void run(Deed begin, Deed end, Duration untilAllKnow, Duration rest, Duration patience)
            throws Exception {
        try (PostgresServer server = PostgresServer.startEmbedded(Map.of());
                TestDatabase database = server.newDatabase("llmdb");
                LlmDb strict = open(database, false);
                LlmDb lenient = open(database, true)) {
            List<Caller> ofStrict = callers(strict, "strict");
            List<Caller> ofLenient = callers(lenient, "lenient");
            Caller fresh = caller(strict, "fresh", BudgetTerms.of("1"));
            try (Load strictLoad = new Load(strict, ofStrict);
                    Load lenientLoad = new Load(lenient, ofLenient)) {
                for (Load load : List.of(strictLoad, lenientLoad)) {
                    Await.until(
                            "calls are admitted and refused",
                            Duration.ofSeconds(30),
                            () -> load.outcomes().equals(new TreeSet<>(List.of("BudgetExceededException", "admitted")))
                                    && load.calls() > 500);
                }
                begin.to(server);
                pass(untilAllKnow);
                strictLoad.forget();
                lenientLoad.forget();
                pass(rest);
                assertThat(strictLoad.outcomes()).containsExactly("DatabaseUnavailableException");
                assertThat(lenientLoad.outcomes()).containsExactly("admitted");

                end.to(server);
                long back = System.nanoTime();
                Await.until("budgets hold again", patience, () -> {
                    strictLoad.forget();
                    lenientLoad.forget();
                    pass(Duration.ofMillis(200));
                    return normal(strictLoad)
                            && normal(lenientLoad)
                            && outcome(strict, fresh, 0).equals("admitted");
                });
                System.out.println("Normal again after "
                        + Duration.ofNanos(System.nanoTime() - back).toMillis() + " ms");
            }
            strict.close();
            lenient.close();
            assertThat(database.books())
                    .agree()
                    .reserveNothing()
                    .haveNoDeadlock()
                    .haveNoDeadLetters();
            assertThat(database.rows("SELECT key_alias, spend FROM ${llmdb}.\"LLM_VerificationToken\""
                            + " WHERE spend > max_budget AND key_alias NOT LIKE 'lenient%'"))
                    .isEmpty();
            assertThat(database.rows("SELECT w.window_start, w.spend FROM ${llmdb}.\"LLM_BudgetWindow\" w"
                            + " JOIN ${llmdb}.\"LLM_VerificationToken\" k ON w.scope = 'key' AND k.token = w.scope_id"
                            + " WHERE w.spend > k.max_budget AND k.key_alias = 'strict, so much a second'"))
                    .isEmpty();
            assertThat(database.value(
                            Long.class,
                            "SELECT count(*) FROM ${llmdb}.\"LLM_BudgetWindow\" w JOIN ${llmdb}.\"LLM_VerificationToken\" k"
                                    + " ON w.scope = 'key' AND k.token = w.scope_id WHERE w.spend > k.max_budget * 0.9"
                                    + " AND k.key_alias = 'strict, so much a second'"))
                    .as("seconds that were nearly used up")
                    .isPositive();
        }
    }

    private static boolean normal(Load load) {
        return load.outcomes().contains("admitted")
                && load.outcomes().contains("BudgetExceededException")
                && load.outcomes().size() == 2;
    }

    private static LlmDb open(TestDatabase database, boolean allow) {
        return LlmDb.open(database.settings()
                .connection(connection -> connection.connectionTimeout(Duration.ofSeconds(1)))
                .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY))
                .budgets(budgets -> budgets.allowRequestsOnDbUnavailable(allow).leaseTime(LEASE))
                .build());
    }

    private static List<Caller> callers(LlmDb db, String who) {
        return List.of(
                caller(db, who + ", much", BudgetTerms.of("100000")),
                caller(db, who + ", little", BudgetTerms.of("0.1")),
                caller(db, who + ", so much a second", BudgetTerms.of("0.02", "1s")));
    }

    private static Caller caller(LlmDb db, String alias, BudgetTerms terms) {
        return db.authenticate(db.admin()
                .keys()
                .create(VirtualKeySpec.of(alias).withBudget(terms))
                .rawKey());
    }

    private static void pass(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (end - System.nanoTime() > 0) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    private static String outcome(LlmDb db, Caller caller, int nanos) {
        try {
            Admission admission = db.budgets().admit(caller, Call.of("m").withEstimate(ESTIMATE));
            LockSupport.parkNanos(nanos);
            admission.settle(admission.event().tokens(1, 1).cost(ESTIMATE).build());
            return "admitted";
        } catch (RuntimeException e) {
            return e.getClass().getSimpleName();
        }
    }

    private static final class Load implements AutoCloseable {

        private final Map<String, Long> outcomes = new ConcurrentHashMap<>();
        private final List<Thread> threads = new ArrayList<>();
        private volatile boolean over;

        Load(LlmDb db, List<Caller> callers) {
            for (int t = 0; t < 6; t++) {
                SplittableRandom dice = new SplittableRandom(t);
                Caller caller = callers.get(t % callers.size());
                Thread thread = new Thread(() -> {
                    while (!over) {
                        outcomes.merge(outcome(db, caller, dice.nextInt(5_000_000)), 1L, Long::sum);
                        LockSupport.parkNanos(2_000_000);
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

        void forget() {
            outcomes.clear();
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
