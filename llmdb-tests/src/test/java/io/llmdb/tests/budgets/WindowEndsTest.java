package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.keys.Caller;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.Scope;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Windows that end while much is spent, that were missed, and the job that tidies them, twice at once and killed. */
@LlmDbTest
class WindowEndsTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final BigDecimal CENT = new BigDecimal("0.01");

    /** Midnight in Berlin before the day of 23 hours. */
    private static final Instant MIDNIGHT = Instant.parse("2031-03-29T23:00:00Z");

    /** What the log says of each window that is over, beside what the window's row says, and what it may spend. */
    private static final String WINDOWS = """
            SELECT w.scope, w.budget_duration, w.window_start, w.window_end, w.spend AS kept, coalesce(sum(l.spend), 0) AS logged,
                   coalesce(c.max_budget, CASE WHEN w.model <> '' THEN 0.7 WHEN w.budget_duration <> '' THEN 0.3 END) AS most
            FROM ${llmdb}."LLM_BudgetWindow" w
            JOIN ${llmdb}.llmdb_counter c USING (scope, scope_id, parent_id, model, budget_duration)
            LEFT JOIN ${llmdb}."LLM_SpendLogs" l ON l."startTime" >= w.window_start AND l."startTime" < w.window_end
                AND (w.scope <> 'key' OR l.api_key = w.scope_id) AND (w.scope <> 'team_member' OR l."user" = w.scope_id)
            GROUP BY w.scope, w.scope_id, w.parent_id, w.model, w.budget_duration, w.window_start, w.window_end, w.spend, c.max_budget""";

    private static final String OVERLAPPING = """
            SELECT * FROM (
                SELECT *, lead(window_start) OVER (PARTITION BY scope, scope_id, parent_id, model, budget_duration ORDER BY window_start) AS next
                FROM ${llmdb}."LLM_BudgetWindow") w
            WHERE next < window_end""";

    private static LlmDbSettings settings(TestDatabase database) {
        return database.settings()
                .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY))
                .budgets(budgets -> budgets.timeZone(ZoneId.of("Europe/Berlin")))
                .build();
    }

    /**
     * Windows of one, two, three and five seconds and of a day that ends, full or not, in the midst of it, with two
     * jobs that tidy all the time. What each window has spent is what the log says of it, and not more than it may.
     */
    @Test
    void spendingGoesOnWhileWindowsEnd(TestDatabase database) throws Exception {
        database.clock().set(MIDNIGHT.minusSeconds(3_600));
        AtomicBoolean stop = new AtomicBoolean();
        LongAdder refused = new LongAdder();
        ExecutorService threads = Executors.newCachedThreadPool();
        try (LlmDb one = LlmDb.open(settings(database));
                LlmDb other = LlmDb.open(settings(database))) {
            BudgetTerms key = BudgetTerms.of("100", "1d")
                    .withFurtherLimits(List.of(BudgetLimit.of("0.3", "1s")))
                    .withModelLimits(Map.of("gpt-4o", BudgetLimit.of("0.7", "5s")));
            List<String> keys = World.in(one)
                    .organization("acme", BudgetTerms.of("100", "1d"))
                    .team("research", BudgetTerms.of("0.9", "2s"))
                    .members(2, BudgetTerms.of("0.8", "3s"))
                    .keys(1, key)
                    .create()
                    .rawKeys();
            // All is known and nothing is spent or leased yet, so what comes before midnight is for spending.
            for (LlmDb db : List.of(one, other)) {
                keys.forEach(db::authenticate);
            }
            database.clock().set(MIDNIGHT.minusMillis(3_500));
            one.catchUp();
            other.catchUp();
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                LlmDb db = i % 2 == 0 ? one : other;
                SplittableRandom dice = new SplittableRandom(i);
                running.add(threads.submit(() -> spend(db, keys, dice, stop, refused)));
            }
            for (LlmDb db : List.of(one, other)) {
                running.add(threads.submit(() -> {
                    while (!stop.get()) {
                        db.budgets().tidyWindows();
                    }
                }));
            }
            Await.until(
                    "much is spent after midnight, and somewhere too much",
                    SOON,
                    () -> database.clock().now().isAfter(MIDNIGHT.plusMillis(2_500))
                            && refused.sum() > 0
                            && database.rows(WINDOWS).size() > 15);
            stop.set(true);
            for (Future<?> thread : running) {
                thread.get();
            }
        } finally {
            stop.set(true);
            threads.shutdownNow();
        }
        List<Map<String, Object>> windows = database.rows(WINDOWS);
        assertThat(windows).hasSizeGreaterThan(15).allSatisfy(window -> {
            if (!window.get("scope").equals("key")
                    || window.get("budget_duration").equals("1s")) {
                assertThat((BigDecimal) window.get("kept")).isEqualByComparingTo((BigDecimal) window.get("logged"));
            }
            assertThat((BigDecimal) window.get("kept")).isLessThanOrEqualTo((BigDecimal) window.get("most"));
        });
        assertThat(windows).extracting(window -> window.get("scope")).contains("organization", "team", "team_member");
        assertThat(database.rows(OVERLAPPING)).isEmpty();
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .stayWithinLimits()
                .haveNoDeadlock()
                .haveNoDeadLetters();
    }

    private static void spend(
            LlmDb db, List<String> keys, SplittableRandom dice, AtomicBoolean stop, LongAdder refused) {
        while (!stop.get()) {
            Caller caller = db.authenticate(keys.get(dice.nextInt(keys.size())));
            Call call = Call.of(dice.nextBoolean() ? "gpt-4o" : "small").withEstimate(CENT);
            try (Admission admission = db.budgets().admit(caller, call)) {
                LockSupport.parkNanos(dice.nextInt(30_000_000));
                if (dice.nextInt(8) > 0) {
                    BigDecimal cost = BigDecimal.valueOf(dice.nextInt(101), 4);
                    admission.settle(admission.event().tokens(1, 1).cost(cost).build());
                }
            } catch (BudgetExceededException e) {
                refused.increment();
                LockSupport.parkNanos(5_000_000);
            }
        }
    }

    /** No job ran for three days: the whole budget is there, once, and what comes late goes to where it belongs. */
    @Test
    void threeWindowsWereMissed(TestDatabase database) throws Exception {
        database.clock().set(MIDNIGHT.plusSeconds(3_600));
        try (LlmDb one = LlmDb.open(settings(database));
                LlmDb other = LlmDb.open(settings(database))) {
            World world = World.in(one)
                    .users(1, BudgetTerms.UNLIMITED)
                    .keys(1, BudgetTerms.of("1", "1d"))
                    .create();
            Caller caller = one.authenticate(world.rawKey());
            Admission late = one.budgets().admit(caller, Call.of("m").withEstimate(new BigDecimal("0.3")));
            for (int i = 0; i < 60; i++) {
                Admission admission = (i % 2 == 0 ? one : other)
                        .budgets()
                        .admit(caller, Call.of("m").withEstimate(CENT));
                admission.settle(admission.event().tokens(1, 1).cost(CENT).build());
            }
            one.spend().flush(SOON);
            other.spend().flush(SOON);
            database.clock().advance(Duration.ofDays(3));
            one.catchUp();
            other.catchUp();
            assertThat(admitted(List.of(one, other), caller)).isEqualTo(100);
            late.settle(late.event().tokens(1, 1).cost(new BigDecimal("0.3")).build());
            one.spend().flush(SOON);
            assertThat(admitted(List.of(one, other), caller)).isZero();
            CounterId key = CounterId.of(Scope.KEY, caller.key().hash());
            assertThat(one.budgets().history(key, PageRequest.first(10)).items())
                    .singleElement()
                    .satisfies(window -> assertThat(window.spent()).isEqualByComparingTo("0.9"));
        }
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .stayWithinLimits()
                .haveNoDeadlock()
                .haveRequests(161);
    }

    /**
     * What comes above its estimate when the next window has begun is carried into it, as it would have been in time.
     */
    @Test
    void overspendThatComesLateIsCarriedToo(TestDatabase database) {
        database.clock().set(MIDNIGHT.plusSeconds(3_600));
        try (LlmDb db = LlmDb.open(database.settings()
                .budgets(budgets -> budgets.timeZone(ZoneId.of("Europe/Berlin")).rollover(true))
                .build())) {
            World world = World.in(db)
                    .users(1, BudgetTerms.UNLIMITED)
                    .keys(1, BudgetTerms.of("1", "1d"))
                    .create();
            Caller caller = db.authenticate(world.rawKey());
            Admission late = db.budgets().admit(caller, Call.of("m").withEstimate(new BigDecimal("0.2")));
            Admission later = db.budgets().admit(caller, Call.of("m").withEstimate(new BigDecimal("0.2")));
            settle(db, db.budgets().admit(caller, Call.of("m").withEstimate(new BigDecimal("0.5"))), "0.5");
            database.clock().advance(Duration.ofDays(1));
            db.catchUp();
            settle(db, db.budgets().admit(caller, Call.of("m").withEstimate(CENT)), "0.01");
            settle(db, late, "0.7");
            assertThat(db.budgets().standing(caller).get(0).spent()).isEqualByComparingTo("0.21");
            settle(db, later, "0.1");
            assertThat(db.budgets().standing(caller).get(0).spent()).isEqualByComparingTo("0.31");
            assertThat(db.budgets().dryRun(caller, Call.of("m")).get(0).hasRoomFor(new BigDecimal("0.7")))
                    .isFalse();
        }
        assertThat(database.books()).agree().reserveNothing().haveNoDeadlock();
    }

    private static void settle(LlmDb db, Admission admission, String cost) {
        admission.settle(
                admission.event().tokens(1, 1).cost(new BigDecimal(cost)).build());
        db.spend().flush(SOON);
    }

    private static int admitted(List<LlmDb> instances, Caller caller) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<Integer>> callers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                LlmDb db = instances.get(i % instances.size());
                callers.add(threads.submit(() -> {
                    int admitted = 0;
                    while (true) {
                        try {
                            Admission admission =
                                    db.budgets().admit(caller, Call.of("m").withEstimate(CENT));
                            admission.settle(
                                    admission.event().tokens(1, 1).cost(CENT).build());
                            admitted++;
                        } catch (BudgetExceededException e) {
                            return admitted;
                        }
                    }
                }));
            }
            int admitted = 0;
            for (Future<Integer> thread : callers) {
                admitted += thread.get();
            }
            return admitted;
        } finally {
            threads.shutdownNow();
        }
    }

    /** One job is killed in the midst of its transaction while two others do the same. */
    @Test
    void theJobIsKilledWhileItRunsTwiceBeside(LlmDb db, TestDatabase database) throws Exception {
        int keys = 40;
        World world = World.in(db)
                .users(keys, BudgetTerms.UNLIMITED)
                .keys(1, BudgetTerms.of("1", "1d"))
                .create();
        for (String rawKey : world.rawKeys()) {
            Admission admission =
                    db.budgets().admit(db.authenticate(rawKey), Call.of("m").withEstimate(CENT));
            admission.settle(admission.event().tokens(1, 1).cost(CENT).build());
        }
        db.spend().flush(SOON);
        database.execute("""
                CREATE SEQUENCE ${llmdb}.arrivals;
                CREATE FUNCTION ${llmdb}.dawdle() RETURNS trigger LANGUAGE plpgsql AS $f$
                BEGIN
                    IF nextval('${llmdb}.arrivals') = 1 THEN PERFORM pg_sleep(2); END IF;
                    RETURN NULL;
                END $f$;
                CREATE TRIGGER dawdle AFTER INSERT ON ${llmdb}."LLM_BudgetWindow" FOR EACH STATEMENT EXECUTE FUNCTION ${llmdb}.dawdle();""");
        database.clock().advance(Duration.ofDays(1));
        ExecutorService threads = Executors.newCachedThreadPool();
        try (LlmDb other = database.open();
                ChildJvm victim = ChildJvm.of(Tidier.class)
                        .arguments(database.databaseUrl(), database.schema())
                        .start()) {
            Await.until(
                    "the victim is in the midst of it",
                    SOON,
                    () -> database.value(
                                    Long.class, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                            > 0);
            Future<Integer> first = threads.submit(() -> db.budgets().tidyWindows());
            Future<Integer> second = threads.submit(() -> other.budgets().tidyWindows());
            victim.kill();
            first.get();
            second.get();
        } finally {
            threads.shutdownNow();
        }
        assertThat(db.budgets().tidyWindows()).isZero();
        assertThat(
                        database.rows(
                                "SELECT count(*) AS windows, sum(spend) AS spend, count(DISTINCT scope_id) AS keys FROM ${llmdb}.\"LLM_BudgetWindow\""))
                .singleElement()
                .satisfies(sum -> {
                    assertThat(sum.get("windows")).isEqualTo((long) keys);
                    assertThat(sum.get("keys")).isEqualTo((long) keys);
                    assertThat((BigDecimal) sum.get("spend"))
                            .isEqualByComparingTo(CENT.multiply(BigDecimal.valueOf(keys)));
                });
        assertThat(
                        database.value(
                                Long.class,
                                "SELECT count(*) FROM ${llmdb}.\"LLM_VerificationToken\" WHERE spend = 0 AND total_spend = 0.01"
                                        + " AND budget_reset_at > ${llmdb}.llmdb_now() AND spend_window_start <= ${llmdb}.llmdb_now()"))
                .isEqualTo(keys);
        db.close();
        assertThat(database.books()).agree().reserveNothing().haveNoDeadlock();
    }

    /** A process that tidies once. */
    static final class Tidier {

        private Tidier() {}

        public static void main(String[] args) {
            try (LlmDb db = LlmDb.open(LlmDbSettings.builder()
                    .connection(connection -> connection.databaseUrl(args[0]).schema(args[1]))
                    .build())) {
                db.budgets().tidyWindows();
            }
        }
    }
}
