package io.llmdb.tests.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Job;
import io.llmdb.internal.JobMetrics;
import io.llmdb.internal.JobRunner;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Work that one instance does for all. */
@LlmDbTest
class JobRunnerTest {

    private static final Duration POLL = Duration.ofMillis(20);
    private static final Duration CLAIM = Duration.ofSeconds(30);

    private static JobRunner runner(TestDatabase database, Duration claim) {
        return runner(database, claim, POLL);
    }

    private static JobRunner runner(TestDatabase database, Duration claim, Duration poll) {
        return database.closeAtEnd(new JobRunner(new Db(database.dataSource(), database.schema()), poll, claim));
    }

    private static void await(String what, Callable<Boolean> condition) {
        Await.until(what, Duration.ofSeconds(30), condition);
    }

    private static JobMetrics metrics(JobRunner runner, String name) {
        return runner.metrics().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void oneInstanceDoesItAndAgainWhenItIsDue(TestDatabase database) {
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger atOnce = new AtomicInteger();
        AtomicBoolean overlapped = new AtomicBoolean();
        for (int i = 0; i < 4; i++) {
            JobRunner runner = runner(database, CLAIM, Duration.ofMillis(2));
            runner.add(Job.every("tidy", Duration.ofHours(1), run -> {
                overlapped.compareAndSet(false, atOnce.incrementAndGet() > 1);
                Thread.sleep(10);
                atOnce.decrementAndGet();
                runs.incrementAndGet();
            }));
            runner.start();
        }
        // So many, because a claim that reads the clock twice lapses only where the clock is moved just then.
        for (int round = 1; round <= 20; round++) {
            int expected = round;
            await("round " + round, () -> runs.get() == expected && idle(database, "tidy"));
            database.clock().advance(Duration.ofMinutes(61));
        }

        assertThat(overlapped).isFalse();
    }

    private static boolean idle(TestDatabase database, String name) {
        return database.value(
                Boolean.class,
                "SELECT claimed_by IS NULL AND last_run_at IS NOT NULL FROM ${llmdb}.\"LLM_Job\" WHERE job_name = ?",
                name);
    }

    @Test
    void theClaimOfAKilledInstanceLapses(TestDatabase database) {
        database.execute(
                "INSERT INTO ${llmdb}.\"LLM_Job\" (job_name, claimed_by, claimed_until)"
                        + " VALUES ('tidy', ?, ${llmdb}.llmdb_now() + interval '20 minutes')",
                UUID.randomUUID());
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger others = new AtomicInteger();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("tidy", Duration.ofHours(1), run -> runs.incrementAndGet()));
        runner.add(Job.every("other", Duration.ofMillis(10), run -> others.incrementAndGet()));
        runner.start();
        await("others go on", () -> others.get() > 3);

        assertThat(runs).hasValue(0);
        assertThat(runner.runNow("tidy")).isFalse();
        database.clock().advance(Duration.ofMinutes(21));
        await("the claim lapsed", () -> runs.get() == 1);
    }

    @Test
    void aFailureIsKeptAndStopsNoOther(TestDatabase database) {
        AtomicInteger others = new AtomicInteger();
        AtomicBoolean mended = new AtomicBoolean();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("broken", Duration.ofDays(1), run -> {
            if (!mended.get()) {
                throw new IllegalStateException("the disk is full");
            }
        }));
        runner.add(Job.every("other", Duration.ofMillis(10), run -> others.incrementAndGet()));
        runner.start();

        await("a failure", () -> metrics(runner, "broken").failures() == 1 && others.get() > 3);
        await("the end is noted", () -> idle(database, "broken"));
        assertThat(database.value(
                        String.class, "SELECT last_error FROM ${llmdb}.\"LLM_Job\" WHERE job_name = 'broken'"))
                .contains("the disk is full");

        mended.set(true);
        database.clock().advance(Duration.ofSeconds(61));
        await("tried again within a minute", () -> metrics(runner, "broken").runs() == 1);
        await(
                "the error is gone",
                () -> database.value(
                        Boolean.class,
                        "SELECT last_error IS NULL FROM ${llmdb}.\"LLM_Job\" WHERE job_name = 'broken'"));
    }

    @Test
    void aClaimIsKeptForAsLongAsTheWorkTakes(TestDatabase database) {
        Duration claim = Duration.ofSeconds(3);
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger runs = new AtomicInteger();
        for (int i = 0; i < 2; i++) {
            JobRunner runner = runner(database, claim);
            runner.add(Job.every("long", Duration.ofHours(1), run -> {
                runs.incrementAndGet();
                end.await();
            }));
            runner.start();
        }
        await("it runs", () -> runs.get() == 1);
        database.execute("CREATE TABLE seen AS SELECT claimed_until FROM ${llmdb}.\"LLM_Job\"");
        await(
                "the claim was put off",
                () -> database.value(
                        Boolean.class,
                        "SELECT j.claimed_until > s.claimed_until + interval '3.5 seconds' FROM ${llmdb}.\"LLM_Job\" j, seen s"));

        assertThat(runs).hasValue(1);
        end.countDown();
    }

    @Test
    void aRunThatLostItsClaimIsToldToStop(TestDatabase database) {
        Set<String> told = ConcurrentHashMap.newKeySet();
        AtomicBoolean begun = new AtomicBoolean();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("long", Duration.ofHours(1), run -> {
            begun.set(true);
            while (run.mayGoOn()) {
                Thread.onSpinWait();
            }
            told.add("stop");
        }));
        runner.start();
        await("it runs", begun::get);
        database.execute("UPDATE ${llmdb}.\"LLM_Job\" SET claimed_by = ?", UUID.randomUUID());

        await("told", () -> told.contains("stop"));
        assertThat(metrics(runner, "long").lostClaims()).isEqualTo(1);
    }

    @Test
    void closingStopsWorkBetweenItsStepsAndLeavesTheRestToOthers(TestDatabase database) {
        AtomicBoolean begun = new AtomicBoolean();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("long", Duration.ofDays(1), run -> {
            begun.set(true);
            while (run.mayGoOn()) {
                Thread.onSpinWait();
            }
        }));
        runner.start();
        await("it runs", begun::get);
        runner.close();

        assertThat(database.value(
                        Boolean.class,
                        "SELECT claimed_by IS NULL AND next_run_at <= ${llmdb}.llmdb_now() FROM ${llmdb}.\"LLM_Job\""))
                .isTrue();
    }

    @Test
    void aShorterPauseHoldsAtOnce(TestDatabase database) {
        database.execute("INSERT INTO ${llmdb}.\"LLM_Job\" (job_name, next_run_at, last_run_at) VALUES ('tidy',"
                + " ${llmdb}.llmdb_now() + interval '20 hours', ${llmdb}.llmdb_now() - interval '4 hours')");
        AtomicInteger runs = new AtomicInteger();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("tidy", Duration.ofHours(1), run -> runs.incrementAndGet()));
        runner.start();

        await("it runs", () -> runs.get() == 1);
    }

    @Test
    void onRequestOnlyItLooksForNothingAndKeepsItsClaim(TestDatabase database) throws Exception {
        database.execute("INSERT INTO ${llmdb}.\"LLM_Job\" (job_name) VALUES ('tidy')");
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger runs = new AtomicInteger();
        JobRunner runner = runner(database, Duration.ofMillis(600));
        runner.add(Job.every("tidy", Duration.ofHours(1), run -> runs.incrementAndGet()));
        runner.add(Job.every("long", Duration.ofHours(1), run -> end.await()));
        runner.startOnRequestOnly();
        CompletableFuture<Boolean> asked =
                CompletableFuture.supplyAsync(() -> runner.runNow("long"), task -> new Thread(task).start());
        await("it runs", () -> metrics(runner, "long").running());
        database.execute("CREATE TABLE seen AS SELECT claimed_until FROM ${llmdb}.\"LLM_Job\" WHERE job_name = 'long'");
        await(
                "the claim was put off",
                () -> database.value(
                        Boolean.class,
                        "SELECT j.claimed_until > s.claimed_until + interval '1 second' FROM ${llmdb}.\"LLM_Job\" j, seen s"
                                + " WHERE j.job_name = 'long'"));
        end.countDown();

        assertThat(asked.get(30, TimeUnit.SECONDS)).isTrue();
        assertThat(metrics(runner, "long").lostClaims()).isZero();
        assertThat(runs).hasValue(0);
    }

    @Test
    void runsOnRequest(TestDatabase database) {
        AtomicInteger runs = new AtomicInteger();
        JobRunner runner = runner(database, CLAIM);
        runner.add(Job.every("tidy", Duration.ofHours(1), run -> runs.incrementAndGet()));
        runner.add(Job.every("broken", Duration.ofHours(1), run -> {
            throw new IllegalStateException("no");
        }));

        assertThat(runner.runNow("tidy")).isTrue();
        assertThat(runner.runNow("tidy")).isTrue();
        assertThat(runs).hasValue(2);
        assertThatThrownBy(() -> runner.runNow("broken")).hasMessage("no");
        assertThatThrownBy(() -> runner.runNow("other")).isInstanceOf(InvalidArgumentException.class);
    }
}
