package io.llmdb.tests.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Call;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Limits on every kind of scope, written with plain SQL as other tools write them. */
@LlmDbTest
class LimitScopesTest {

    private static final Call CALL = Call.of("gpt-4o")
            .withEstimate(BigDecimal.ZERO)
            .withEndUser("customer-7")
            .withTags(List.of("prod", "prod"));

    @Test
    void everyScopeHasItsLimits(LlmDb db, TestDatabase database, DatabaseClock clock) {
        clock.freeze(Instant.parse("2031-03-04T05:06:17Z"));
        World world = World.in(db)
                .organization("acme")
                .team("research")
                .members(1)
                .keys(1)
                .create();
        String user = world.payers().get(0).userId();
        database.execute(
                "INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id, rpm_limit) VALUES ('tight', 2), ('wide', NULL)");
        database.execute("INSERT INTO ${llmdb}.\"LLM_EndUserTable\" (user_id) VALUES ('customer-7')");
        database.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('prod')");
        Map<CounterId, String> scopes = new LinkedHashMap<>();
        scopes.put(CounterId.of(Scope.KEY, world.key().key().hash()), "LLM_VerificationToken");
        scopes.put(CounterId.of(Scope.USER, user), "LLM_UserTable");
        scopes.put(CounterId.of(Scope.TEAM, "research"), "LLM_TeamTable");
        scopes.put(CounterId.member(Scope.TEAM_MEMBER, user, "research"), "LLM_TeamMembership");
        scopes.put(CounterId.of(Scope.ORGANIZATION, "acme"), "LLM_OrganizationTable");
        scopes.put(CounterId.member(Scope.ORGANIZATION_MEMBER, user, "acme"), "LLM_OrganizationMembership");
        scopes.put(CounterId.of(Scope.END_USER, "customer-7"), "LLM_EndUserTable");
        scopes.put(CounterId.of(Scope.TAG, "prod"), "LLM_TagTable");
        scopes.forEach((counter, table) -> {
            boolean own = counter.scope() == Scope.USER || counter.scope() == Scope.TEAM;
            String update = "UPDATE ${llmdb}.\"" + table + "\" SET " + (own ? "rpm_limit = " : "budget_id = ");
            database.execute(update + (own ? "2" : "'tight'"));
            db.catchUp();
            admit(db, world);
            admit(db, world);
            RateLimitedException refusal = refusal(db, world);
            assertThat(refusal).as(counter.toString()).isNotNull();
            assertThat(refusal.counter()).isEqualTo(counter);
            assertThat(refusal.used()).isEqualTo(2);
            database.execute(update + (own ? "NULL" : "'wide'"));
            db.catchUp();
        });
        assertThat(refusal(db, world)).isNull();
    }

    @Test
    void endUsersWithoutLimitsOfTheirOwnHaveThoseOfTheDefaultTier(TestDatabase database, DatabaseClock clock) {
        clock.freeze(Instant.parse("2031-03-04T05:06:17Z"));
        database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id, rpm_limit) VALUES ('default', 2)");
        try (LlmDb db = LlmDb.open(database.settings()
                .budgets(budgets -> budgets.endUserBudgetId("default"))
                .build())) {
            World world = World.in(db).team("research").members(1).keys(1).create();
            admit(db, world);
            admit(db, world);
            assertThat(refusal(db, world).counter()).isEqualTo(CounterId.of(Scope.END_USER, "customer-7"));
        }
    }

    private static void admit(LlmDb db, World world) {
        db.budgets().admit(db.authenticate(world.rawKey()), CALL);
    }

    private static RateLimitedException refusal(LlmDb db, World world) {
        return catchThrowableOfType(RateLimitedException.class, () -> admit(db, world));
    }
}
