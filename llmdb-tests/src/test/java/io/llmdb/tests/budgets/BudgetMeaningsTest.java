package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetAlert;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.BudgetListener;
import io.llmdb.budgets.BudgetState;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.keys.Caller;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** What budgets mean, through the front door. */
@LlmDbTest
class BudgetMeaningsTest {

    private static final Duration SOON = Duration.ofSeconds(15);

    private static void spend(LlmDb db, Caller caller, String model, String cost) {
        Admission admission = db.budgets().admit(caller, Call.of(model).withEstimate(new BigDecimal(cost)));
        admission.settle(
                admission.event().tokens(1, 1).cost(new BigDecimal(cost)).build());
    }

    @Test
    void marksAreRaisedOnceInAWindowWhateverTheInstance(LlmDb one, TestDatabase database) {
        LlmDb other = database.open();
        List<BudgetAlert> heard = new CopyOnWriteArrayList<>();
        BudgetListener listener = new BudgetListener() {
            @Override
            public void softBudgetPassed(BudgetAlert alert) {
                heard.add(alert);
            }

            @Override
            public void maxBudgetNear(BudgetAlert alert) {
                heard.add(alert);
            }
        };
        one.budgets().addListener(listener);
        other.budgets().addListener(listener);
        BudgetTerms terms = BudgetTerms.of("10", "1d").withSoftBudget(new BigDecimal("3"));
        World world =
                World.in(one).users(1, BudgetTerms.UNLIMITED).keys(1, terms).create();
        Caller caller = one.authenticator().authenticate(world.rawKey());

        spend(one, caller, "m", "2.9");
        spend(other, caller, "m", "0.2");
        Await.until("the soft budget is passed", SOON, () -> heard.size() == 1);
        assertThat(heard.get(0).kind()).isEqualTo(BudgetAlert.Kind.SOFT_BUDGET);
        assertThat(heard.get(0).threshold()).isEqualByComparingTo("3");
        for (int i = 0; i < 6; i++) {
            spend(i % 2 == 0 ? one : other, caller, "m", "1");
        }
        Await.until("most is spent", SOON, () -> heard.size() == 2);
        assertThat(heard.get(1).kind()).isEqualTo(BudgetAlert.Kind.MAX_BUDGET_80_PERCENT);

        database.clock().advance(Duration.ofDays(1));
        Await.until("the present is known", SOON, () -> {
            spend(one, caller, "m", "3.5");
            return true;
        });
        Await.until("the next window's is raised", SOON, () -> heard.size() == 3);
        CounterId key = CounterId.of(Scope.KEY, caller.key().hash());
        assertThat(one.budgets().alerts(key)).hasSize(3);
        assertThat(one.budgets().history(key, PageRequest.first(10)).items())
                .singleElement()
                .satisfies(window -> assertThat(window.spent()).isEqualByComparingTo("9.1"));
    }

    @Test
    void aBudgetOfOneModelHoldsWithinAnyScope(LlmDb db) {
        BudgetTerms terms = BudgetTerms.of("100").withModelLimits(Map.of("gpt-4o", BudgetLimit.of("1", "1d")));
        World world = World.in(db).team("research", terms).members(1).keys(1).create();
        Caller caller = db.authenticator().authenticate(world.rawKey());
        spend(db, caller, "openai/gpt-4o", "0.8");
        assertThatThrownBy(() -> spend(db, caller, "gpt-4o", "0.3"))
                .isInstanceOfSatisfying(BudgetExceededException.class, refusal -> {
                    assertThat(refusal.counter().scope()).isEqualTo(Scope.TEAM);
                    assertThat(refusal.counter().model()).isEqualTo("gpt-4o");
                    assertThat(refusal.state().spent()).isEqualByComparingTo("0.8");
                    assertThat(refusal.resetAt()).isNotNull();
                });
        spend(db, caller, "small", "50");
        assertThat(db.budgets().standing(caller))
                .extracting(BudgetState::counter)
                .extracting(CounterId::model)
                .containsExactly("", "gpt-4o");
    }

    /** A raise ends by the database's clock, whatever was leased under it. */
    @Test
    void aTemporaryRaiseEndsOnTime(LlmDb db, TestDatabase database) {
        Instant until = database.clock().now().plusSeconds(3_600);
        BudgetTerms terms = BudgetTerms.of("1").withTemporaryIncrease(new BigDecimal("9"), until);
        World world =
                World.in(db).users(1, BudgetTerms.UNLIMITED).keys(1, terms).create();
        Caller caller = db.authenticator().authenticate(world.rawKey());
        spend(db, caller, "m", "2");
        database.clock().advance(Duration.ofHours(2));
        Await.until("the raise is over", SOON, () -> {
            try {
                db.budgets()
                        .admit(caller, Call.of("m").withEstimate(new BigDecimal("0.01")))
                        .close();
                return false;
            } catch (BudgetExceededException e) {
                return true;
            }
        });
    }

    @Test
    void theJobTidiesWindowsPastABadRow(LlmDb db, TestDatabase database) {
        World world = World.in(db)
                .users(3, BudgetTerms.UNLIMITED)
                .keys(1, BudgetTerms.of("5", "1d"))
                .create();
        for (String rawKey : world.rawKeys()) {
            spend(db, db.authenticator().authenticate(rawKey), "m", "1");
        }
        // As a row that was written before there was a constraint.
        database.execute("ALTER TABLE ${llmdb}.\"LLM_VerificationToken\""
                + " DROP CONSTRAINT \"LLM_VerificationToken_budget_duration_check\"");
        database.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_duration = 'whenever'"
                + " WHERE token = (SELECT min(token) FROM ${llmdb}.\"LLM_VerificationToken\")");
        database.clock().advance(Duration.ofDays(3));
        assertThat(db.budgets().tidyWindows()).isEqualTo(2);
        assertThat(db.budgets().tidyWindows()).isZero();
        assertThat(database.value(
                        Long.class,
                        "SELECT count(*) FROM ${llmdb}.\"LLM_VerificationToken\" WHERE spend = 0 AND total_spend = 1"
                                + " AND budget_reset_at > ${llmdb}.llmdb_now()"))
                .isEqualTo(2);
        assertThat(database.value(BigDecimal.class, "SELECT sum(spend) FROM ${llmdb}.\"LLM_BudgetWindow\""))
                .isEqualByComparingTo("2");
    }
}
