package io.llmdb.tests.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.BudgetState;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.limits.LimitKind;
import io.llmdb.limits.LimitState;
import io.llmdb.limits.LimitedCall;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Limits on one key, through the front door. The database's clock is far from the machine's, and stands. */
@LlmDbTest
class LimitsTest {

    private static final Instant NOW = Instant.parse("2031-03-04T05:06:17.250Z");
    private static final Duration SOON = Duration.ofSeconds(5);

    @BeforeEach
    void stopTheClock(DatabaseClock clock) {
        clock.freeze(NOW);
    }

    private static IssuedKey key(LlmDb db, VirtualKeySpec spec) {
        IssuedKey key = db.admin().keys().create(spec);
        db.catchUp();
        return key;
    }

    private static IssuedKey key(LlmDb db, RateLimits limits) {
        return key(db, VirtualKeySpec.empty().withRateLimits(limits));
    }

    /** A free model: no budget applies, limits do. */
    private static Call call(long tokens) {
        return Call.of("gpt-4o").withEstimate(BigDecimal.ZERO).withEstimatedTokens(tokens);
    }

    private static Admission admit(LlmDb db, IssuedKey key, long tokens) {
        return db.budgets().admit(db.authenticate(key.rawKey()), call(tokens));
    }

    private static void settle(Admission admission, long tokens) {
        admission.settle(
                admission.event().tokens(tokens, 0).cost(BigDecimal.ZERO).build());
    }

    private static RateLimitedException refusal(LlmDb db, IssuedKey key, Call call) {
        Caller caller = db.authenticate(key.rawKey());
        return catchThrowableOfType(
                RateLimitedException.class, () -> db.budgets().admit(caller, call));
    }

    @Test
    void admitsAMinutesRequestsAndTellsWhenTheNextOneBegins(LlmDb db, DatabaseClock clock) {
        IssuedKey key = key(db, new RateLimits(null, 3L, null));
        for (int i = 0; i < 3; i++) {
            settle(admit(db, key, 0), 5);
        }

        RateLimitedException refusal = refusal(db, key, call(0));
        assertThat(refusal.counter())
                .isEqualTo(CounterId.of(Scope.KEY, key.key().hash()));
        assertThat(refusal.kind()).isEqualTo(LimitKind.REQUESTS);
        assertThat(refusal.limit()).isEqualTo(3);
        assertThat(refusal.used()).isEqualTo(3);
        assertThat(refusal.requested()).isEqualTo(1);
        assertThat(refusal.state().resetAt()).isEqualTo("2031-03-04T05:07:00Z");
        assertThat(refusal.retryAfter()).isEqualTo(Duration.parse("PT42.75S"));
        assertThat(refusal.retryAfterSeconds()).isEqualTo(43);
        assertThat(refusal)
                .hasMessage("The limit of 3 requests per minute of key \""
                        + key.key().hash() + "\" has no room for 1 more: used 3, retry after 43 s");

        clock.freeze(NOW.plusSeconds(42));
        db.catchUp();
        assertThat(refusal(db, key, call(0)).retryAfterSeconds()).isEqualTo(1);
        clock.freeze(NOW.plusSeconds(43));
        db.catchUp();
        settle(admit(db, key, 0), 5);
    }

    @Test
    void aRequestThatNeverCameAboutIsNotCounted(LlmDb db) {
        IssuedKey key = key(db, new RateLimits(100L, 2L, 1L));
        for (int i = 0; i < 5; i++) {
            admit(db, key, 60).release();
        }
        settle(admit(db, key, 60), 60);
        settle(admit(db, key, 40), 40);
        assertThat(refusal(db, key, call(0)).used()).isEqualTo(2);
    }

    @Test
    void tokensAreReservedByEstimateAndCorrected(LlmDb db, DatabaseClock clock) {
        IssuedKey key = key(db, new RateLimits(1000L, null, null));
        Admission one = admit(db, key, 600);
        RateLimitedException refusal = refusal(db, key, call(500));
        assertThat(refusal.kind()).isEqualTo(LimitKind.TOKENS);
        assertThat(refusal.used()).isEqualTo(600);
        assertThat(refusal.requested()).isEqualTo(500);

        settle(one, 100);
        Admission two = admit(db, key, 900);
        assertThat(refusal(db, key, call(0))).isNotNull();

        // More than estimated passes the limit, counts, and blocks what comes next.
        settle(two, 1500);
        assertThat(refusal(db, key, call(1)).used()).isEqualTo(1600);

        // One that becomes known in the next minute counts there.
        clock.freeze(NOW.plusSeconds(60));
        db.catchUp();
        Admission three = admit(db, key, 1);
        clock.freeze(NOW.plusSeconds(120));
        db.catchUp();
        settle(three, 400);
        assertThat(refusal(db, key, call(602)).used()).isEqualTo(399);
        settle(admit(db, key, 601), 601);
    }

    @Test
    void aRequestLargerThanTheLimitIsToldThatWaitingIsNoUse(LlmDb db) {
        IssuedKey key = key(db, new RateLimits(1000L, null, null));
        RateLimitedException refusal = refusal(db, key, call(1001));
        assertThat(refusal.retryAfter()).isNull();
        assertThat(refusal.retryAfterSeconds()).isNull();
        assertThat(refusal).hasMessageContaining("a request of this size never fits");
        settle(admit(db, key, 1000), 1000);
    }

    @Test
    void slotsAreFreedByTheEndOfARequest(LlmDb db) {
        IssuedKey key = key(db, new RateLimits(null, null, 2L));
        Admission one = admit(db, key, 0);
        Admission two = admit(db, key, 0);
        RateLimitedException refusal = refusal(db, key, call(0));
        assertThat(refusal.kind()).isEqualTo(LimitKind.PARALLEL);
        assertThat(refusal.used()).isEqualTo(2);
        assertThat(refusal.retryAfter()).isEqualTo(Duration.ofSeconds(1));

        settle(one, 1);
        one = admit(db, key, 0);
        assertThat(refusal(db, key, call(0))).isNotNull();
        two.release();
        two = admit(db, key, 0);
        one.close();
        two.close();
        two.close();
        assertThat(db.limits().standing(CounterId.of(Scope.KEY, key.key().hash())))
                .extracting(LimitState::kind, LimitState::limit)
                .containsExactly(tuple(LimitKind.PARALLEL, 2L));
    }

    @Test
    void aModelMayHaveLimitsOfItsOwn(LlmDb db) {
        IssuedKey key = key(
                db,
                VirtualKeySpec.empty()
                        .withMetadata(Map.of(
                                "model_rpm_limit", Map.of("gpt-4o", 1), "model_tpm_limit", Map.of("claude", 10))));
        settle(admit(db, key, 0), 1);
        RateLimitedException refusal = refusal(db, key, call(0));
        assertThat(refusal.counter())
                .isEqualTo(CounterId.of(Scope.KEY, key.key().hash()).forModel("gpt-4o", ""));
        // By its name as sent, then without the provider.
        assertThat(refusal(db, key, Call.of("openai/gpt-4o").withEstimate(BigDecimal.ZERO)))
                .isNotNull();
        assertThat(refusal(
                        db, key, Call.of("claude").withEstimate(BigDecimal.ZERO).withEstimatedTokens(11)))
                .hasMessageContaining("tokens per minute");
        assertThat(refusal(db, key, Call.of("other").withEstimate(BigDecimal.ZERO)))
                .isNull();
    }

    @Test
    void budgetsAndLimitsReserveTogetherOrNotAtAll(LlmDb db) {
        IssuedKey key = key(
                db,
                VirtualKeySpec.empty().withBudget(BudgetTerms.of("1")).withRateLimits(new RateLimits(null, 2L, 2L)));
        Caller caller = db.authenticate(key.rawKey());
        Call dear = Call.of("gpt-4o").withEstimate(new BigDecimal("1.5"));
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(() -> db.budgets().admit(caller, dear)).isInstanceOf(BudgetExceededException.class);
        }
        Call half = Call.of("gpt-4o").withEstimate(new BigDecimal("0.5"));
        Admission one = db.budgets().admit(caller, half);
        settle(one, 1);
        settle(db.budgets().admit(caller, half), 1);
        BudgetState before = db.budgets().dryRun(caller, half).get(0);
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(() -> db.budgets().admit(caller, half)).isInstanceOf(RateLimitedException.class);
        }
        assertThat(db.budgets().dryRun(caller, half)).containsExactly(before);
        assertThat(db.budgets().openAdmissions()).isZero();
    }

    @Test
    void administratorsSeeThePresentUse(LlmDb db) {
        IssuedKey key = key(db, new RateLimits(1000L, 10L, 4L));
        Caller caller = db.authenticate(key.rawKey());
        LimitedCall call = new LimitedCall("gpt-4o", 100, "", List.of());
        assertThat(db.limits().dryRun(caller, call))
                .extracting(LimitState::kind, LimitState::limit, LimitState::used)
                .containsExactly(
                        tuple(LimitKind.REQUESTS, 10L, 0L),
                        tuple(LimitKind.TOKENS, 1000L, 0L),
                        tuple(LimitKind.PARALLEL, 4L, 0L));
        try (Admission one = admit(db, key, 100)) {
            assertThat(db.limits().standing(CounterId.of(Scope.KEY, key.key().hash())))
                    .allSatisfy(state -> assertThat(state.used() + state.held()).isLessThanOrEqualTo(state.limit()))
                    .extracting(LimitState::kind, LimitState::used)
                    .contains(
                            tuple(LimitKind.REQUESTS, 1L),
                            tuple(LimitKind.TOKENS, 100L),
                            tuple(LimitKind.PARALLEL, 1L));
            assertThat(db.limits().dryRun(caller, call)).hasSize(3);
        }
    }

    @Test
    void aChangedLimitHoldsOnOtherInstancesSoon(LlmDb db, TestDatabase database) {
        IssuedKey key = key(db, new RateLimits(null, 100L, null));
        try (LlmDb other = database.open()) {
            settle(admit(other, key, 0), 1);
            db.admin().keys().update(key.key().hash(), spec -> spec.withRateLimits(new RateLimits(null, 1L, null)));
            long changed = System.nanoTime();
            Await.until("the lower limit holds", SOON, () -> refusal(other, key, call(0)) != null);
            // Within a second where the machine is not busy; the storm of ChangesHoldEverywhereTest holds that.
            assertThat(Duration.ofNanos(System.nanoTime() - changed)).isLessThan(Duration.ofSeconds(5));
        }
    }

    @Test
    void fourInstancesAdmitExactlyWhatTheLimitSays(LlmDb db, TestDatabase database) throws Exception {
        IssuedKey key = key(db, new RateLimits(100_000L, 200L, null));
        List<LlmDb> instances = new ArrayList<>();
        AtomicInteger admitted = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try {
            for (int i = 0; i < 4; i++) {
                instances.add(database.open());
            }
            List<Future<?>> callers = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                LlmDb instance = instances.get(i % 4);
                callers.add(threads.submit(() -> {
                    while (true) {
                        try (Admission admission = admit(instance, key, 10)) {
                            admitted.incrementAndGet();
                            settle(admission, 10);
                        } catch (RateLimitedException e) {
                            assertThat(e.used()).isBetween(1L, 200L);
                            return;
                        }
                    }
                }));
            }
            for (Future<?> future : callers) {
                future.get();
            }
        } finally {
            threads.shutdownNow();
            instances.forEach(LlmDb::close);
        }
        assertThat(admitted).hasValue(200);
        assertThat(database.deadlocks()).isZero();
    }
}
