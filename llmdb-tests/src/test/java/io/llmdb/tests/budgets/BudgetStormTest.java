package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Processes that spend on budgets of every kind at once and are killed at random. A trigger of the test's own looks at
 * each grant, inside of its transaction and under the counter's lock.
 */
@LlmDbTest
class BudgetStormTest {

    /** Spent and leased at every grant; what it finds it keeps, so that nothing is hidden by a retry. */
    private static final String WITNESS = """
            CREATE TABLE ${llmdb}.witness (what text, seen bigint DEFAULT 1);
            CREATE SEQUENCE ${llmdb}.seen;
            CREATE FUNCTION ${llmdb}.look_at_grant() RETURNS trigger LANGUAGE plpgsql AS $f$
            DECLARE
                most numeric;
                spent numeric;
                leased numeric;
            BEGIN
                PERFORM nextval('${llmdb}.seen');
                IF TG_OP = 'UPDATE' AND NEW.amount <= OLD.amount THEN RETURN NULL; END IF;
                SELECT c.max_budget, c.spend INTO most, spent FROM ${llmdb}.llmdb_counter c
                WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
                    = (NEW.scope, NEW.scope_id, NEW.parent_id, NEW.model, NEW.budget_duration);
                IF NEW.scope = 'end_user' AND most IS NULL THEN
                    SELECT max_budget INTO most FROM ${llmdb}."LLM_BudgetTable" WHERE budget_id = 'tier';
                END IF;
                most := CASE WHEN NEW.scope = 'proxy' THEN 14 WHEN NEW.model <> '' THEN 0.4 WHEN NEW.budget_duration <> '' THEN 1.5 ELSE most END;
                SELECT coalesce(sum(l.amount), 0) INTO leased FROM ${llmdb}."LLM_Lease" l
                WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
                    = (NEW.scope, NEW.scope_id, NEW.parent_id, NEW.model, NEW.budget_duration)
                  AND l.expires_at > ${llmdb}.llmdb_now() AND (l.window_end IS NULL OR l.window_end > ${llmdb}.llmdb_now());
                IF spent + leased > most THEN
                    INSERT INTO ${llmdb}.witness VALUES (format('%s %s: %s spent and %s leased of %s', NEW.scope, NEW.scope_id, spent, leased, most));
                END IF;
                RETURN NULL;
            END $f$;
            CREATE TRIGGER look_at_grant AFTER INSERT OR UPDATE ON ${llmdb}."LLM_Lease" FOR EACH ROW
                EXECUTE FUNCTION ${llmdb}.look_at_grant();""";

    /** The same at any moment, in one snapshot, bookings included. */
    private static final String OVERDRAWN = """
            SELECT scope, scope_id, model, budget_duration, c.spend, sum(l.amount) AS leased, min(c.max_budget) AS most
            FROM (
                SELECT scope, scope_id, parent_id, model, budget_duration, spend, CASE WHEN scope = 'proxy' THEN 14 WHEN model <> '' THEN 0.4
                    WHEN budget_duration <> '' THEN 1.5 WHEN scope = 'end_user' THEN 0.5 ELSE max_budget END AS max_budget
                FROM ${llmdb}.llmdb_counter WHERE budget_reset_at > ${llmdb}.llmdb_now()) c
            JOIN ${llmdb}."LLM_Lease" l USING (scope, scope_id, parent_id, model, budget_duration)
            WHERE l.expires_at > ${llmdb}.llmdb_now() AND l.window_end > ${llmdb}.llmdb_now()
            GROUP BY scope, scope_id, parent_id, model, budget_duration, c.spend HAVING c.spend + sum(l.amount) > min(c.max_budget)""";

    @Test
    void holdsUnderTwoProcessesForSeconds(TestDatabase database) throws Exception {
        storm(database, Duration.ofSeconds(8), 2, 10, 3);
    }

    @Test
    @Tag("storm")
    void holdsUnderFourProcessesForMinutes(TestDatabase database) throws Exception {
        storm(database, Duration.ofSeconds(Long.getLong("llmdb.storm.seconds", 600)), 4, 50, 10);
    }

    private static void storm(TestDatabase database, Duration time, int processes, int threads, int killEverySeconds)
            throws Exception {
        List<String> keys = prepare(database);
        SplittableRandom dice = new SplittableRandom(7);
        List<ChildJvm> children = new ArrayList<>();
        List<ChildJvm> gone = new ArrayList<>();
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService watching = Executors.newSingleThreadExecutor();
        try {
            for (int i = 0; i < processes; i++) {
                children.add(spender(database, time.toSeconds(), threads, i, keys));
            }
            Future<Integer> looks = watching.submit(() -> watch(database, over));
            long end = System.nanoTime() + time.toNanos();
            while (end - System.nanoTime()
                    > Duration.ofSeconds(killEverySeconds).toNanos()) {
                Await.until("a while has passed", Duration.ofMinutes(1), passed(Duration.ofSeconds(killEverySeconds)));
                int victim = dice.nextInt(children.size());
                children.get(victim).kill();
                gone.add(children.get(victim));
                long left =
                        Math.max(1, Duration.ofNanos(end - System.nanoTime()).toSeconds());
                children.set(victim, spender(database, left, threads, 100 + gone.size(), keys));
            }
            for (ChildJvm child : children) {
                System.out.println(child.awaitLine("done", time.plusMinutes(2)));
                assertThat(child.awaitExit(Duration.ofMinutes(1))).isZero();
            }
            over.set(true);
            int killed = gone.size();
            assertThat(killed).isPositive();
            System.out.println(killed + " killed, looked at " + looks.get() + " times");
            gone.addAll(children);
            assertThat(gone)
                    .flatMap(ChildJvm::output)
                    .as("refused though there was room")
                    .noneMatch(line -> line.startsWith("FALSE"));
        } finally {
            over.set(true);
            watching.shutdownNow();
            children.forEach(ChildJvm::close);
            gone.forEach(ChildJvm::close);
        }
        assertThat(database.rows("SELECT * FROM ${llmdb}.witness")).isEmpty();
        // What the killed ones held lapses by the database's clock.
        Await.until(
                "leases of the dead lapsed",
                Duration.ofSeconds(20),
                () -> database.value(
                                Long.class,
                                "SELECT count(*) FROM ${llmdb}.\"LLM_Lease\" WHERE amount > 0 AND expires_at > ${llmdb}.llmdb_now()")
                        == 0);
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .stayWithinLimits()
                .haveNoDeadlock()
                .haveNoDeadLetters();
        assertThat(database.rows("SELECT * FROM ${llmdb}.\"LLM_BudgetWindow\" WHERE spend >"
                        + " CASE WHEN scope = 'proxy' THEN 14 WHEN model <> '' THEN 0.4 WHEN budget_duration <> '' THEN 1.5"
                        + " WHEN scope = 'end_user' THEN 0.5 ELSE 1000000 END"))
                .isEmpty();
        System.out.println(database.count("LLM_SpendLogs") + " requests booked, " + database.count("LLM_BudgetWindow")
                + " windows over, " + grants(database) + " changes of leases looked at");
    }

    private static long grants(TestDatabase database) {
        return database.value(Long.class, "SELECT last_value FROM ${llmdb}.seen");
    }

    private static int watch(TestDatabase database, AtomicBoolean over) {
        int looks = 0;
        while (!over.get()) {
            assertThat(database.rows(OVERDRAWN)).isEmpty();
            looks++;
            LockSupport.parkNanos(50_000_000);
        }
        return looks;
    }

    private static java.util.concurrent.Callable<Boolean> passed(Duration time) {
        long until = System.nanoTime() + time.toNanos();
        return () -> System.nanoTime() - until >= 0;
    }

    private static ChildJvm spender(TestDatabase database, long seconds, int threads, long seed, List<String> keys) {
        List<Object> arguments =
                new ArrayList<>(List.of(database.databaseUrl(), database.schema(), seconds, threads, seed));
        arguments.addAll(keys);
        ChildJvm child = ChildJvm.of(Spender.class)
                .arguments(arguments.toArray())
                .jvmOptions("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .start();
        child.awaitLine("spending", Duration.ofMinutes(1));
        return child;
    }

    /** Budgets small enough to be reached again and again, on every kind of scope, and keys with more than enough. */
    private static List<String> prepare(TestDatabase database) {
        try (LlmDb db = LlmDb.open(Spender.settings(database.databaseUrl(), database.schema(), DeliveryMode.BOOKED))) {
            db.admin().budgets().create(BudgetSpec.of(BudgetTerms.of("0.5", "10s")), "tier");
            db.admin().budgets().create(BudgetSpec.of(BudgetTerms.of("3", "10s")), "tags");
            db.admin().tags().create(TagSpec.empty().withBudgetId("tags"), "tag-0");
            BudgetTerms keyTerms = BudgetTerms.of("2.5", "30s")
                    .withModelLimits(Map.of("gpt-4o", BudgetLimit.of("0.4", "5s")))
                    .withFurtherLimits(List.of(BudgetLimit.of("1.5", "10s")));
            World world = World.in(db)
                    .organization("acme", BudgetTerms.of("10", "15s"))
                    .team("research", BudgetTerms.of("4", "10s"))
                    .members(3, BudgetTerms.of("3", "20s"))
                    .keys(2, keyTerms)
                    .team("sales", BudgetTerms.of("3.5", "12s"))
                    .members(2, BudgetTerms.of("1.2", "6s"))
                    .keys(2, keyTerms)
                    .users(2, BudgetTerms.of("1", "10s"))
                    .keys(1, keyTerms)
                    .team("roomy", BudgetTerms.of("1000000", "30d"))
                    .members(1, BudgetTerms.of("1000000", "30d"))
                    .keys(2, BudgetTerms.of("1000000", "30d"))
                    .create();
            database.execute(WITNESS);
            return world.rawKeys();
        }
    }
}
