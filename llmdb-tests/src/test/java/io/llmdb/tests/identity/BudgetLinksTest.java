package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.common.SpendState;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.Budget;
import io.llmdb.identity.BudgetFilter;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.Organization;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** Budget rows, shared and owned, and the objects that link them. */
@LlmDbTest
class BudgetLinksTest {

    private static final Instant JANUARY_20 = Instant.parse("2031-01-20T10:30:00Z");
    private static final Instant NEXT_DAY = Instant.parse("2031-01-21T00:00:00Z");
    private static final Instant NEXT_MONTH = Instant.parse("2031-02-01T00:00:00Z");
    private static final BudgetSpec MONTHLY = BudgetSpec.of(BudgetTerms.of("3", "1mo"));

    @Test
    void aBudgetIsMadeFoundEditedListedAndDeleted(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        BudgetSpec spec = new BudgetSpec(
                BudgetTerms.of("12.000000000000000001", "1d")
                        .withSoftBudget(BigDecimal.TEN)
                        .withFurtherLimits(List.of(BudgetLimit.of("100", "1mo")))
                        .withModelLimits(Map.of("m", new BudgetLimit(BigDecimal.ONE, null))),
                new RateLimits(0L, null, 7L),
                List.of("m", "n"));

        Budget made = people.budgets().create(spec, "tier");

        assertThat(made.spec()).isEqualTo(spec);
        assertThat(made.resetAt()).isEqualTo(NEXT_DAY);
        assertThat(made.owner()).isNull();
        assertThat(made.createdBy()).isEqualTo(People.ADMIN.id());
        assertThat(people.budgets().find("tier")).contains(made);
        assertThat(people.budgets().exists("tier")).isTrue();

        Budget edited = people.budgets().update("tier", s -> BudgetSpec.of(BudgetTerms.of("5", "1mo")));
        assertThat(people.budgets().require("tier")).isEqualTo(edited);
        assertThat(edited.resetAt()).isEqualTo(NEXT_MONTH);
        assertThat(edited.spec()).isEqualTo(BudgetSpec.of(BudgetTerms.of("5", "1mo")));

        people.budgets().create(BudgetSpec.of(BudgetTerms.UNLIMITED), "Unlimited");
        people.budgets().create(BudgetSpec.of(BudgetTerms.of("9")), "zz");
        people.organizations().create(OrganizationSpec.of("Acme").withOwnBudget(BudgetTerms.of("4")), "acme");
        var all = BudgetFilter.all();
        assertThat(ids(people, all)).hasSize(4);
        assertThat(ids(people, all.withOwned(false))).containsExactlyInAnyOrder("tier", "Unlimited", "zz");
        assertThat(ids(people, all.withOwned(true))).hasSize(1);
        assertThat(ids(people, all.withIdPart("IMIT"))).containsExactly("Unlimited");
        assertThat(ids(people, all.withDuration(BudgetDuration.parse("d", "1mo"))))
                .containsExactly("tier");
        assertThat(ids(people, all.withOwned(false).withOrder(BudgetFilter.Order.LARGEST)))
                .containsExactly("Unlimited", "zz", "tier");
        assertThat(ids(people, all.withOwned(false).withOrder(BudgetFilter.Order.NEWEST)))
                .hasSize(3);

        people.budgets().delete("tier");
        assertThat(people.budgets().exists("tier")).isFalse();
        assertThatThrownBy(() -> people.budgets().delete("tier"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("budget_id \"tier\": there is no such budget");
        assertThatThrownBy(() -> people.budgets().create(spec, "zz"))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("budget_id \"zz\" is taken: another budget has it");
    }

    @Test
    void refusesNegativeMoneyAndLimits() {
        assertThatThrownBy(() -> BudgetTerms.of("-0.01"))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("max_budget -0.01 is negative");
        assertThatThrownBy(() -> new RateLimits(null, -1L, null))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("rpm_limit -1");
        assertThatThrownBy(() -> TagSpec.empty()
                        .withBudgetId("b")
                        .withOwnBudget(BudgetTerms.of("1"))
                        .withBudgetId("b")
                        .ownBudget()
                        .terms())
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> new TagSpec(null, List.of(), Map.of(), "b", MONTHLY))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("budget_id \"b\" and an own budget");
    }

    @Test
    void anOrganizationWithoutABudgetGetsOneOfItsOwn(TestDatabase database) {
        People people = People.of(database);

        Organization made = people.organizations().create(OrganizationSpec.of("Acme"), "acme");

        Budget budget = people.budgets().require(made.spec().budgetId());
        assertThat(budget.owner()).isEqualTo("organization:acme");
        assertThat(budget.spec()).isEqualTo(BudgetSpec.of(BudgetTerms.UNLIMITED));
        assertThatThrownBy(() -> people.organizations().create(OrganizationSpec.of("Again"), "acme"))
                .isInstanceOf(AlreadyExistsException.class);
        assertThat(database.count("LLM_BudgetTable")).as("no budget of nobody").isEqualTo(1);
    }

    @Test
    void anOwnBudgetIsEditedInPlaceAndGoesWhenAnotherIsLinked(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        people.budgets().create(BudgetSpec.of(BudgetTerms.of("10", "1d")), "tier");
        Organization made =
                people.organizations().create(OrganizationSpec.of("Acme").withOwnBudget(BudgetTerms.of("4")), "acme");
        assertThat(made.spendState()).isEqualTo(SpendState.NONE);

        Organization edited = people.organizations().update("acme", spec -> spec.withOwnBudget(MONTHLY));
        assertThat(edited.spec().budgetId()).isEqualTo(made.spec().budgetId());
        assertThat(edited.spendState().resetAt()).isEqualTo(NEXT_MONTH);
        assertThat(people.budgets().require(edited.spec().budgetId()).spec()).isEqualTo(MONTHLY);

        Organization linked = people.organizations().update("acme", spec -> spec.withBudgetId("tier"));
        assertThat(linked.spec().budgetId()).isEqualTo("tier");
        assertThat(linked.spendState().resetAt()).isEqualTo(NEXT_DAY);
        assertThat(people.budgets().exists(made.spec().budgetId())).isFalse();

        Organization again = people.organizations().update("acme", spec -> spec.withBudgetId(null));
        assertThat(people.budgets().require(again.spec().budgetId()).owner()).isEqualTo("organization:acme");
        assertThat(again.spendState().resetAt()).isNull();
        assertThat(people.budgets().exists("tier")).as("a shared one stays").isTrue();
    }

    @Test
    void membersHaveTheirOwnOrASharedOne(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        people.budgets().create(MONTHLY, "tier");
        people.teams().create(TeamSpec.empty(), "t");
        for (String user : List.of("ann", "bob", "cat")) {
            people.users().create(UserSpec.empty(), user);
        }

        TeamMembership own = people.teamMembers()
                .add("t", "ann", TeamMembershipSpec.of(TeamRole.ADMIN).withOwnBudget(BudgetTerms.of("1", "1d")));
        TeamMembership shared = people.teamMembers()
                .add("t", "bob", TeamMembershipSpec.of(TeamRole.USER).withBudgetId("tier"));
        TeamMembership none = people.teamMembers().add("t", "cat", TeamMembershipSpec.of(TeamRole.USER));

        assertThat(people.budgets().require(own.spec().budgetId()).owner()).isEqualTo("team_member:ann/t");
        assertThat(own.spendState().resetAt()).isEqualTo(NEXT_DAY);
        assertThat(shared.spec()).isEqualTo(TeamMembershipSpec.of(TeamRole.USER).withBudgetId("tier"));
        assertThat(shared.spendState().resetAt()).isEqualTo(NEXT_MONTH);
        assertThat(none.spec().budgetId()).isNull();

        // A budget that was made for one is nobody else's.
        assertThatThrownBy(() -> people.teamMembers()
                        .update("t", "cat", spec -> spec.withBudgetId(own.spec().budgetId())))
                .isInstanceOf(ConflictException.class)
                .hasMessageContaining("was made for team_member:ann/t alone");
        assertThatThrownBy(() -> people.teamMembers().update("t", "cat", spec -> spec.withBudgetId("nothing")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("budget_id \"nothing\": there is no such budget");

        people.teamMembers().remove("t", "ann");
        assertThat(people.budgets().exists(own.spec().budgetId())).isFalse();
    }

    @Test
    void aNewDurationMovesTheWindowsOfAllThatLinkTheRow(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        people.budgets().create(MONTHLY, "tier");
        makeLinks(people, database);
        for (String table : linkedTables()) {
            database.execute("UPDATE ${llmdb}.\"" + table + "\" SET spend = 2.5");
        }
        // One window is over and waits for its reset; one key has limits of its own.
        database.execute("UPDATE ${llmdb}.\"LLM_TagTable\" SET budget_reset_at = ?", Timestamp.from(JANUARY_20));
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET max_budget = 1 WHERE token = ?", "2".repeat(64));

        people.budgets()
                .update(
                        "tier",
                        spec -> new BudgetSpec(
                                spec.terms().withDuration(BudgetDuration.parse("d", "1d")),
                                spec.rateLimits(),
                                List.of()));

        for (String table : linkedTables()) {
            List<Instant> ends =
                    database.rows("SELECT budget_reset_at FROM ${llmdb}.\"" + table + "\" ORDER BY 1").stream()
                            .map(row -> ((Timestamp) row.get("budget_reset_at")).toInstant())
                            .toList();
            switch (table) {
                case "LLM_TagTable" -> assertThat(ends).containsExactly(JANUARY_20);
                case "LLM_VerificationToken" -> assertThat(ends).containsExactly(NEXT_DAY, NEXT_MONTH);
                default -> assertThat(ends).as(table).containsOnly(NEXT_DAY);
            }
            assertThat(database.rows("SELECT spend FROM ${llmdb}.\"" + table + "\""))
                    .allSatisfy(row -> assertThat((BigDecimal) row.get("spend")).isEqualByComparingTo("2.5"));
        }
    }

    @Test
    void linksAndDurationsThatChangeAtOnceAgreeInTheEnd(TestDatabase database, DatabaseClock clock) throws Exception {
        clock.freeze(JANUARY_20);
        try (var pool = MembershipStormTest.pool(database, 8)) {
            People people = People.of(pool, database.schema(), false);
            people.budgets().create(MONTHLY, "tier");
            List<Callable<Object>> changes = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                String user = "u" + i;
                if (i % 10 == 9) {
                    String duration = i % 20 == 9 ? "1d" : "1mo";
                    changes.add(() ->
                            people.budgets().update("tier", spec -> BudgetSpec.of(BudgetTerms.of("1", duration))));
                } else {
                    changes.add(
                            () -> people.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), user));
                }
            }
            MembershipStormTest.atOnce(changes);

            Budget tier = people.budgets().require("tier");
            assertThat(database.count("LLM_EndUserTable")).isEqualTo(36);
            assertThat(database.rows("SELECT DISTINCT budget_reset_at FROM ${llmdb}.\"LLM_EndUserTable\""))
                    .singleElement()
                    .satisfies(row -> assertThat(((Timestamp) row.get("budget_reset_at")).toInstant())
                            .isEqualTo(tier.resetAt()));
            assertThat(database.deadlocks()).isZero();
        }
    }

    @Test
    void aLinkedBudgetIsNotDeletedAndTheMessageSaysWhatLinksIt(TestDatabase database) {
        People people = People.of(database);
        people.budgets().create(MONTHLY, "tier");
        makeLinks(people, database);

        assertThatThrownBy(() -> people.budgets().delete("tier"))
                .isInstanceOf(ConflictException.class)
                .hasMessageContaining("budget_id \"tier\" is still linked by 2 virtual keys (")
                .hasMessageContaining("1 team memberships (ann/t)")
                .hasMessageContaining("1 organizations (acme)")
                .hasMessageContaining("1 organization memberships (ann/acme)")
                .hasMessageContaining("2 end users (customer, ...)")
                .hasMessageContaining("1 tags (batch)");
        assertThat(people.budgets().exists("tier")).isTrue();
    }

    private static void makeLinks(People people, TestDatabase database) {
        people.organizations().create(OrganizationSpec.of("Acme").withBudgetId("tier"), "acme");
        people.teams().create(TeamSpec.empty(), "t");
        people.users().create(UserSpec.empty(), "ann");
        people.teamMembers()
                .add("t", "ann", TeamMembershipSpec.of(TeamRole.USER).withBudgetId("tier"));
        people.organizationMembers()
                .add("acme", "ann", OrganizationMembershipSpec.of(null).withBudgetId("tier"));
        people.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), "customer");
        people.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), "customer 2");
        people.tags().create(TagSpec.empty().withBudgetId("tier"), "batch");
        for (String key : List.of("1".repeat(64), "2".repeat(64))) {
            People.insertKey(database, key, "ann", null, null);
        }
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_id = 'tier', budget_reset_at = ?",
                Timestamp.from(NEXT_MONTH));
    }

    private static List<String> linkedTables() {
        return List.of(
                "LLM_VerificationToken",
                "LLM_TeamMembership",
                "LLM_OrganizationTable",
                "LLM_OrganizationMembership",
                "LLM_EndUserTable",
                "LLM_TagTable");
    }

    private static List<String> ids(People people, BudgetFilter filter) {
        return People.all(2, page -> people.budgets().list(filter, page)).stream()
                .map(Budget::id)
                .toList();
    }
}
