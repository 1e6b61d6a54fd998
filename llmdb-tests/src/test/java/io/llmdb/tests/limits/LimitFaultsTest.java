package io.llmdb.tests.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.RateLimits;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Limits while processes die and the database goes away. */
@LlmDbTest
class LimitFaultsTest {

    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Call CALL =
            Call.of("gpt-4o").withEstimate(BigDecimal.ZERO).withEstimatedTokens(10);

    private static IssuedKey key(LlmDb db, RateLimits limits) {
        IssuedKey key = db.admin().keys().create(VirtualKeySpec.empty().withRateLimits(limits));
        db.catchUp();
        return key;
    }

    private static ChildJvm child(TestDatabase database, IssuedKey key, int threads, boolean ends) {
        return ChildJvm.of(LimitCaller.class)
                .arguments(database.databaseUrl(), database.schema(), key.rawKey(), threads, ends)
                .jvmOptions("-Xmx128m")
                .start();
    }

    private static long admissions(ChildJvm child) {
        return child.output().stream()
                .filter(line -> line.startsWith("admitted"))
                .count();
    }

    /** As behind a lock, when its asker has given it up and asked anew. */
    @Test
    void aQuestionThatArrivesLateChangesNothing(TestDatabase database) {
        UUID holder = UUID.randomUUID();
        assertThat(granted(database, holder, 2, 10, 65)).isEqualTo(65);
        granted(database, holder, 1, 10, 0);

        assertThat(database.value(Long.class, "SELECT amount FROM ${llmdb}.\"LLM_LimitLease\""))
                .isEqualTo(75);
        granted(database, holder, 3, 70, 0);
        assertThat(database.value(Long.class, "SELECT amount FROM ${llmdb}.\"LLM_LimitLease\""))
                .isEqualTo(70);
    }

    private static Long granted(TestDatabase database, UUID holder, long turn, long kept, long need) {
        return database.value(Long.class, """
                SELECT granted FROM ${llmdb}.llmdb_limit(?, 30, ?, ARRAY['key'], ARRAY['k'], ARRAY[''], ARRAY[''], ARRAY['parallel'],
                    ARRAY[0::bigint], ARRAY[?::bigint], ARRAY[0::bigint], ARRAY[0::bigint], ARRAY[?::bigint], ARRAY[0::bigint],
                    ARRAY[100::bigint])""", holder, turn, kept, need);
    }

    @Test
    void slotsOfAKilledInstanceAreFreeAfterTheLeaseTime(LlmDb db, TestDatabase database) {
        IssuedKey key = key(db, new RateLimits(null, null, 3L));
        Caller caller = db.authenticate(key.rawKey());
        try (ChildJvm child = child(database, key, 3, false)) {
            child.awaitLine("refused", LONG);
            // The line of a call that is refused may come before that of one that was admitted.
            Await.until("all slots are taken", LONG, () -> admissions(child) == 3);
            assertThatThrownBy(() -> db.budgets().admit(caller, CALL)).isInstanceOf(RateLimitedException.class);
            child.kill();
            long killed = System.nanoTime();
            List<Admission> admitted = new ArrayList<>();
            Await.until("its slots are free", LONG, () -> {
                admitted.add(db.budgets().admit(caller, CALL));
                return admitted.size() == 3;
            });
            // Three seconds of lease, and at most a second for what was last renewed, asked or believed; the rest is
            // for a machine that is busy, and less than the thirty seconds of whoever says nothing else.
            assertThat(Duration.ofNanos(System.nanoTime() - killed)).isLessThan(Duration.ofSeconds(20));
            assertThatThrownBy(() -> db.budgets().admit(caller, CALL)).isInstanceOf(RateLimitedException.class);
            admitted.forEach(Admission::release);
        }
    }

    @Test
    void processesThatAreKilledDoNotRaiseTheLimit(LlmDb db, TestDatabase database, DatabaseClock clock) {
        clock.freeze(Instant.parse("2031-03-04T05:06:17Z"));
        int limit = 300;
        IssuedKey key = key(db, new RateLimits(null, (long) limit, null));
        List<ChildJvm> children = new ArrayList<>();
        try {
            for (int i = 0; i < 3; i++) {
                children.add(child(database, key, 4, true));
            }
            children.get(0).awaitLine("admitted", LONG);
            children.get(0).kill();
            for (ChildJvm child : children.subList(1, 3)) {
                child.awaitLine("refused", LONG);
            }
            // Whatever anybody holds idle is handed back and used, except what died with the one that was killed.
            Await.until(
                    "all of it is used",
                    LONG,
                    () -> database.value(
                                    Long.class,
                                    "SELECT sum(amount)::bigint FROM ${llmdb}.\"LLM_LimitLease\" WHERE kind = 'requests'")
                            == limit);
            assertThat(children.stream().mapToLong(LimitFaultsTest::admissions).sum())
                    .isBetween(1L, (long) limit);
        } finally {
            children.forEach(ChildJvm::close);
        }
        assertThat(database.deadlocks()).isZero();
    }

    /** Four processes of 16 threads for four minutes, killed at random and started again. */
    @Test
    @Tag("storm")
    void noMinuteOfAStormAdmitsMoreThanTheLimit(LlmDb db, TestDatabase database) throws Exception {
        int limit = 2000;
        IssuedKey key = key(db, new RateLimits(15_000L, (long) limit, 40L));
        SplittableRandom random = new SplittableRandom(1);
        List<ChildJvm> all = new ArrayList<>();
        List<ChildJvm> running = new ArrayList<>();
        try {
            long end = System.nanoTime() + Duration.ofMinutes(4).toNanos();
            while (System.nanoTime() < end) {
                while (running.size() < 4) {
                    ChildJvm child = child(database, key, 16, true);
                    all.add(child);
                    running.add(child);
                }
                Thread.sleep(5000 + random.nextInt(10_000));
                running.remove(random.nextInt(running.size())).kill();
            }
        } finally {
            all.forEach(ChildJvm::close);
        }
        Map<Instant, Integer> perMinute = new HashMap<>();
        for (ChildJvm child : all) {
            for (String line : child.output()) {
                if (line.startsWith("admitted ")) {
                    Instant start = Instant.parse(line.substring(9));
                    // The start is taken a moment after the admission, which may be in the next minute.
                    if (start.get(java.time.temporal.ChronoField.MILLI_OF_SECOND) >= 100
                            || start.atOffset(java.time.ZoneOffset.UTC).getSecond() > 0) {
                        perMinute.merge(start.truncatedTo(ChronoUnit.MINUTES), 1, Integer::sum);
                    }
                }
            }
        }
        assertThat(perMinute.values()).anySatisfy(count -> assertThat(count).isGreaterThan(limit / 4));
        assertThat(perMinute.values()).allSatisfy(count -> assertThat(count).isLessThanOrEqualTo(limit));
        assertThat(database.deadlocks()).isZero();
    }

    @Test
    void withoutTheDatabaseItIsAsTheSettingsSay(TestDatabase database, TcpProxy proxy) {
        LlmDbSettings.Builder settings = LlmDbSettings.builder()
                .environment(Map.of())
                .connection(connection -> connection
                        .databaseUrl(proxy.databaseUrl())
                        .schema(database.schema())
                        .poolLimit(3)
                        .connectionTimeout(Duration.ofSeconds(1)));
        try (LlmDb db = LlmDb.open(settings.build())) {
            Caller caller =
                    db.authenticate(key(db, new RateLimits(null, 1L, null)).rawKey());
            db.budgets().admit(caller, CALL);
            Await.until("the limit is known to be used up", LONG, () -> {
                try {
                    db.budgets().admit(caller, CALL);
                    return false;
                } catch (RateLimitedException e) {
                    return true;
                }
            });
            proxy.refuseNew();
            proxy.cutAll();
            // What is known from a moment ago may still be told; then nothing is known.
            Await.until("the database is missed", LONG, () -> {
                try {
                    db.budgets().admit(caller, CALL);
                    return false;
                } catch (DatabaseUnavailableException e) {
                    return true;
                } catch (RateLimitedException e) {
                    return false;
                }
            });
            assertThat(db.budgets().admit(caller, CALL, true).isReserved()).isFalse();
            proxy.heal();
            Await.until("the limit holds again", Duration.ofSeconds(10), () -> {
                try {
                    db.budgets().admit(caller, CALL).release();
                    return true;
                } catch (RateLimitedException e) {
                    return true;
                } catch (DatabaseUnavailableException e) {
                    return false;
                }
            });
        }
    }
}
