package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.Repositories;
import io.llmdb.audit.AuditLogRepository;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.identity.BudgetRepository;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserRepository;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.InvitationRepository;
import io.llmdb.identity.ModelAccessRequestRepository;
import io.llmdb.identity.OrganizationMembershipRepository;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationRepository;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagRepository;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembershipRepository;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRepository;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserRepository;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.DueRotations;
import io.llmdb.keys.KeyRepository;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.ModelRepository;
import io.llmdb.models.ProxyModelSpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every audited operation fails at each of its statements in turn, the commit among them: then nothing has changed
 * anywhere. Where it succeeds, each object that changed has exactly one row in the audit log, and nothing else has one.
 */
@LlmDbTest
class AuditAtomicityTest {

    private static final String DUE_KEYS = "rotate the keys that are due";

    /** Audited tables and the columns of their keys. */
    private static final Map<String, String> AUDITED = Map.ofEntries(
            Map.entry("LLM_BudgetTable", "budget_id"),
            Map.entry("LLM_OrganizationTable", "organization_id"),
            Map.entry("LLM_TeamTable", "team_id"),
            Map.entry("LLM_UserTable", "user_id"),
            Map.entry("LLM_EndUserTable", "user_id"),
            Map.entry("LLM_TeamMembership", "user_id || '/' || team_id"),
            Map.entry("LLM_OrganizationMembership", "user_id || '/' || organization_id"),
            Map.entry("LLM_InvitationLink", "id"),
            Map.entry("LLM_UserNotifications", "request_id"),
            Map.entry("LLM_VerificationToken", "token"),
            Map.entry("LLM_ProxyModelTable", "model_id"),
            Map.entry("LLM_TagTable", "tag_name"));

    private static final List<String> OTHERS = List.of(
            "LLM_AuditLog",
            "LLM_DeletedVerificationToken",
            "LLM_DeprecatedVerificationToken",
            "LLM_DeletedTeamTable",
            "LLM_SpendCounter",
            "LLM_BudgetAlert",
            "LLM_Change");

    /** They follow other rows, whose changes are recorded. */
    private static final List<String> DERIVED =
            List.of("admins", "members", "members_with_roles", "teams", "spend_window_start", "budget_reset_at");

    static Stream<Arguments> operations() {
        Map<String, Consumer<People>> operations = new LinkedHashMap<>();
        BudgetSpec daily = BudgetSpec.of(BudgetTerms.of("5", "1d"));
        operations.put("create a budget", p -> p.budgets().create(daily));
        operations.put("edit a budget", p -> p.budgets().update("tier", s -> BudgetSpec.of(BudgetTerms.of("9"))));
        operations.put(
                "change the duration of a linked budget",
                p -> p.budgets()
                        .update(
                                "tier",
                                s -> new BudgetSpec(
                                        s.terms().withDuration(BudgetDuration.parse("budget_duration", "7d")),
                                        s.rateLimits(),
                                        s.allowedModels())));
        operations.put("delete a budget", p -> p.budgets().delete("free"));
        operations.put("create an organization", p -> p.organizations().create(OrganizationSpec.of("New")));
        operations.put(
                "create an organization with limits",
                p -> p.organizations().create(OrganizationSpec.of("New").withOwnBudget(daily), "new"));
        operations.put("edit an organization", p -> p.organizations().update("acme", s -> s.withAlias("Other")));
        operations.put(
                "edit an organization's own budget",
                p -> p.organizations().update("acme", s -> s.withOwnBudget(daily)));
        operations.put(
                "link another budget to an organization",
                p -> p.organizations().update("acme", s -> s.withBudgetId("tier")));
        operations.put("delete an organization", p -> p.organizations().delete("empty"));
        operations.put("delete an organization with all", p -> p.organizations().deleteWithTeamsAndKeys("acme"));
        operations.put("create a team", p -> p.teams().create(TeamSpec.of("new")));
        operations.put("edit a team", p -> p.teams().update("red", s -> s.withAlias("other")));
        operations.put("block a team", p -> p.teams().block("red"));
        operations.put("delete a team", p -> p.teams().delete("red"));
        operations.put("create a user", p -> p.users().create(UserSpec.of("x@example.org")));
        operations.put("edit a user", p -> p.users().update("ann", s -> s.withRole("proxy_admin")));
        operations.put("delete a user", p -> p.users().delete("ann"));
        operations.put("create an end user", p -> p.endUsers().create(EndUserSpec.empty(), "new"));
        operations.put(
                "create an end user with limits",
                p -> p.endUsers().create(EndUserSpec.empty().withOwnBudget(daily), "new"));
        operations.put("block an end user", p -> p.endUsers().block("customer"));
        operations.put("delete an end user", p -> p.endUsers().delete("customer"));
        operations.put("add a member", p -> p.teamMembers().add("blue", "ann", TeamMembershipSpec.of(TeamRole.ADMIN)));
        operations.put(
                "add members with limits",
                p -> p.teamMembers()
                        .addAll(
                                "blue",
                                Map.of(
                                        "ann",
                                                TeamMembershipSpec.of(TeamRole.ADMIN)
                                                        .withOwnBudget(daily),
                                        "bob",
                                                TeamMembershipSpec.of(TeamRole.USER)
                                                        .withBudgetId("tier"))));
        operations.put(
                "change a member's role", p -> p.teamMembers().update("red", "bob", s -> s.withRole(TeamRole.ADMIN)));
        operations.put("remove a member", p -> p.teamMembers().remove("red", "ann"));
        operations.put(
                "add an organization's member",
                p -> p.organizationMembers().add("acme", "bob", OrganizationMembershipSpec.of("member")));
        operations.put(
                "edit an organization's member",
                p -> p.organizationMembers().update("acme", "ann", s -> s.withRole("org_admin")));
        operations.put(
                "remove an organization's member", p -> p.organizationMembers().remove("acme", "ann"));
        operations.put("invite", p -> p.invitations().create("ann"));
        operations.put("accept an invitation", p -> p.invitations().accept(invitation(p)));
        operations.put("delete an invitation", p -> p.invitations().delete(invitation(p)));
        operations.put("ask for models", p -> p.requests().create("ann", List.of("m"), "please"));
        operations.put("approve a request", p -> p.requests().approve(request(p)));
        operations.put("disapprove a request", p -> p.requests().disapprove(request(p)));
        operations.put("delete a request", p -> p.requests().delete(request(p)));
        operations.put("create a tag", p -> p.tags().create(TagSpec.empty(), "new"));
        operations.put("edit a tag", p -> p.tags().update("batch", s -> s.withDescription("other")));
        operations.put("delete a tag", p -> p.tags().delete("batch"));
        String key = "2".repeat(64);
        operations.put(
                "create a key", p -> p.keys().create(VirtualKeySpec.of("new").withUserId("ann")));
        operations.put("bring a key", p -> p.keys().create(VirtualKeySpec.of("new"), "sk-brought-along-0123"));
        operations.put("edit a key", p -> p.keys().update(key, s -> s.withAlias("other")));
        operations.put("block a key", p -> p.keys().block(key));
        operations.put("unblock a key", p -> p.keys().unblock("5".repeat(64)));
        operations.put("block a team's keys", p -> p.keys().blockKeysOfTeam("red"));
        operations.put("unblock a team's keys", p -> p.keys().unblockKeysOfTeam("blue"));
        operations.put("block a user's keys", p -> p.keys().blockKeysOfUser("ann"));
        operations.put("unblock a user's keys", p -> p.keys().unblockKeysOfUser("bob"));
        operations.put("rotate a key", p -> p.keys().rotate(key, Duration.ofHours(1)));
        operations.put("rotate a key to one's own", p -> p.keys().rotate(key, Duration.ZERO, "sk-brought-along-0123"));
        operations.put(DUE_KEYS, p -> {
            DueRotations due = p.keys().rotateDue(Duration.ZERO, issued -> {});
            due.failed().values().forEach(failure -> {
                throw failure;
            });
        });
        operations.put("delete a key", p -> p.keys().delete("1".repeat(64)));
        operations.put("create a model", p -> p.models().create(ProxyModelSpec.of("new", Map.of("api_key", "k"))));
        operations.put("edit a model", p -> p.models().update("gpt", s -> s.withParams(Map.of("api_key", "k2"))));
        operations.put("block a model", p -> p.models().block("gpt"));
        operations.put("unblock a model", p -> p.models().unblock("claude"));
        operations.put("delete a model", p -> p.models().delete("gpt"));
        operations.put(
                "rotate credentials",
                p -> p.models().rotateCredentials(People.SALT, CredentialKeys.parse("the next salt key"), done -> {}));
        return operations.entrySet().stream().map(entry -> Arguments.of(entry.getKey(), entry.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("operations")
    void changeAndRowTogetherOrNotAtAll(String name, Consumer<People> operation, TestDatabase database) {
        makeWorld(database);
        FailingDataSource failing = new FailingDataSource(database.dataSource());
        People people = People.of(failing, database.schema(), true);
        Map<String, String> before = snapshot(database);
        // Only the library's own statements fail, not those by which an operation finds its object.
        int lookUps = lookUps(failing, people, name);

        int failures = 0;
        for (int n = lookUps + 1; ; n++) {
            failing.failAt(n);
            try {
                operation.accept(people);
                assertThat(failing.statements()).isLessThan(n);
                break;
            } catch (DatabaseFailureException e) {
                assertThat(e).hasMessageContaining("58030");
                failures++;
            }
            Map<String, String> now = snapshot(database);
            if (name.equals(DUE_KEYS) && !now.equals(before)) {
                // Each key has a transaction of its own: its rotation is done, and the search for the next one failed.
                break;
            }
            assertThat(now).as("%s fails at statement %s", name, n).isEqualTo(before);
        }

        // A lock or an insert, the row of the audit log, the commit: fewer statements would mean that none was counted.
        assertThat(failures).isGreaterThanOrEqualTo(3);
        assertThat(audited(database))
                .isEqualTo(changed(before, snapshot(database)))
                .isNotEmpty();
    }

    /** Whoever adds a method that changes something adds an operation above, and names the method here. */
    @org.junit.jupiter.api.Test
    void everyMethodThatChangesSomethingIsAmongThem() {
        Map<Class<?>, Set<String>> covered = Map.ofEntries(
                Map.entry(BudgetRepository.class, Set.of("create", "update", "delete")),
                Map.entry(OrganizationRepository.class, Set.of("create", "update", "delete", "deleteWithTeamsAndKeys")),
                Map.entry(TeamRepository.class, Set.of("create", "update", "block", "unblock", "delete")),
                Map.entry(UserRepository.class, Set.of("create", "update", "delete")),
                Map.entry(EndUserRepository.class, Set.of("create", "update", "block", "unblock", "delete")),
                Map.entry(TeamMembershipRepository.class, Set.of("add", "addAll", "update", "remove")),
                Map.entry(OrganizationMembershipRepository.class, Set.of("add", "update", "remove")),
                Map.entry(InvitationRepository.class, Set.of("create", "accept", "delete")),
                Map.entry(ModelAccessRequestRepository.class, Set.of("create", "approve", "disapprove", "delete")),
                Map.entry(TagRepository.class, Set.of("create", "update", "delete")),
                Map.entry(
                        KeyRepository.class,
                        Set.of(
                                "create",
                                "update",
                                "block",
                                "unblock",
                                "blockKeysOfTeam",
                                "unblockKeysOfTeam",
                                "blockKeysOfUser",
                                "unblockKeysOfUser",
                                "rotate",
                                "rotateDue",
                                "delete")),
                Map.entry(
                        ModelRepository.class,
                        Set.of("create", "update", "block", "unblock", "delete", "rotateCredentials")),
                Map.entry(AuditLogRepository.class, Set.of()));
        Set<String> reading = Set.of("as", "find", "findByRawKey", "require", "exists", "list");
        Set<Class<?>> repositories = new HashSet<>();
        for (var method : Repositories.class.getMethods()) {
            if (method.getReturnType().getSimpleName().endsWith("Repository")) {
                repositories.add(method.getReturnType());
            }
        }

        assertThat(repositories).isEqualTo(covered.keySet());
        for (Class<?> repository : repositories) {
            Set<String> changing = new HashSet<>();
            for (var method : repository.getDeclaredMethods()) {
                if (Modifier.isPublic(method.getModifiers())
                        && !method.isSynthetic()
                        && !reading.contains(method.getName())) {
                    changing.add(method.getName());
                }
            }
            assertThat(changing).as(repository.getSimpleName()).isEqualTo(covered.get(repository));
        }
    }

    @org.junit.jupiter.api.Test
    void theFaultIsReal(TestDatabase database) {
        FailingDataSource failing = new FailingDataSource(database.dataSource());
        People people = People.of(failing, database.schema(), true);
        failing.failAt(2);

        assertThatThrownBy(() -> people.teams().create(TeamSpec.of("t"))).isInstanceOf(DatabaseFailureException.class);
        assertThat(people.teams().create(TeamSpec.of("t")).spec().alias()).isEqualTo("t");
    }

    private static int lookUps(FailingDataSource failing, People people, String name) {
        failing.failAt(0);
        if (name.contains("an invitation")) {
            invitation(people);
        } else if (name.contains("a request")) {
            request(people);
        }
        return failing.statements();
    }

    private static String invitation(People people) {
        return People.all(
                        9,
                        page -> people.invitations()
                                .list(io.llmdb.identity.InvitationFilter.all().withUserId("ann"), page))
                .get(0)
                .id();
    }

    private static String request(People people) {
        return People.all(
                        9,
                        page -> people.requests()
                                .list(
                                        io.llmdb.identity.ModelAccessRequestFilter.all()
                                                .withUserId("ann"),
                                        page))
                .get(0)
                .id();
    }

    private static void makeWorld(TestDatabase database) {
        People p = People.of(database, false);
        BudgetSpec own = BudgetSpec.of(BudgetTerms.of("3", "1mo"));
        p.budgets().create(BudgetSpec.of(BudgetTerms.of("10", "1d")), "tier");
        p.budgets().create(BudgetSpec.of(BudgetTerms.of("10")), "free");
        p.organizations().create(OrganizationSpec.of("Acme").withOwnBudget(own), "acme");
        p.organizations().create(OrganizationSpec.of("Empty"), "empty");
        p.teams().create(TeamSpec.of("red").withOrganizationId("acme"), "red");
        p.teams().create(TeamSpec.of("blue"), "blue");
        p.users()
                .create(
                        UserSpec.of("ann@example.org")
                                .withOrganizationId("acme")
                                .withModels(List.of("a"))
                                .withPasswordHash("hash of a password"),
                        "ann");
        p.users().create(UserSpec.of("bob@example.org"), "bob");
        p.teamMembers().add("red", "ann", TeamMembershipSpec.of(TeamRole.ADMIN).withOwnBudget(own));
        p.teamMembers().add("red", "bob", TeamMembershipSpec.of(TeamRole.USER).withBudgetId("tier"));
        p.organizationMembers()
                .add("acme", "ann", OrganizationMembershipSpec.of("member").withOwnBudget(own));
        p.organizationMembers()
                .add("empty", "bob", OrganizationMembershipSpec.of("member").withBudgetId("tier"));
        p.endUsers().create(EndUserSpec.empty().withOwnBudget(own), "customer");
        p.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), "customer of the tier");
        p.tags().create(TagSpec.empty().withBudgetId("tier"), "batch");
        p.invitations().create("ann");
        p.requests().create("ann", List.of("b"), "");
        People.insertKey(database, "1".repeat(64), "ann", null, null);
        People.insertKey(database, "2".repeat(64), "ann", "red", null);
        People.insertKey(database, "3".repeat(64), "bob", "red", "acme");
        People.insertKey(database, "4".repeat(64), null, null, "acme");
        People.insertKey(database, "5".repeat(64), "bob", "blue", null);
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET blocked = true WHERE token = ?", "5".repeat(64));
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET auto_rotate = true, rotation_interval = '1d' WHERE token = ?",
                "4".repeat(64));
        p.models().create(ProxyModelSpec.of("gpt", Map.of("api_key", "secret")), "gpt");
        p.models()
                .create(ProxyModelSpec.of("claude", Map.of("api_key", "secret")).withBlocked(true), "claude");
        database.execute("""
                INSERT INTO ${llmdb}."LLM_SpendCounter" (scope, scope_id, parent_id, budget_duration, spend)
                VALUES ('team', 'red', '', '1d', 1), ('team_member', 'ann', 'red', '1d', 1), ('user', 'ann', '', '1d', 1),
                       ('key', repeat('1', 64), '', '1d', 1), ('organization', 'acme', '', '1d', 1), ('end_user', 'customer', '', '1d', 1)""");
    }

    /** All rows of all tables, by table and key, without what is derived. */
    private static Map<String, String> snapshot(TestDatabase database) {
        List<String> parts = new ArrayList<>();
        AUDITED.forEach((table, key) -> parts.add(
                "SELECT '%s ' || %s AS key, (to_jsonb(t) - '{%s}'::text[])::text AS value FROM ${llmdb}.\"%s\" t"
                        .formatted(table, key, String.join(",", DERIVED), table)));
        for (String table : OTHERS) {
            parts.add("SELECT '%s ' || md5(t::text), t::text FROM ${llmdb}.\"%s\" t".formatted(table, table));
        }
        Map<String, String> rows = new TreeMap<>();
        for (Map<String, Object> row : database.rows(String.join(" UNION ALL ", parts))) {
            rows.put((String) row.get("key"), (String) row.get("value"));
        }
        return rows;
    }

    /** What happened to each audited object, such as {@code LLM_TeamTable red: updated}. */
    private static Map<String, String> changed(Map<String, String> before, Map<String, String> after) {
        Map<String, String> all = new HashMap<>(before);
        all.putAll(after);
        Map<String, String> changes = new TreeMap<>();
        for (String key : all.keySet()) {
            String was = before.get(key);
            String is = after.get(key);
            if (AUDITED.containsKey(key.substring(0, key.indexOf(' '))) && (was == null || !was.equals(is))) {
                changes.put(key, was == null ? "created" : is == null ? "deleted" : "updated");
            }
        }
        return changes;
    }

    private static Map<String, String> audited(TestDatabase database) {
        Map<String, String> changes = new TreeMap<>();
        Collection<Map<String, Object>> rows = new ArrayList<>(database.rows("""
                SELECT table_name, object_id, action, changed_by, changed_by_api_key, before_value ->> 'token' AS token
                FROM ${llmdb}."LLM_AuditLog\""""));
        for (Map<String, Object> row : rows) {
            assertThat(row.get("changed_by")).isEqualTo(People.ADMIN.id());
            assertThat(row.get("changed_by_api_key")).isEqualTo(People.ADMIN.keyHash());
            String action = (String) row.get("action");
            if (action.equals("rotated") && row.get("token") != null) {
                // One row tells of both hashes.
                changes.put(row.get("table_name") + " " + row.get("token"), "deleted");
                action = "created";
            }
            String twice = changes.put(
                    row.get("table_name") + " " + row.get("object_id"),
                    action.endsWith("blocked") || action.equals("rotated") ? "updated" : action);
            assertThat(twice).as("a second row for %s", row).isNull();
        }
        return changes;
    }
}
