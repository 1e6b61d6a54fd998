package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.audit.AuditAction;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.common.RateLimits;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.Team;
import io.llmdb.identity.TeamFilter;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

@LlmDbTest
class TeamRepositoryTest {

    private static final Instant JANUARY_20 = Instant.parse("2031-01-20T10:30:00Z");

    @Test
    void keepsAllThatAnAdministratorSets(TestDatabase database) {
        People people = People.of(database);
        people.organizations().create(OrganizationSpec.of("Acme"), "acme");
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("cost center", "4711");
        metadata.put("big", 12_345_678_901L);
        metadata.put("share", 0.1);
        metadata.put("nothing", null);
        metadata.put("nested", Map.of("list", Arrays.asList(1, "two", null, List.of(true))));
        TeamSpec spec = TeamSpec.of("Research")
                .withOrganizationId("acme")
                .withBudget(BudgetTerms.of("100.50", "1mo")
                        .withSoftBudget(new BigDecimal("80"))
                        .withFurtherLimits(List.of(BudgetLimit.of("5", "1d")))
                        .withModelLimits(Map.of("gpt-4o", BudgetLimit.of("0.000001", "7d")))
                        .withTemporaryIncrease(new BigDecimal("10"), JANUARY_20))
                .withRateLimits(new RateLimits(1000L, 10L, 3L))
                .withModels(List.of("gpt-4o", "openai/*"))
                .withModelAliases(Map.of("fast", "gpt-4o-mini"))
                .withMemberPermissions(List.of("/key/generate"))
                .withMetadata(metadata);

        Team made = people.teams().create(spec, "research");

        assertThat(made.id()).isEqualTo("research");
        assertThat(made.spec()).isEqualTo(spec);
        assertThat(people.teams().find("research")).contains(made);
        assertThat(people.teams().require("research")).isEqualTo(made);
        assertThat(people.teams().exists("research")).isTrue();
        assertThat(people.teams().exists("Research")).isFalse();
        assertThat(people.teams().find("other")).isEmpty();
    }

    @Test
    void makesIdsThatDiffer(TestDatabase database) {
        People people = People.of(database);

        Team one = people.teams().create(TeamSpec.empty());
        Team other = people.teams().create(TeamSpec.empty());

        assertThat(one.id()).isNotEqualTo(other.id());
        assertThat(one.spec()).isEqualTo(TeamSpec.empty());
    }

    @Test
    void updatesUnderALock(TestDatabase database) {
        People people = People.of(database);
        Team before = people.teams().create(TeamSpec.of("one"), "t");

        Team after = people.teams().update("t", spec -> spec.withAlias("two").withModels(List.of("m")));

        assertThat(after.spec()).isEqualTo(TeamSpec.of("two").withModels(List.of("m")));
        assertThat(after.updatedAt()).isAfter(before.updatedAt());
        assertThat(after.createdAt()).isEqualTo(before.createdAt());
        assertThat(people.teams().require("t")).isEqualTo(after);
    }

    @Test
    void anUpdateThatChangesNothingLeavesNoTrace(TestDatabase database) {
        People people = People.of(database);
        Team before = people.teams().create(TeamSpec.of("one"), "t");

        assertThat(people.teams().update("t", spec -> spec)).isEqualTo(before);
        assertThat(people.history("LLM_TeamTable", "t")).hasSize(1);
    }

    @Test
    void blocksAndLetsIn(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.of("one"), "t");

        assertThat(people.teams().block("t").spec().blocked()).isTrue();
        assertThat(people.teams().unblock("t").spec().blocked()).isFalse();
        assertThat(people.history("LLM_TeamTable", "t"))
                .extracting(entry -> entry.action())
                .containsExactly(AuditAction.UNBLOCKED, AuditAction.BLOCKED, AuditAction.CREATED);
    }

    @Test
    void aBudgetDurationStartsAWindowOfTheCalendar(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        Team team = People.of(database).teams().create(TeamSpec.of("t").withBudget(BudgetTerms.of("5", "1mo")));

        assertThat(team.createdAt()).isEqualTo(JANUARY_20);
        assertThat(team.spendState().windowStart()).isEqualTo(Instant.parse("2031-01-01T00:00:00Z"));
        assertThat(team.spendState().resetAt()).isEqualTo(Instant.parse("2031-02-01T00:00:00Z"));
        assertThat(team.spendState().spend()).isZero();
    }

    @Test
    void aNewLimitKeepsSpendAndWindowAndANewDurationMovesTheEndAlone(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        Team made = people.teams().create(TeamSpec.of("t").withBudget(BudgetTerms.of("5", "1mo")), "t");
        database.execute("UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = 3.5, total_spend = 30");

        Team raised =
                people.teams().update("t", spec -> spec.withBudget(spec.budget().withMaxBudget(new BigDecimal("50"))));
        assertThat(raised.spendState().spend()).isEqualByComparingTo("3.5");
        assertThat(raised.spendState().windowStart())
                .isEqualTo(made.spendState().windowStart());
        assertThat(raised.spendState().resetAt()).isEqualTo(made.spendState().resetAt());

        Team daily = people.teams()
                .update(
                        "t",
                        spec -> spec.withBudget(
                                spec.budget().withDuration(BudgetDuration.parse("budget_duration", "1d"))));
        assertThat(daily.spendState().spend()).isEqualByComparingTo("3.5");
        assertThat(daily.spendState().totalSpend()).isEqualByComparingTo("30");
        assertThat(daily.spendState().windowStart()).isEqualTo(made.spendState().windowStart());
        assertThat(daily.spendState().resetAt()).isEqualTo(Instant.parse("2031-01-21T00:00:00Z"));

        Team forEver =
                people.teams().update("t", spec -> spec.withBudget(spec.budget().withDuration(null)));
        assertThat(forEver.spendState().spend()).isEqualByComparingTo("3.5");
        assertThat(forEver.spendState().resetAt()).isNull();
    }

    @Test
    void aWindowThatIsOverIsLeftToTheReset(TestDatabase database, DatabaseClock clock) {
        clock.freeze(JANUARY_20);
        People people = People.of(database);
        people.teams().create(TeamSpec.of("t").withBudget(BudgetTerms.of("5", "1d")), "t");
        database.execute("UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = 3.5");
        clock.freeze(JANUARY_20.plus(Duration.ofDays(3)));

        Team monthly = people.teams().update("t", spec -> spec.withBudget(BudgetTerms.of("5", "1mo")));

        // Else yesterday's spend would count until the end of the month.
        assertThat(monthly.spendState().resetAt()).isEqualTo(Instant.parse("2031-01-21T00:00:00Z"));
    }

    @Test
    void listsInPagesByFilterAndOrder(TestDatabase database) {
        People people = People.of(database);
        people.organizations().create(OrganizationSpec.of("Acme"), "acme");
        people.users().create(UserSpec.empty(), "u");
        for (int i = 0; i < 7; i++) {
            people.teams()
                    .create(
                            TeamSpec.of(i % 2 == 0 ? "Even 100%_" + i : "odd " + i)
                                    .withOrganizationId(i < 3 ? "acme" : null)
                                    .withBlocked(i == 5),
                            "t" + i);
            database.execute("UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = ? WHERE team_id = ?", i * 3 % 7, "t" + i);
        }
        people.teams().update("t6", spec -> spec.withAlias(null));
        people.teamMembers().add("t4", "u", TeamMembershipSpec.of(TeamRole.USER));

        assertThat(ids(people, TeamFilter.all())).containsExactly("t0", "t1", "t2", "t3", "t4", "t5", "t6");
        assertThat(ids(people, TeamFilter.all().withOrder(TeamFilter.Order.NEWEST)))
                .containsExactly("t6", "t5", "t4", "t3", "t2", "t1", "t0");
        assertThat(ids(people, TeamFilter.all().withOrder(TeamFilter.Order.OLDEST)))
                .containsExactly("t0", "t1", "t2", "t3", "t4", "t5", "t6");
        assertThat(ids(people, TeamFilter.all().withOrder(TeamFilter.Order.MOST_SPENT)))
                .containsExactly("t2", "t4", "t6", "t1", "t3", "t5", "t0");
        assertThat(ids(people, TeamFilter.all().withOrder(TeamFilter.Order.ALIAS)))
                .hasSize(7)
                .startsWith("t6");
        assertThat(ids(people, TeamFilter.all().withAliasPart("EVEN 100%_"))).containsExactly("t0", "t2", "t4");
        assertThat(ids(people, TeamFilter.all().withAliasPart("100x"))).isEmpty();
        assertThat(ids(people, TeamFilter.all().withOrganizationId("acme"))).containsExactly("t0", "t1", "t2");
        assertThat(ids(people, TeamFilter.all().withBlocked(true))).containsExactly("t5");
        assertThat(ids(people, TeamFilter.all().withMemberUserId("u"))).containsExactly("t4");
        assertThat(ids(people, TeamFilter.all().withMemberUserId("u").withBlocked(true)))
                .isEmpty();
    }

    @Test
    void aPageIsNotShiftedByWhatComesAndGoes(TestDatabase database) {
        People people = People.of(database);
        for (String id : List.of("b", "d", "f", "h")) {
            people.teams().create(TeamSpec.empty(), id);
        }
        var first = people.teams().list(TeamFilter.all(), PageRequest.first(2));
        people.teams().delete("b");
        people.teams().create(TeamSpec.empty(), "a");
        people.teams().create(TeamSpec.empty(), "e");

        assertThat(people.teams()
                        .list(TeamFilter.all(), PageRequest.first(9).after(first.next()))
                        .items())
                .extracting(Team::id)
                .containsExactly("e", "f", "h");
    }

    @Test
    void refusesAPageOfAnotherOrderOrNone(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.empty());
        people.teams().create(TeamSpec.empty());
        String next =
                people.teams().list(TeamFilter.all(), PageRequest.first(1)).next();

        TeamFilter newest = TeamFilter.all().withOrder(TeamFilter.Order.NEWEST);
        for (String wrong : Arrays.asList(next, "x", "", "e30", "%%%", "AAAA")) {
            assertThatThrownBy(() ->
                            people.teams().list(newest, PageRequest.first(1).after(wrong)))
                    .as("page \"%s\"", wrong)
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("Page.next()");
        }
    }

    @Test
    void refusesWithTheArgumentsNameAndValue(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.empty(), "t");

        assertThatThrownBy(() -> people.teams().create(TeamSpec.empty(), "t"))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("team_id \"t\" is taken: another team has it");
        assertThatThrownBy(() -> people.teams().create(TeamSpec.empty().withOrganizationId("nowhere")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("organization_id \"nowhere\": there is no such organization");
        assertThatThrownBy(() -> people.teams().update("t", spec -> spec.withOrganizationId("nowhere")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("organization_id \"nowhere\": there is no such organization");
        assertThatThrownBy(() -> people.teams().update("nobody", spec -> spec))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("team_id \"nobody\": there is no such team");
        assertThatThrownBy(() -> people.teams().require("nobody"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("team_id \"nobody\": there is no such team");
        assertThatThrownBy(() -> people.teams().delete("nobody"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("team_id \"nobody\": there is no such team");
        assertThatThrownBy(() -> people.teams().create(TeamSpec.empty(), ""))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessage("team_id is empty");
        assertThatThrownBy(() -> people.teams().create(TeamSpec.empty(), "x".repeat(601)))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("has 601 characters");
        assertThatThrownBy(() -> people.teams().create(TeamSpec.empty(), "a\0b"))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("NUL");
        assertThatThrownBy(() -> TeamSpec.of("a\0b"))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("alias holds a NUL character at position 1");
        assertThatThrownBy(() -> TeamSpec.empty().withMetadata(Map.of("when", Map.of("at", JANUARY_20))))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("metadata.when.at is a java.time.Instant");
        assertThat(people.teams().list(TeamFilter.all(), PageRequest.first(9)).items())
                .hasSize(1);
    }

    @Test
    void anExceptionOfTheCallersFunctionRollsBack(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.of("one"), "t");

        assertThatThrownBy(() -> people.teams().update("t", spec -> {
                    throw new IllegalStateException("no");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(people.teams().require("t").spec().alias()).isEqualTo("one");
    }

    private static List<String> ids(People people, TeamFilter filter) {
        List<String> whole = people.teams().list(filter, PageRequest.first(100)).items().stream()
                .map(Team::id)
                .toList();
        List<String> paged = People.all(2, page -> people.teams().list(filter, page)).stream()
                .map(Team::id)
                .toList();
        assertThat(paged).isEqualTo(whole);
        return whole;
    }
}
