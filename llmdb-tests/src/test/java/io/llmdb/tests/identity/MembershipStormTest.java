package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditFilter;
import io.llmdb.common.PageRequest;
import io.llmdb.error.LlmDbException;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamMembership;
import io.llmdb.identity.TeamMembershipFilter;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.sql.Array;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Many changes of memberships at once: none is lost, none fails, and LiteLLM's lists follow. */
@LlmDbTest
class MembershipStormTest {

    private static final int CALLERS = 50;

    @Test
    void fiftyParallelChangesWithAPoolOfTwoLoseNone(TestDatabase database) throws Exception {
        try (HikariDataSource pool = pool(database, 2)) {
            People people = People.of(pool, database.schema(), true);
            people.organizations().create(OrganizationSpec.of("Acme"), "acme");
            people.teams().create(TeamSpec.empty(), "t");
            Map<String, TeamMembershipSpec> early = new HashMap<>();
            for (int i = 0; i < CALLERS; i++) {
                people.users().create(UserSpec.empty(), "u" + i);
                if (i % 5 >= 3) {
                    early.put("u" + i, TeamMembershipSpec.of(TeamRole.USER));
                }
            }
            people.teamMembers().addAll("t", early);

            List<Callable<Object>> changes = new ArrayList<>();
            TreeMap<String, TeamRole> expected = new TreeMap<>();
            for (int i = 0; i < CALLERS; i++) {
                String user = "u" + i;
                switch (i % 5) {
                    case 3 -> changes.add(() -> people.teamMembers().remove("t", user));
                    case 4 -> {
                        changes.add(
                                () -> people.teamMembers().update("t", user, spec -> spec.withRole(TeamRole.ADMIN)));
                        expected.put(user, TeamRole.ADMIN);
                    }
                    default -> {
                        TeamRole role = i % 5 == 0 ? TeamRole.ADMIN : TeamRole.USER;
                        changes.add(() -> people.teamMembers().add("t", user, TeamMembershipSpec.of(role)));
                        expected.put(user, role);
                    }
                }
            }
            atOnce(changes);

            assertThat(members(people, TeamMembershipFilter.all().withTeamId("t")))
                    .isEqualTo(expected);
            assertTheListsFollow(database);
            assertThat(database.deadlocks()).isZero();
            // And each left its row in the audit log.
            assertThat(audited(people, AuditAction.CREATED)).isEqualTo(expected.size() + CALLERS / 5);
            assertThat(audited(people, AuditAction.UPDATED)).isEqualTo(CALLERS / 5);
            assertThat(audited(people, AuditAction.DELETED)).isEqualTo(CALLERS / 5);
        }
    }

    @Test
    void fiftyParallelChangesInAnOrganizationLoseNone(TestDatabase database) throws Exception {
        try (HikariDataSource pool = pool(database, 2)) {
            People people = People.of(pool, database.schema(), false);
            people.organizations().create(OrganizationSpec.of("Acme"), "acme");
            List<Callable<Object>> changes = new ArrayList<>();
            TreeSet<String> expected = new TreeSet<>();
            for (int i = 0; i < CALLERS; i++) {
                String user = "u" + i;
                people.users().create(UserSpec.empty(), user);
                if (i % 2 == 0) {
                    people.organizationMembers().add("acme", user, OrganizationMembershipSpec.of(null));
                    changes.add(() -> {
                        people.organizationMembers().remove("acme", user);
                        return user;
                    });
                } else {
                    expected.add(user);
                    changes.add(() ->
                            people.organizationMembers().add("acme", user, OrganizationMembershipSpec.of("org_admin")));
                }
            }
            atOnce(changes);

            assertThat(new TreeSet<>(
                            database.rows("SELECT user_id FROM ${llmdb}.\"LLM_OrganizationMembership\"").stream()
                                    .map(row -> (String) row.get("user_id"))
                                    .toList()))
                    .isEqualTo(expected);
        }
    }

    @Test
    void manyUsersInManyTeamsNeverWaitForEachOther(TestDatabase database) throws Exception {
        try (HikariDataSource pool = pool(database, 12)) {
            People people = People.of(pool, database.schema(), false);
            int teams = 6;
            int users = 24;
            for (int t = 0; t < teams; t++) {
                people.teams().create(TeamSpec.empty(), "t" + t);
            }
            for (int u = 0; u < users; u++) {
                people.users().create(UserSpec.empty(), "u" + u);
            }
            // Through the repository and by plain SQL of others, each statement with many rows in an order of its own.
            List<Callable<Object>> changes = new ArrayList<>();
            Random random = new Random(4711);
            for (int t = 0; t < teams; t++) {
                String team = "t" + t;
                Map<String, TeamMembershipSpec> members = new HashMap<>();
                for (int u = 0; u < users / 2; u++) {
                    members.put("u" + u, TeamMembershipSpec.of(TeamRole.USER));
                }
                changes.add(() -> people.teamMembers().addAll(team, members));
            }
            for (int u = users / 2; u < users; u++) {
                String user = "u" + u;
                List<String> order = new ArrayList<>();
                for (int t = 0; t < teams; t++) {
                    order.add("('" + user + "', 't" + t + "')");
                }
                Collections.shuffle(order, random);
                String insert = "INSERT INTO ${llmdb}.\"LLM_TeamMembership\" (user_id, team_id) VALUES "
                        + String.join(", ", order);
                changes.add(() -> database.execute(insert));
            }
            Collections.shuffle(changes, random);
            atOnce(changes);

            assertThat(database.count("LLM_TeamMembership")).isEqualTo((long) teams * users);
            assertTheListsFollow(database);
            assertThat(database.deadlocks()).isZero();
        }
    }

    @Test
    void deletionsAmongAdditionsLeaveNothingBehind(TestDatabase database) throws Exception {
        try (HikariDataSource pool = pool(database, 8)) {
            People people = People.of(pool, database.schema(), true);
            people.organizations().create(OrganizationSpec.of("Acme"), "acme");
            for (int i = 0; i < 6; i++) {
                people.teams().create(TeamSpec.empty().withOrganizationId(i % 2 == 0 ? "acme" : null), "t" + i);
            }
            for (int i = 0; i < 20; i++) {
                people.users().create(UserSpec.empty().withOrganizationId(i % 4 == 0 ? "acme" : null), "u" + i);
                People.insertKey(database, "%064d".formatted(i), "u" + i, "t" + i % 6, i % 3 == 0 ? "acme" : null);
            }
            List<Callable<Object>> changes = new ArrayList<>();
            for (int i = 0; i < 120; i++) {
                String team = "t" + i % 6;
                String user = "u" + i % 20;
                changes.add(() ->
                        unlessGone(() -> people.teamMembers().add(team, user, TeamMembershipSpec.of(TeamRole.ADMIN))));
            }
            for (int i = 0; i < 10; i++) {
                String user = "u" + i;
                changes.add(20 + 9 * i, () -> people.users().delete(user));
            }
            changes.add(40, () -> people.teams().delete("t1"));
            changes.add(80, () -> people.teams().delete("t3"));
            changes.add(100, () -> people.organizations().deleteWithTeamsAndKeys("acme"));
            atOnce(changes);

            assertThat(database.deadlocks()).isZero();
            assertThat(database.count("LLM_OrganizationTable")).isZero();
            assertThat(ids(database, "team_id", "LLM_TeamTable")).containsExactly("t5");
            assertThat(database.count("LLM_UserTable")).isEqualTo(10);
            assertThat(members(people, TeamMembershipFilter.all()).keySet())
                    .isSubsetOf(ids(database, "user_id", "LLM_UserTable"));
            assertThat(database.value(Long.class, """
                            SELECT count(*) FROM ${llmdb}."LLM_VerificationToken"
                            WHERE team_id IS DISTINCT FROM 't5' OR organization_id IS NOT NULL
                               OR user_id NOT IN (SELECT user_id FROM ${llmdb}."LLM_UserTable")""")).isZero();
            assertThat(database.count("LLM_VerificationToken") + database.count("LLM_DeletedVerificationToken"))
                    .isEqualTo(20);
            assertThat(database.count("LLM_DeletedTeamTable")).isEqualTo(5);
            assertTheListsFollow(database);
        }
    }

    private static Object unlessGone(Callable<Object> change) throws Exception {
        try {
            return change.call();
        } catch (io.llmdb.error.NotFoundException | io.llmdb.error.AlreadyExistsException e) {
            return e;
        }
    }

    private static void assertTheListsFollow(TestDatabase database) throws Exception {
        Map<String, TreeSet<String>> members = new HashMap<>();
        Map<String, TreeSet<String>> admins = new HashMap<>();
        Map<String, TreeSet<String>> teams = new HashMap<>();
        for (Map<String, Object> row : database.rows("SELECT * FROM ${llmdb}.\"LLM_TeamMembership\"")) {
            String user = (String) row.get("user_id");
            String team = (String) row.get("team_id");
            members.computeIfAbsent(team, any -> new TreeSet<>()).add(user);
            teams.computeIfAbsent(user, any -> new TreeSet<>()).add(team);
            if ("admin".equals(row.get("role"))) {
                admins.computeIfAbsent(team, any -> new TreeSet<>()).add(user);
            }
        }
        for (Map<String, Object> row : database.rows(
                "SELECT team_id, members, admins, jsonb_array_length(members_with_roles) AS roles FROM ${llmdb}.\"LLM_TeamTable\"")) {
            String team = (String) row.get("team_id");
            TreeSet<String> expected = members.getOrDefault(team, new TreeSet<>());
            assertThat(list(row.get("members"))).as("members of %s", team).containsExactlyElementsOf(sorted(expected));
            assertThat(list(row.get("admins")))
                    .as("admins of %s", team)
                    .containsExactlyElementsOf(sorted(admins.getOrDefault(team, new TreeSet<>())));
            assertThat(row.get("roles")).isEqualTo(expected.size());
        }
        for (Map<String, Object> row : database.rows("SELECT user_id, teams FROM ${llmdb}.\"LLM_UserTable\"")) {
            assertThat(list(row.get("teams")))
                    .as("teams of %s", row.get("user_id"))
                    .containsExactlyElementsOf(sorted(teams.getOrDefault(row.get("user_id"), new TreeSet<>())));
        }
    }

    private static List<String> sorted(Set<String> set) {
        return List.copyOf(set);
    }

    private static List<String> list(Object array) throws Exception {
        List<String> values = new ArrayList<>(Arrays.asList((String[]) ((Array) array).getArray()));
        Collections.sort(values);
        return values;
    }

    private static List<String> ids(TestDatabase database, String column, String table) {
        return database.rows("SELECT " + column + " FROM ${llmdb}.\"" + table + "\" ORDER BY 1").stream()
                .map(row -> (String) row.get(column))
                .toList();
    }

    private static Map<String, TeamRole> members(People people, TeamMembershipFilter filter) {
        TreeMap<String, TeamRole> members = new TreeMap<>();
        for (TeamMembership member : People.all(7, page -> people.teamMembers().list(filter, page))) {
            members.put(member.userId(), member.spec().role());
        }
        return members;
    }

    private static int audited(People people, AuditAction action) {
        return people.auditLog()
                .list(AuditFilter.all().withTable("LLM_TeamMembership").withAction(action), PageRequest.first(1000))
                .items()
                .size();
    }

    /** Runs all at once; the first failure fails the test. */
    static void atOnce(List<Callable<Object>> calls) throws Exception {
        atOnce(calls, Duration.ofSeconds(60));
    }

    /** All at the same moment, in so much time at most. */
    static void atOnce(List<Callable<Object>> calls, Duration limit) throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(calls.size());
        CountDownLatch start = new CountDownLatch(1);
        try {
            List<Future<Object>> running = new ArrayList<>();
            for (Callable<Object> call : calls) {
                running.add(callers.submit(() -> {
                    start.await();
                    return call.call();
                }));
            }
            start.countDown();
            for (Future<Object> one : running) {
                one.get(limit.toSeconds(), TimeUnit.SECONDS);
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof LlmDbException failure) {
                throw failure;
            }
            throw e;
        } finally {
            callers.shutdownNow();
            assertThat(callers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    static HikariDataSource pool(TestDatabase database, int size) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(size);
        config.setConnectionTimeout(30_000);
        return new HikariDataSource(config);
    }
}
