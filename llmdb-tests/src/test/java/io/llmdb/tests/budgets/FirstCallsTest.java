package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.keys.Caller;
import io.llmdb.settings.BudgetSettings;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Fifty first calls at once from two instances, on a scope of which neither has heard and whose budget lets twenty of
 * them through: just twenty are let through, whatever the scope.
 */
@LlmDbTest
class FirstCallsTest {

    private static final int CALLS = 50;
    private static final int FITTING = 20;
    private static final BigDecimal PRICE = new BigDecimal("0.01");
    private static final BudgetLimit SMALL = BudgetLimit.of("0.2", "1d");

    private enum Kind {
        KEY("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET max_budget = 0.2 WHERE team_id = ?"),
        KEY_BY_LINK("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_id = 'small' WHERE team_id = ?"),
        KEY_PER_MODEL(BudgetTerms.UNLIMITED.withModelLimits(Map.of("gpt-4o", SMALL))),
        KEY_FURTHER_WINDOW(BudgetTerms.of("100").withFurtherLimits(List.of(SMALL))),
        USER("UPDATE ${llmdb}.\"LLM_UserTable\" SET max_budget = 0.2"
                + " WHERE user_id IN (SELECT user_id FROM ${llmdb}.\"LLM_TeamMembership\" WHERE team_id = ?)"),
        TEAM("UPDATE ${llmdb}.\"LLM_TeamTable\" SET max_budget = 0.2, budget_duration = '1d' WHERE team_id = ?"),
        TEAM_MEMBER("UPDATE ${llmdb}.\"LLM_TeamMembership\" SET budget_id = 'small' WHERE team_id = ?"),
        ORGANIZATION("UPDATE ${llmdb}.\"LLM_OrganizationTable\" SET budget_id = 'small' WHERE organization_id = ?"),
        ORGANIZATION_MEMBER(
                "UPDATE ${llmdb}.\"LLM_OrganizationMembership\" SET budget_id = 'small' WHERE organization_id = ?"),
        END_USER("INSERT INTO ${llmdb}.\"LLM_EndUserTable\" (user_id, budget_id) VALUES (?, 'small')"),
        /** One of whom no table knows. */
        END_USER_OF_THE_DEFAULT_TIER(BudgetTerms.UNLIMITED),
        TAG("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name, budget_id) VALUES (?, 'small')");

        private final BudgetTerms keyTerms;
        private final String sql;

        Kind(BudgetTerms keyTerms) {
            this.keyTerms = keyTerms;
            this.sql = "";
        }

        Kind(String sql) {
            this.keyTerms = BudgetTerms.UNLIMITED;
            this.sql = sql;
        }

        /** Names the team, the organization, the end user and the tag. */
        private String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        private Call call() {
            Call call = Call.of("gpt-4o").withEstimate(PRICE);
            return switch (this) {
                case END_USER, END_USER_OF_THE_DEFAULT_TIER -> call.withEndUser(id());
                case TAG -> call.withTags(List.of(id()));
                default -> call;
            };
        }
    }

    @Test
    void noScopeLetsMoreThroughThanItsBudget(TestDatabase database) throws Exception {
        // No midnight gives the budgets anew.
        database.clock().set(Instant.parse("2031-03-04T12:00:00Z"));
        database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id, max_budget) VALUES ('small', 0.2)");
        try (LlmDb one = open(
                        database, budgets -> budgets.endUserBudgetId("small").countUserBudgetOnTeamKeys(true));
                LlmDb other = open(
                        database, budgets -> budgets.endUserBudgetId("small").countUserBudgetOnTeamKeys(true))) {
            World.Builder plan = World.in(one);
            for (Kind kind : Kind.values()) {
                plan = plan.organization(kind.id()).team(kind.id()).members(1).keys(1, kind.keyTerms);
            }
            World world = plan.create();
            for (Kind kind : Kind.values()) {
                if (!kind.sql.isEmpty()) {
                    assertThat(database.execute(kind.sql, kind.id()))
                            .as(kind.id())
                            .isEqualTo(1);
                }
            }
            one.catchUp();
            other.catchUp();
            for (Kind kind : Kind.values()) {
                String rawKey = world.keysOf(kind.id()).get(0).rawKey();
                assertThat(admitted(List.of(one, other), rawKey, kind.call()))
                        .as(kind.id())
                        .isEqualTo(FITTING);
            }
        }
        booksAreRight(database, Kind.values().length);
    }

    @Test
    void norDoesTheWholeProxy(TestDatabase database) throws Exception {
        try (LlmDb one = open(database, budgets -> budgets.maxBudget(new BigDecimal("0.2")));
                LlmDb other = open(database, budgets -> budgets.maxBudget(new BigDecimal("0.2")))) {
            World world = World.in(one).team("research").members(1).keys(1).create();
            assertThat(admitted(List.of(one, other), world.rawKey(), Kind.KEY.call()))
                    .isEqualTo(FITTING);
        }
        booksAreRight(database, 1);
    }

    private static LlmDb open(TestDatabase database, Consumer<BudgetSettings.Builder> budgets) {
        return LlmDb.open(database.settings().budgets(budgets).build());
    }

    private static void booksAreRight(TestDatabase database, int scopes) {
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .stayWithinLimits()
                .haveNoDeadlock()
                .haveRequests((long) FITTING * scopes);
        assertThat(database.value(BigDecimal.class, "SELECT sum(spend) FROM ${llmdb}.\"LLM_SpendLogs\""))
                .isEqualByComparingTo(PRICE.multiply(BigDecimal.valueOf((long) FITTING * scopes)));
    }

    private static int admitted(List<LlmDb> instances, String rawKey, Call call) throws Exception {
        CyclicBarrier barrier = new CyclicBarrier(CALLS);
        ExecutorService threads = Executors.newFixedThreadPool(CALLS);
        try {
            List<Future<Boolean>> callers = new ArrayList<>();
            for (int i = 0; i < CALLS; i++) {
                LlmDb db = instances.get(i % instances.size());
                callers.add(threads.submit(() -> {
                    barrier.await();
                    return isAdmitted(db, rawKey, call);
                }));
            }
            int admitted = 0;
            for (Future<Boolean> caller : callers) {
                admitted += caller.get() ? 1 : 0;
            }
            for (LlmDb db : instances) {
                db.spend().flush(Duration.ofSeconds(30));
            }
            return admitted;
        } finally {
            threads.shutdownNow();
        }
    }

    private static boolean isAdmitted(LlmDb db, String rawKey, Call call) {
        Caller caller = db.authenticate(rawKey);
        try {
            Admission admission = db.budgets().admit(caller, call);
            admission.settle(admission.event().tokens(1, 1).cost(PRICE).build());
            return true;
        } catch (BudgetExceededException e) {
            return false;
        }
    }
}
