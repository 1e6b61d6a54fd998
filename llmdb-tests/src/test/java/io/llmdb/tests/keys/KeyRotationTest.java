package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.identity.TeamSpec;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyHash;
import io.llmdb.keys.KeyRepository;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.Verification;
import java.math.BigDecimal;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Rotation: the key stays what it is, also to calls that are under way. */
@LlmDbTest
class KeyRotationTest {

    private static final BigDecimal MOST = new BigDecimal("0.60");

    @Test
    void allOldKeysWorkUntilTheirOwnEnd(LlmDb db, TestDatabase database) {
        IssuedKey first = db.admin().keys().create(VirtualKeySpec.of("k"));
        IssuedKey second = db.admin().keys().rotate(first.key().hash(), Duration.ofHours(1));
        database.clock().advance(Duration.ofMinutes(30));
        IssuedKey third = db.admin().keys().rotate(second.key().hash(), Duration.ofHours(1));
        db.catchUp();
        for (IssuedKey key : List.of(first, second, third)) {
            assertThat(db.authenticate(key.rawKey()).key().hash())
                    .isEqualTo(third.key().hash());
        }

        database.clock().advance(Duration.ofMinutes(31));
        db.catchUp();
        assertThatThrownBy(() -> db.authenticate(first.rawKey())).isInstanceOf(UnknownKeyException.class);
        assertThat(db.authenticate(second.rawKey()).key().rotationCount()).isEqualTo(2);

        database.clock().advance(Duration.ofMinutes(30));
        db.catchUp();
        assertThatThrownBy(() -> db.authenticate(second.rawKey())).isInstanceOf(UnknownKeyException.class);
        assertThat(db.authenticate(third.rawKey()).key().spec().alias()).isEqualTo("k");
        assertThat(database.rows(
                        "SELECT token FROM ${llmdb}.\"LLM_DeletedVerificationToken\" WHERE reason = 'rotated'"))
                .hasSize(2);
    }

    @Test
    void callsThatAreUnderWayCountOnTheKey(LlmDb db, TestDatabase database) {
        IssuedKey old = db.admin().keys().create(VirtualKeySpec.of("k").withBudget(budget()));
        db.catchUp();
        Caller caller = db.authenticate(old.rawKey());
        pay(db, caller, "0.25");
        Admission underWay = db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(new BigDecimal("0.10")));
        Admission released = db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(new BigDecimal("0.05")));

        IssuedKey renewed = db.admin().keys().rotate(old.key().hash(), Duration.ofHours(1));
        // Not yet known to the cache, and then known.
        pay(db, caller, "0.02");
        db.catchUp();
        pay(db, db.authenticate(old.rawKey()), "0.03");
        pay(db, db.authenticate(renewed.rawKey()), "0.04");
        SpendEvent event = underWay.event().cost(new BigDecimal("0.10")).build();
        underWay.settle(event);
        released.release();
        // Again, as after a lost answer.
        db.spend().record(event);
        db.close();

        assertThat(database.value(
                        BigDecimal.class,
                        "SELECT spend FROM ${llmdb}.\"LLM_VerificationToken\" WHERE token = ?",
                        renewed.key().hash()))
                .isEqualByComparingTo("0.44");
        Verification verification = database.open().usage().verify();
        assertThat(verification.agrees()).as(verification.toString()).isTrue();
        assertThat(database.books()).reserveNothing().haveNoDeadLetters().haveRequests(5);
    }

    @Test
    void theBudgetHoldsOverARotation(LlmDb db, TestDatabase database) {
        IssuedKey old = db.admin().keys().create(VirtualKeySpec.of("k").withBudget(budget()));
        db.catchUp();
        Admission underWay = db.budgets()
                .admit(db.authenticate(old.rawKey()), Call.of("gpt-4o").withEstimate(MOST));
        IssuedKey renewed = db.admin().keys().rotate(old.key().hash(), Duration.ZERO);
        db.catchUp();
        Caller caller = db.authenticate(renewed.rawKey());

        assertThatThrownBy(() -> db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(MOST)))
                .isInstanceOf(BudgetExceededException.class);
        underWay.release();
        Admission now = db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(MOST));
        now.settle(now.event().cost(MOST).build());
        db.close();

        assertThat(database.books()).agree().stayWithinLimits().haveSpend(MOST);
    }

    @Test
    void aWindowThatEndsAfterARotationIsMovedOnForWhoeverComesWithTheOldHash(LlmDb db, TestDatabase database) {
        IssuedKey old = db.admin().keys().create(VirtualKeySpec.of("k").withBudget(budget()));
        db.catchUp();
        Caller before = db.authenticate(old.rawKey());
        pay(db, before, "0.30");
        IssuedKey renewed = db.admin().keys().rotate(old.key().hash(), Duration.ZERO);
        database.clock().advance(Duration.ofDays(1));
        db.catchUp();

        pay(db, before, "0.40");
        pay(db, db.authenticate(renewed.rawKey()), "0.60");
        assertThatThrownBy(() -> pay(db, before, "0.01")).isInstanceOf(BudgetExceededException.class);
        db.close();

        assertThat(database.value(
                        Long.class,
                        "SELECT count(*) FROM ${llmdb}.\"LLM_SpendCounter\" WHERE scope_id = ?",
                        old.key().hash()))
                .isZero();
        assertThat(database.books()).agree().stayWithinLimits().haveRequests(3);
    }

    @Test
    void whatADeletedKeyHadReservedIsGone(LlmDb db, TestDatabase database) {
        IssuedKey key = db.admin().keys().create(VirtualKeySpec.of("k").withBudget(budget()));
        db.catchUp();
        pay(db, db.authenticate(key.rawKey()), "0.30");
        assertThat(leases(database, key)).isPositive();

        db.admin().keys().delete(key.key().hash());

        Await.until("nothing is leased for it", Duration.ofSeconds(60), () -> leases(database, key) == 0);
    }

    private static long leases(TestDatabase database, IssuedKey key) {
        return database.value(
                Long.class,
                "SELECT count(*) FROM ${llmdb}.\"LLM_Lease\" WHERE scope_id = ?",
                key.key().hash());
    }

    /** Each sees the other's row only once it has written its own. */
    @Test
    void aKeyThatIsBeingReplacedOrMadeCannotBeMadeOnceMore(LlmDb db, TestDatabase database) throws Exception {
        String wanted = "sk-wanted-by-several";
        IssuedKey first = db.admin().keys().create(VirtualKeySpec.of("first"));
        IssuedKey second = db.admin().keys().create(VirtualKeySpec.of("second"));

        isRefusedOnceTheOtherHasCommitted(
                database,
                db,
                other -> other.rotate(first.key().hash(), Duration.ZERO, wanted),
                keys -> keys.rotate(second.key().hash(), Duration.ZERO, wanted));
        isRefusedOnceTheOtherHasCommitted(
                database,
                db,
                other -> other.rotate(KeyHash.of(wanted), Duration.ZERO),
                keys -> keys.create(VirtualKeySpec.of("third"), wanted));
    }

    private static void isRefusedOnceTheOtherHasCommitted(
            TestDatabase database, LlmDb db, Consumer<KeyRepository> other, Consumer<KeyRepository> late)
            throws Exception {
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try (Connection connection = database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            other.accept(db.joining(connection).keys());
            Future<?> waiting = threads.submit(() -> late.accept(db.admin().keys()));
            awaitOneThatWaits(database);
            connection.commit();
            assertThatThrownBy(() -> waiting.get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(AlreadyExistsException.class);
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void aKeyThatIsBeingReplacedIsBlockedWithTheOthersOfItsTeam(LlmDb db, TestDatabase database) throws Exception {
        String team = db.admin().teams().create(TeamSpec.of("a")).id();
        IssuedKey old = db.admin().keys().create(VirtualKeySpec.of("k").withTeamId(team));
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try (Connection connection = database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            IssuedKey fresh = db.joining(connection).keys().rotate(old.key().hash(), Duration.ofDays(1));
            Future<List<String>> blocked =
                    threads.submit(() -> db.admin().keys().blockKeysOfTeam(team));
            awaitOneThatWaits(database);
            connection.commit();

            assertThat(blocked.get(30, TimeUnit.SECONDS))
                    .containsExactly(fresh.key().hash());
            assertThat(db.admin().keys().require(fresh.key().hash()).spec().blocked())
                    .isTrue();
        } finally {
            threads.shutdown();
        }
    }

    private static void awaitOneThatWaits(TestDatabase database) {
        Await.until(
                "the second one waits",
                Duration.ofSeconds(30),
                () -> database.value(
                                Long.class,
                                "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
                        > 0);
    }

    @Test
    void keysThatAreDueAreRotatedInTheBackground(TestDatabase database) {
        IssuedKey due = database.open()
                .admin()
                .keys()
                .create(VirtualKeySpec.of("due")
                        .withRotationInterval(BudgetDuration.parse("rotation_interval", "30d")));
        database.clock().advance(Duration.ofDays(31));
        List<IssuedKey> received = new CopyOnWriteArrayList<>();
        LlmDb db = database.closeAtEnd(LlmDb.builder(database.settings().build())
                .rotateKeys(Duration.ofHours(1), received::add)
                .open());

        Await.until("the key is rotated", Duration.ofSeconds(20), () -> !received.isEmpty());
        db.catchUp();
        Await.until("the new key is valid", Duration.ofSeconds(5), () -> {
            try {
                return db.authenticate(received.get(0).rawKey()).key().rotationCount() == 1;
            } catch (UnknownKeyException e) {
                return false;
            }
        });
        assertThat(db.authenticate(due.rawKey()).key().hash())
                .isEqualTo(received.get(0).key().hash());
        assertThat(received).hasSize(1);
    }

    private static BudgetTerms budget() {
        return BudgetTerms.of("1.00", "1d")
                .withModelLimits(
                        Map.of("gpt-4o", new BudgetLimit(BigDecimal.ONE, BudgetDuration.parse("time_period", "1d"))));
    }

    private static void pay(LlmDb db, Caller caller, String cost) {
        BigDecimal amount = new BigDecimal(cost);
        try (Admission admission = db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(amount))) {
            admission.settle(admission.event().cost(amount).build());
        }
    }
}
