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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Processes that spend on budgets of every kind at once and are killed at random. A trigger of the test's own looks at
 * each grant, inside of its transaction and under the counter's lock.
 */
@LlmDbTest
@org.junit.jupiter.api.Tag("storm")
class BudgetStormTest {

    /** Spent and leased at every grant; what it finds it keeps, so that nothing is hidden by a retry. */
    private static final String WITNESS = """
            CREATE TABLE ${llmdb}.witness (what text, seen bigint DEFAULT 1);
            CREATE FUNCTION ${llmdb}.look_at_grant() RETURNS trigger LANGUAGE plpgsql AS $f$
            DECLARE
                most numeric;
                spent numeric;
                leased numeric;
            BEGIN
                IF TG_OP = 'UPDATE' AND NEW.amount <= OLD.amount THEN RETURN NULL; END IF;
                SELECT c.max_budget, c.spend INTO most, spent FROM ${llmdb}.llmdb_counter c
                WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
                    = (NEW.scope, NEW.scope_id, NEW.parent_id, NEW.model, NEW.budget_duration);
                IF NEW.scope = 'end_user' AND most IS NULL THEN
                    SELECT max_budget INTO most FROM ${llmdb}."LLM_BudgetTable" WHERE budget_id = 'tier';
                END IF;
                IF NEW.model <> '' THEN most := 4; ELSIF NEW.budget_duration <> '' THEN most := 6; END IF;
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

    @Test
    void holdsUnderTwoProcessesForSeconds(TestDatabase database) {
        storm(database, Duration.ofSeconds(12), 2, 10, 5);
    }

    @Test
    @Tag("storm")
    void holdsUnderFourProcessesForMinutes(TestDatabase database) {
        storm(database, Duration.ofSeconds(Long.getLong("llmdb.storm.seconds", 600)), 4, 50, 10);
    }

    private static void storm(TestDatabase database, Duration time, int processes, int threads, int killEverySeconds) {
        List<String> keys = prepare(database);
        SplittableRandom dice = new SplittableRandom(7);
        List<ChildJvm> children = new ArrayList<>();
        int killed = 0;
        try {
            for (int i = 0; i < processes; i++) {
                children.add(spender(database, time.toSeconds(), threads, i, keys));
            }
            long end = System.nanoTime() + time.toNanos();
            while (end - System.nanoTime()
                    > Duration.ofSeconds(killEverySeconds).toNanos()) {
                Await.until("a while has passed", Duration.ofMinutes(1), passed(Duration.ofSeconds(killEverySeconds)));
                int victim = dice.nextInt(children.size());
                children.get(victim).kill();
                children.get(victim).close();
                killed++;
                long left =
                        Math.max(1, Duration.ofNanos(end - System.nanoTime()).toSeconds());
                children.set(victim, spender(database, left, threads, 100 + killed, keys));
            }
            for (ChildJvm child : children) {
                String done = child.awaitLine("done", time.plusMinutes(2));
                System.out.println(done);
                assertThat(child.awaitExit(Duration.ofMinutes(1))).isZero();
            }
        } finally {
            children.forEach(ChildJvm::close);
        }
        assertThat(killed).isPositive();
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
        System.out.println(killed + " killed, " + database.count("LLM_SpendLogs") + " requests booked");
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

    /** Budgets small enough to be reached, on every kind of scope. */
    private static List<String> prepare(TestDatabase database) {
        try (LlmDb db =
                LlmDb.open(Spender.settings(database.databaseUrl(), database.schema(), DeliveryMode.SYNCHRONOUS))) {
            db.admin().budgets().create(BudgetSpec.of(BudgetTerms.of("2.5", "1d")), "tier");
            db.admin().budgets().create(BudgetSpec.of(BudgetTerms.of("30")), "tags");
            db.admin().tags().create(TagSpec.empty().withBudgetId("tags"), "tag-0");
            BudgetTerms keyTerms = BudgetTerms.of("9", "1d")
                    .withModelLimits(Map.of("gpt-4o", BudgetLimit.of("4", "1h")))
                    .withFurtherLimits(List.of(BudgetLimit.of("6", "1h")));
            World world = World.in(db)
                    .organization("acme", BudgetTerms.of("70", "1mo"))
                    .team("research", BudgetTerms.of("40", "1d"))
                    .members(3, BudgetTerms.of("15", "1d"))
                    .keys(2, keyTerms)
                    .team("sales", BudgetTerms.of("25"))
                    .members(2, BudgetTerms.of("12"))
                    .keys(2, keyTerms)
                    .users(2, BudgetTerms.of("8", "7d"))
                    .keys(1, keyTerms)
                    .create();
            database.execute(WITNESS);
            return world.rawKeys();
        }
    }
}
