package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.common.RateLimits;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.EndUserFilter;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.Organization;
import io.llmdb.identity.OrganizationFilter;
import io.llmdb.identity.OrganizationMembership;
import io.llmdb.identity.OrganizationMembershipFilter;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.Tag;
import io.llmdb.identity.TagFilter;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.TeamMembershipFilter;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.User;
import io.llmdb.identity.UserFilter;
import io.llmdb.identity.UserSpec;
import io.llmdb.internal.Db;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.assertj.core.util.Throwables;
import org.junit.jupiter.api.Test;

/** Users, organizations, end users, tags and memberships: made, found, edited, listed, refused. */
@LlmDbTest
class OthersTest {

    @Test
    void users(TestDatabase database) {
        People people = People.of(database);
        people.organizations().create(OrganizationSpec.of("Acme"), "acme");
        UserSpec spec = UserSpec.of("Ann@Example.org")
                .withAlias("Ann")
                .withSsoUserId("sso-1")
                .withOrganizationId("acme")
                .withDefaultTeamId("red")
                .withRole("internal_user")
                .withPasswordHash("$2b$12$abc")
                .withBudget(BudgetTerms.of("7", "7d"))
                .withRateLimits(new RateLimits(1L, 2L, 3L))
                .withModels(List.of("no-default-models"))
                .withAllowedCacheControls(List.of("no-store"))
                .withMetadata(Map.of("k", "v"));

        User made = people.users().create(spec, "ann");

        assertThat(made.spec()).isEqualTo(spec);
        assertThat(made.toString()).doesNotContain("$2b$12$abc").contains("passwordHash=***");
        assertThat(made.teams()).isEmpty();
        assertThat(people.users().require("ann")).isEqualTo(made);
        User edited = people.users().update("ann", s -> s.withRole(null).withPasswordHash(null));
        assertThat(edited.spec()).isEqualTo(spec.withRole(null).withPasswordHash(null));

        people.users().create(UserSpec.of("bob@example.org").withAlias("Bob").withRole("internal_user"), "bob");
        people.users().create(UserSpec.empty().withRole("proxy_admin"), "cat");
        people.teams().create(TeamSpec.empty(), "red");
        people.teamMembers().add("red", "bob", TeamMembershipSpec.of(TeamRole.USER));
        var all = UserFilter.all();
        assertThat(userIds(people, all)).containsExactly("ann", "bob", "cat");
        assertThat(userIds(people, all.withOrder(UserFilter.Order.EMAIL)).get(0))
                .isEqualTo("cat");
        assertThat(userIds(people, all.withOrder(UserFilter.Order.ALIAS)).get(0))
                .isEqualTo("cat");
        assertThat(userIds(people, all.withOrder(UserFilter.Order.NEWEST))).containsExactly("cat", "bob", "ann");
        assertThat(userIds(people, all.withOrder(UserFilter.Order.MOST_SPENT))).hasSize(3);
        assertThat(userIds(people, all.withEmailPart("@EXAMPLE"))).containsExactly("ann", "bob");
        assertThat(userIds(people, all.withAliasPart("bo"))).containsExactly("bob");
        assertThat(userIds(people, all.withRole("proxy_admin"))).containsExactly("cat");
        assertThat(userIds(people, all.withOrganizationId("acme"))).containsExactly("ann");
        assertThat(userIds(people, all.withTeamId("red"))).containsExactly("bob");
        assertThat(userIds(people, all.withSsoUserId("sso-1"))).containsExactly("ann");
        assertThat(people.users().require("bob").teams()).containsExactly("red");

        assertThatThrownBy(() -> people.users().create(UserSpec.empty().withSsoUserId("sso-1"), "dan"))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("sso_user_id \"sso-1\" is taken: another user has it");
        assertThatThrownBy(() -> people.users().update("bob", s -> s.withSsoUserId("sso-1")))
                .isInstanceOf(AlreadyExistsException.class);
        assertThatThrownBy(() -> people.users().create(UserSpec.empty().withOrganizationId("x"), "dan"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("organization_id \"x\": there is no such organization");
    }

    @Test
    void organizations(TestDatabase database) {
        People people = People.of(database);
        OrganizationSpec spec =
                OrganizationSpec.of("Acme").withModels(List.of("a")).withMetadata(Map.of("contract", 12));

        Organization made = people.organizations().create(spec, "acme");

        assertThat(made.spec()).isEqualTo(spec.withBudgetId(made.spec().budgetId()));
        assertThat(made.createdBy()).isEqualTo(People.ADMIN.id());
        assertThat(people.organizations().require("acme")).isEqualTo(made);
        Organization edited = people.organizations().update("acme", s -> s.withAlias("ACME Ltd"));
        assertThat(edited.spec().alias()).isEqualTo("ACME Ltd");
        assertThat(edited.spec().budgetId()).isEqualTo(made.spec().budgetId());

        people.organizations().create(OrganizationSpec.of("Zeta"));
        people.users().create(UserSpec.empty(), "ann");
        people.organizationMembers().add("acme", "ann", OrganizationMembershipSpec.of(null));
        var all = OrganizationFilter.all();
        assertThat(aliases(people, all.withOrder(OrganizationFilter.Order.ALIAS)))
                .containsExactly("ACME Ltd", "Zeta");
        assertThat(aliases(people, all.withOrder(OrganizationFilter.Order.NEWEST)))
                .containsExactly("Zeta", "ACME Ltd");
        assertThat(aliases(people, all.withAliasPart("acme"))).containsExactly("ACME Ltd");
        assertThat(aliases(people, all.withMemberUserId("ann"))).containsExactly("ACME Ltd");
        assertThat(aliases(people, all.withBudgetId(made.spec().budgetId()))).containsExactly("ACME Ltd");
        assertThatThrownBy(() ->
                        people.organizations().create(OrganizationSpec.of("x").withBudgetId("no")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("budget_id \"no\": there is no such budget");
        assertThatThrownBy(() -> people.organizations().delete("no"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("organization_id \"no\": there is no such organization");
    }

    @Test
    void endUsers(TestDatabase database) {
        People people = People.of(database);
        EndUserSpec spec = EndUserSpec.empty()
                .withAlias("Customer")
                .withAllowedModelRegion("eu")
                .withDefaultModel("small");

        EndUser made = people.endUsers().create(spec, "c1");

        assertThat(made.spec()).isEqualTo(spec);
        assertThat(people.endUsers().require("c1")).isEqualTo(made);
        assertThat(people.endUsers().block("c1").spec().blocked()).isTrue();
        assertThat(people.endUsers().unblock("c1").spec().blocked()).isFalse();
        people.endUsers().create(EndUserSpec.empty().withBlocked(true), "c2");
        // One who was seen in traffic.
        database.execute("INSERT INTO ${llmdb}.\"LLM_EndUserTable\" (user_id, spend) VALUES ('d3', 5)");
        var all = EndUserFilter.all();
        assertThat(endUserIds(people, all)).containsExactly("c1", "c2", "d3");
        assertThat(endUserIds(people, all.withOrder(EndUserFilter.Order.MOST_SPENT))
                        .get(0))
                .isEqualTo("d3");
        assertThat(endUserIds(people, all.withBlocked(true))).containsExactly("c2");
        assertThat(endUserIds(people, all.withIdPart("C"))).containsExactly("c1", "c2");
        assertThat(endUserIds(people, all.withAliasPart("custom"))).containsExactly("c1");
        assertThat(endUserIds(people, all.withAllowedModelRegion("eu"))).containsExactly("c1");
        assertThat(people.endUsers()
                        .update("d3", s -> s.withAlias("known now"))
                        .spendState()
                        .spend())
                .isEqualByComparingTo("5");
        assertThatThrownBy(() -> people.endUsers().create(spec, "c1"))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("user_id \"c1\" is taken: another end user has it");
    }

    @Test
    void tags(TestDatabase database) {
        People people = People.of(database);
        TagSpec spec = new TagSpec("nightly jobs", List.of("m"), Map.of("m", Map.of("weight", 0.5)), null, null);

        Tag made = people.tags().create(spec, "batch");

        assertThat(made.spec()).isEqualTo(spec);
        assertThat(people.tags().require("batch")).isEqualTo(made);
        assertThat(people.tags().update("batch", s -> TagSpec.empty()).spec()).isEqualTo(TagSpec.empty());
        people.tags().create(TagSpec.empty(), "live");
        assertThat(People.all(1, page -> people.tags().list(TagFilter.all(), page)))
                .extracting(Tag::name)
                .containsExactly("batch", "live");
        assertThat(people.tags()
                        .list(TagFilter.all().withNamePart("IV"), PageRequest.first(5))
                        .items())
                .extracting(Tag::name)
                .containsExactly("live");
        assertThatThrownBy(() -> people.tags().create(spec, "batch"))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("tag_name \"batch\" is taken: another tag has it");
    }

    @Test
    void memberships(TestDatabase database) {
        People people = People.of(database);
        people.organizations().create(OrganizationSpec.of("Acme"), "acme");
        people.teams().create(TeamSpec.empty(), "red");
        people.teams().create(TeamSpec.empty(), "blue");
        for (String user : List.of("ann", "bob", "cat")) {
            people.users().create(UserSpec.empty(), user);
        }

        TeamMembership made = people.teamMembers().add("red", "ann", TeamMembershipSpec.of(TeamRole.USER));
        List<TeamMembership> more = people.teamMembers()
                .addAll(
                        "blue",
                        Map.of(
                                "cat",
                                TeamMembershipSpec.of(TeamRole.ADMIN),
                                "bob",
                                TeamMembershipSpec.of(TeamRole.USER)));

        assertThat(people.teamMembers().require("red", "ann")).isEqualTo(made);
        assertThat(people.teamMembers().exists("red", "bob")).isFalse();
        assertThat(more).extracting(TeamMembership::userId).containsExactly("bob", "cat");
        assertThat(people.teamMembers().addAll("blue", Map.of())).isEmpty();
        assertThat(people.teamMembers()
                        .update("red", "ann", s -> s.withRole(TeamRole.ADMIN))
                        .spec()
                        .role())
                .isEqualTo(TeamRole.ADMIN);
        var all = TeamMembershipFilter.all();
        assertThat(memberIds(people, all)).containsExactly("ann/red", "bob/blue", "cat/blue");
        assertThat(memberIds(people, all.withTeamId("blue"))).containsExactly("bob/blue", "cat/blue");
        assertThat(memberIds(people, all.withUserId("cat"))).containsExactly("cat/blue");
        assertThat(memberIds(people, all.withRole(TeamRole.ADMIN))).containsExactly("ann/red", "cat/blue");
        assertThat(memberIds(people, all.withOrder(TeamMembershipFilter.Order.NEWEST)))
                .hasSize(3);
        assertThatThrownBy(() -> people.teamMembers().add("red", "ann", TeamMembershipSpec.of(TeamRole.USER)))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessage("user_id \"ann\" is a member of team_id \"red\" already");
        assertThatThrownBy(() -> people.teamMembers().add("red", "dan", TeamMembershipSpec.of(TeamRole.USER)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("user_id \"dan\": there is no such user");
        assertThatThrownBy(() -> people.teamMembers().add("green", "ann", TeamMembershipSpec.of(TeamRole.USER)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("team_id \"green\": there is no such team");
        for (Callable<?> call : List.<Callable<?>>of(
                () -> people.teamMembers().require("red", "bob"),
                () -> people.teamMembers().remove("red", "bob"),
                () -> people.teamMembers().update("red", "bob", s -> s))) {
            assertThatThrownBy(call::call)
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("user_id \"bob\", team_id \"red\": there is no such team membership");
        }

        OrganizationMembership member =
                people.organizationMembers().add("acme", "ann", OrganizationMembershipSpec.of("org_admin"));
        assertThat(people.organizationMembers().require("acme", "ann")).isEqualTo(member);
        assertThat(people.organizationMembers()
                        .update("acme", "ann", s -> s.withRole(null))
                        .spec()
                        .role())
                .isNull();
        people.organizationMembers().add("acme", "bob", OrganizationMembershipSpec.of("member"));
        assertThat(People.all(
                        1,
                        page -> people.organizationMembers()
                                .list(OrganizationMembershipFilter.all().withOrganizationId("acme"), page)))
                .extracting(OrganizationMembership::userId)
                .containsExactly("ann", "bob");
        assertThat(people.organizationMembers()
                        .list(OrganizationMembershipFilter.all().withRole("member"), PageRequest.first(9))
                        .items())
                .hasSize(1);
        assertThatThrownBy(() -> people.organizationMembers().add("acme", "ann", OrganizationMembershipSpec.of(null)))
                .isInstanceOf(AlreadyExistsException.class)
                .hasMessageContaining("user_id \"ann\", organization_id \"acme\"");
        assertThatThrownBy(() -> people.organizationMembers().add("acme", "dan", OrganizationMembershipSpec.of(null)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("user_id \"dan\": there is no such user");
        assertThatThrownBy(() -> people.organizationMembers().add("other", "ann", OrganizationMembershipSpec.of(null)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("organization_id \"other\": there is no such organization");
    }

    @Test
    void parallelEditsOfOneObjectLoseNone(TestDatabase database) throws Exception {
        try (var pool = MembershipStormTest.pool(database, 2)) {
            People people = People.of(pool, database.schema(), false);
            people.teams().create(TeamSpec.empty(), "t");
            List<Callable<Object>> edits = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                String model = "m%02d".formatted(i);
                edits.add(() -> people.teams().update("t", spec -> {
                    List<String> models = new ArrayList<>(spec.models());
                    models.add(model);
                    return spec.withModels(models);
                }));
            }
            MembershipStormTest.atOnce(edits);

            assertThat(people.teams().require("t").spec().models()).hasSize(50).doesNotHaveDuplicates();
        }
    }

    @Test
    void joinsTheCallersTransaction(TestDatabase database) throws Exception {
        try (Connection connection = database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            People people = People.of(new Db(database.dataSource(), database.schema()).joining(connection), true);
            people.teams().create(TeamSpec.empty(), "t");
            // A refusal takes back its own part alone.
            assertThatThrownBy(() -> people.teams().create(TeamSpec.empty(), "t"))
                    .isInstanceOf(AlreadyExistsException.class);
            people.users().create(UserSpec.empty(), "u");
            people.teamMembers().add("t", "u", TeamMembershipSpec.of(TeamRole.USER));
            people.teams().delete("t");
            assertThat(database.count("LLM_UserTable")).isZero();
            connection.commit();
        }
        assertThat(database.count("LLM_UserTable")).isEqualTo(1);
        assertThat(database.count("LLM_TeamTable")).isZero();
        assertThat(database.count("LLM_AuditLog")).isEqualTo(5);
    }

    @Test
    void noMessageShowsSqlOrARowsOtherValues(TestDatabase database) {
        People people = People.of(database);
        database.execute("ALTER TABLE ${llmdb}.\"LLM_UserTable\" ADD CONSTRAINT house_rule CHECK (user_alias <> 'x')");

        assertThatThrownBy(() ->
                        people.users().create(UserSpec.empty().withAlias("x").withPasswordHash("a-secret-hash"), "u"))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("house_rule")
                .satisfies(e -> assertThat(Throwables.getStackTrace(e)).doesNotContain("a-secret-hash", "insert into"));
        assertThatThrownBy(() -> {
                    database.execute("DROP TABLE ${llmdb}.\"LLM_TagTable\" CASCADE");
                    people.tags().create(TagSpec.empty(), "t");
                })
                .isInstanceOf(DatabaseFailureException.class)
                .hasMessageNotContaining("insert into");
    }

    @Test
    void stateThatOthersWroteIsReadOrRefusedClearly(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.empty(), "t");
        database.execute("""
                UPDATE ${llmdb}."LLM_TeamTable" SET model_max_budget =
                '{"a": {"budget_limit": "0.5", "time_period": "1d"}, "b": {"max_budget": 2, "budget_duration": "7d"}, "c": 3}'""");
        assertThat(people.teams().require("t").spec().budget().modelLimits())
                .containsOnlyKeys("a", "b", "c")
                .satisfies(
                        limits -> assertThat(limits.get("a").maxBudget()).isEqualByComparingTo(new BigDecimal("0.5")));

        database.execute(
                "UPDATE ${llmdb}.\"LLM_TeamTable\" SET model_max_budget = '{\"a\": {\"time_period\": \"1d\"}}'");
        assertThatThrownBy(() -> people.teams().require("t"))
                .isInstanceOf(DatabaseFailureException.class)
                .hasMessageContaining("model_max_budget.a has no budget_limit");
    }

    private static List<String> userIds(People people, UserFilter filter) {
        return People.all(2, page -> people.users().list(filter, page)).stream()
                .map(User::id)
                .toList();
    }

    private static List<String> aliases(People people, OrganizationFilter filter) {
        return People.all(1, page -> people.organizations().list(filter, page)).stream()
                .map(organization -> organization.spec().alias())
                .toList();
    }

    private static List<String> endUserIds(People people, EndUserFilter filter) {
        return People.all(2, page -> people.endUsers().list(filter, page)).stream()
                .map(EndUser::id)
                .toList();
    }

    private static List<String> memberIds(People people, TeamMembershipFilter filter) {
        return People.all(2, page -> people.teamMembers().list(filter, page)).stream()
                .map(member -> member.userId() + "/" + member.teamId())
                .toList();
    }
}
