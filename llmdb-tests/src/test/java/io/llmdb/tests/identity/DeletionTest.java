package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.ConflictException;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.MembershipRemoval;
import io.llmdb.identity.OrganizationDeletion;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamDeletion;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserDeletion;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A deletion does the whole job, and says what it did. */
@LlmDbTest
class DeletionTest {

    private static final String ANNS = "1".repeat(64);
    private static final String ANNS_IN_RED = "2".repeat(64);
    private static final String BOBS_IN_RED = "3".repeat(64);
    private static final String ACMES = "4".repeat(64);
    private static final String BOBS_IN_BLUE = "5".repeat(64);

    @Test
    void aTeamGoesWithItsKeysAndMemberships(TestDatabase database) {
        People people = world(database);
        database.execute("UPDATE ${llmdb}.\"LLM_TeamTable\" SET total_spend = 12.5 WHERE team_id = 'red'");

        TeamDeletion deletion = people.teams().delete("red");

        assertThat(deletion.teamId()).isEqualTo("red");
        assertThat(deletion.keyHashes()).containsExactly(ANNS_IN_RED, BOBS_IN_RED);
        assertThat(deletion.memberIds()).containsExactly("ann", "bob");
        assertThat(deletion.budgetsDeleted()).isEqualTo(1);
        assertThat(people.teams().exists("red")).isFalse();
        assertThat(people.users().require("bob").teams()).containsExactly("blue");
        assertThat(keys(database)).containsExactly(ANNS, ACMES, BOBS_IN_BLUE);
        assertThat(counters(database))
                .doesNotContain("team red", "team_member ann")
                .contains("user ann");

        Map<String, Object> archived = database.rows("""
                        SELECT id, team_alias, organization_id, total_spend, deleted_by, deleted_by_api_key,
                               team_row ->> 'members' AS members
                        FROM ${llmdb}."LLM_DeletedTeamTable\"""").get(0);
        assertThat(archived)
                .containsEntry("id", deletion.archiveId())
                .containsEntry("team_alias", "Red")
                .containsEntry("organization_id", "acme")
                .containsEntry("deleted_by", People.ADMIN.id())
                .containsEntry("deleted_by_api_key", People.ADMIN.keyHash());
        assertThat((BigDecimal) archived.get("total_spend")).isEqualByComparingTo("12.5");
        assertThat(archived.get("members").toString()).contains("ann", "bob");
        Map<String, Object> key = database.rows("""
                        SELECT key_alias, user_id, team_id, reason, total_spend, deleted_by, key_row ->> 'spend' AS spend
                        FROM ${llmdb}."LLM_DeletedVerificationToken" WHERE token = ?""", ANNS_IN_RED).get(0);
        assertThat(key)
                .containsEntry("key_alias", "alias of " + ANNS_IN_RED)
                .containsEntry("user_id", "ann")
                .containsEntry("team_id", "red")
                .containsEntry("reason", "deleted")
                .containsEntry("deleted_by", People.ADMIN.id())
                .containsEntry("spend", "1.25");
        assertThat((BigDecimal) key.get("total_spend")).isEqualByComparingTo("7.5");
    }

    @Test
    void aUserGoesWithKeysMembershipsInvitationsAndRequests(TestDatabase database) {
        People people = world(database);
        people.invitations().create("ann");
        people.invitations().create("bob");
        people.requests().create("ann", List.of("m"), "");

        UserDeletion deletion = people.users().delete("ann");

        assertThat(deletion)
                .isEqualTo(
                        new UserDeletion("ann", List.of(ANNS, ANNS_IN_RED), List.of("red"), List.of("acme"), 1, 1, 2));
        assertThat(people.users().exists("ann")).isFalse();
        assertThat(keys(database)).containsExactly(BOBS_IN_RED, ACMES, BOBS_IN_BLUE);
        assertThat(database.count("LLM_InvitationLink")).isEqualTo(1);
        assertThat(database.count("LLM_UserNotifications")).isZero();
        assertThat(members(database, "red")).containsExactly("bob");
        assertThat(database.value(
                        String.class, "SELECT admins::text FROM ${llmdb}.\"LLM_TeamTable\" WHERE team_id = 'red'"))
                .isEqualTo("{}");
        assertThat(counters(database))
                .doesNotContain("user ann", "team_member ann")
                .contains("team red");
    }

    @Test
    void anOrganizationWithTeamsOrKeysStays(TestDatabase database) {
        People people = world(database);

        assertThatThrownBy(() -> people.organizations().delete("acme"))
                .isInstanceOf(ConflictException.class)
                .hasMessage(
                        "organization_id \"acme\" still has 1 teams and 2 virtual keys: delete or move them first, or"
                                + " call deleteWithTeamsAndKeys");
        assertThat(people.organizations().exists("acme")).isTrue();
        assertThat(people.teams().exists("red")).isTrue();
    }

    @Test
    void anOrganizationGoesWithAllThatIsLeftOfIt(TestDatabase database) {
        People people = world(database);

        OrganizationDeletion deletion = people.organizations().deleteWithTeamsAndKeys("acme");

        assertThat(deletion.organizationId()).isEqualTo("acme");
        assertThat(deletion.teams())
                .singleElement()
                .satisfies(team -> assertThat(team.keyHashes()).containsExactly(ANNS_IN_RED, BOBS_IN_RED));
        assertThat(deletion.keyHashes()).containsExactly(ACMES);
        assertThat(deletion.memberIds()).containsExactly("ann");
        assertThat(deletion.usersDetached()).containsExactly("ann");
        assertThat(deletion.budgetsDeleted()).isEqualTo(2);
        assertThat(people.users().require("ann").spec().organizationId()).isNull();
        assertThat(keys(database)).containsExactly(ANNS, BOBS_IN_BLUE);
        assertThat(database.count("LLM_BudgetTable")).as("only the shared one").isEqualTo(1);
        assertThat(counters(database)).containsExactlyInAnyOrder("user ann", "key " + ANNS);
        assertThat(database.count("LLM_DeletedTeamTable")).isEqualTo(1);
        assertThat(database.count("LLM_DeletedVerificationToken")).isEqualTo(3);
    }

    @Test
    void anOrganizationWithoutTeamsAndKeysGoes(TestDatabase database) {
        People people = world(database);
        people.teams().delete("red");
        database.execute("DELETE FROM ${llmdb}.\"LLM_VerificationToken\" WHERE organization_id IS NOT NULL");

        OrganizationDeletion deletion = people.organizations().delete("acme");

        assertThat(deletion)
                .isEqualTo(new OrganizationDeletion("acme", List.of(), List.of(), List.of("ann"), List.of("ann"), 2));
    }

    @Test
    void aMemberWhoLeavesATeamLosesItsKeys(TestDatabase database) {
        People people = world(database);

        MembershipRemoval removal = people.teamMembers().remove("red", "bob");

        assertThat(removal).isEqualTo(new MembershipRemoval("red", "bob", List.of(BOBS_IN_RED)));
        assertThat(keys(database)).containsExactly(ANNS, ANNS_IN_RED, ACMES, BOBS_IN_BLUE);
        assertThat(members(database, "red")).containsExactly("ann");
    }

    @Test
    void endUsersAndTagsGoWithTheirOwnBudgets(TestDatabase database) {
        People people = People.of(database);
        people.endUsers().create(EndUserSpec.empty().withOwnBudget(BudgetTerms.of("1")), "c");
        people.tags().create(TagSpec.empty().withOwnBudget(BudgetTerms.of("1")), "t");

        people.endUsers().delete("c");
        people.tags().delete("t");

        assertThat(database.count("LLM_EndUserTable")).isZero();
        assertThat(database.count("LLM_TagTable")).isZero();
        assertThat(database.count("LLM_BudgetTable")).isZero();
    }

    @Test
    void anOwnBudgetThatOthersLinkedBySqlStays(TestDatabase database) {
        People people = People.of(database);
        String budget = people.endUsers()
                .create(EndUserSpec.empty().withOwnBudget(BudgetTerms.of("1")), "c")
                .spec()
                .budgetId();
        People.insertKey(database, ANNS, null, null, null);
        database.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_id = ?", budget);

        people.endUsers().delete("c");

        assertThat(people.budgets().require(budget).owner()).isNull();
    }

    @Test
    void bigTeamsGoInOneTransactionToo(TestDatabase database) {
        People people = People.of(database);
        people.teams().create(TeamSpec.empty(), "big");
        database.execute("""
                INSERT INTO ${llmdb}."LLM_UserTable" (user_id) SELECT 'u' || i FROM generate_series(1, 2500) i;
                INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id) SELECT 'u' || i, 'big' FROM generate_series(1, 2500) i;
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, team_id)
                SELECT encode(sha256(i::text::bytea), 'hex'), 'big' FROM generate_series(1, 2500) i""");

        TeamDeletion deletion = people.teams().delete("big");

        assertThat(deletion.keyHashes()).hasSize(2500).isSorted();
        assertThat(deletion.memberIds()).hasSize(2500);
        assertThat(database.count("LLM_DeletedVerificationToken")).isEqualTo(2500);
        assertThat(database.value(
                        Long.class, "SELECT count(*) FROM ${llmdb}.\"LLM_AuditLog\" WHERE action = 'deleted'"))
                .isEqualTo(5001);
    }

    private static People world(TestDatabase database) {
        People people = People.of(database);
        BudgetTerms own = BudgetTerms.of("1");
        people.budgets().create(io.llmdb.identity.BudgetSpec.of(own), "shared");
        people.organizations().create(OrganizationSpec.of("Acme").withOwnBudget(own), "acme");
        people.teams().create(TeamSpec.of("Red").withOrganizationId("acme"), "red");
        people.teams().create(TeamSpec.of("Blue"), "blue");
        people.users().create(UserSpec.empty().withOrganizationId("acme"), "ann");
        people.users().create(UserSpec.empty(), "bob");
        people.teamMembers()
                .add("red", "ann", TeamMembershipSpec.of(TeamRole.ADMIN).withOwnBudget(own));
        people.teamMembers()
                .add("red", "bob", TeamMembershipSpec.of(TeamRole.USER).withBudgetId("shared"));
        people.teamMembers().add("blue", "bob", TeamMembershipSpec.of(TeamRole.USER));
        people.organizationMembers()
                .add("acme", "ann", OrganizationMembershipSpec.of("org_admin").withOwnBudget(own));
        People.insertKey(database, ANNS, "ann", null, null);
        People.insertKey(database, ANNS_IN_RED, "ann", "red", null);
        People.insertKey(database, BOBS_IN_RED, "bob", "red", "acme");
        People.insertKey(database, ACMES, null, null, "acme");
        People.insertKey(database, BOBS_IN_BLUE, "bob", "blue", null);
        database.execute("""
                INSERT INTO ${llmdb}."LLM_SpendCounter" (scope, scope_id, parent_id, budget_duration, spend)
                VALUES ('team', 'red', '', '1d', 1), ('team_member', 'ann', 'red', '1d', 1), ('user', 'ann', '', '1d', 1),
                       ('key', repeat('1', 64), '', '1d', 1), ('organization', 'acme', '', '1d', 1)""");
        return people;
    }

    private static List<String> keys(TestDatabase database) {
        return database.rows("SELECT token FROM ${llmdb}.\"LLM_VerificationToken\" ORDER BY 1").stream()
                .map(row -> (String) row.get("token"))
                .toList();
    }

    private static List<String> counters(TestDatabase database) {
        return database.rows("SELECT scope || ' ' || scope_id AS counter FROM ${llmdb}.\"LLM_SpendCounter\"").stream()
                .map(row -> (String) row.get("counter"))
                .toList();
    }

    private static List<String> members(TestDatabase database, String team) {
        return database
                .rows("SELECT unnest(members) AS id FROM ${llmdb}.\"LLM_TeamTable\" WHERE team_id = ?", team)
                .stream()
                .map(row -> (String) row.get("id"))
                .toList();
    }
}
