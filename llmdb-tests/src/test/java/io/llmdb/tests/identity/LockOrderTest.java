package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** Administrators and booking lock the same rows, in one order: neither ever waits for the other in a circle. */
@LlmDbTest
class LockOrderTest {

    private static final int OBJECTS = 4;
    private static final int ADMINISTRATORS = 5;
    private static final int ROUNDS = 50;

    private static final String BOOK =
            "SELECT * FROM ${llmdb}.llmdb_book(?::text[], ?::text[], ?::text[], ?::text[], ?::text[],"
                    + " ?::numeric[], ?::timestamptz[], ?::timestamptz[], NULL, NULL, NULL)";

    @Test
    void administrationUnderBookingHasNoDeadlock(TestDatabase database) throws Exception {
        try (var pool = MembershipStormTest.pool(database, 10)) {
            World world = new World(People.of(pool, database.schema(), true), database);
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger booked = new AtomicInteger();
            List<Callable<Object>> callers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Random random = new Random(i);
                callers.add(() -> {
                    while (!over.get()) {
                        world.book(pool, random);
                        booked.incrementAndGet();
                    }
                    return "booked";
                });
            }
            AtomicInteger working = new AtomicInteger(ADMINISTRATORS);
            for (int i = 0; i < ADMINISTRATORS; i++) {
                Random random = new Random(100 + i);
                callers.add(() -> {
                    try {
                        for (int round = 0; round < ROUNDS; round++) {
                            world.administer(random);
                        }
                    } finally {
                        over.compareAndSet(false, working.decrementAndGet() == 0);
                    }
                    return "administered";
                });
            }
            MembershipStormTest.atOnce(callers);

            assertThat(booked).hasValueGreaterThan(20);
            assertThat(world.done).hasValueGreaterThan(ADMINISTRATORS * ROUNDS / 2);
            assertThat(database.deadlocks()).isZero();
        }
    }

    /** What there is, roughly: others change it at the same time. An id that is gone is not used again. */
    private static final class World {

        private final People people;
        private final TestDatabase database;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final List<String> keys = new CopyOnWriteArrayList<>();
        private final List<String> users = new CopyOnWriteArrayList<>();
        private final List<String> teams = new CopyOnWriteArrayList<>();
        private final List<String> organizations = new CopyOnWriteArrayList<>();
        private final List<List<String>> members = new CopyOnWriteArrayList<>();
        private final List<List<String>> organizationMembers = new CopyOnWriteArrayList<>();

        World(People people, TestDatabase database) {
            this.people = people;
            this.database = database;
            people.budgets().create(BudgetSpec.of(BudgetTerms.of("100", "1d")), "tier");
            for (int i = 0; i < OBJECTS; i++) {
                organizations.add(people.organizations()
                        .create(OrganizationSpec.of("o"), "o" + i)
                        .id());
                makeUser();
                addMember(makeTeam(), new Random(i));
            }
        }

        void administer(Random random) {
            try {
                switch (random.nextInt(11)) {
                    case 0, 1, 2 -> addMember(one(teams, random), random);
                    case 3 -> {
                        List<String> member = one(members, random);
                        people.teamMembers().remove(member.get(1), member.get(0));
                    }
                    case 4 -> {
                        List<String> member = one(members, random);
                        people.teamMembers()
                                .update(member.get(1), member.get(0), spec -> spec.withRole(TeamRole.ADMIN));
                    }
                    case 5 -> people.teams().update(one(teams, random), spec -> spec.withAlias("a" + random.nextInt()));
                    case 6 -> {
                        String user = makeUser();
                        String organization = one(organizations, random);
                        people.organizationMembers()
                                .add(
                                        organization,
                                        user,
                                        OrganizationMembershipSpec.of(null).withBudgetId("tier"));
                        organizationMembers.add(List.of(user, organization));
                    }
                    case 7 -> {
                        String team = one(teams, random);
                        makeTeam();
                        people.teams().delete(team);
                        teams.remove(team);
                    }
                    case 8 -> people.users().delete(one(users, random));
                    case 9 ->
                        people.organizations()
                                .update(
                                        one(organizations, random),
                                        spec -> spec.withOwnBudget(BudgetTerms.of("1", "1d")));
                    default ->
                        people.budgets()
                                .update(
                                        "tier",
                                        spec -> BudgetSpec.of(
                                                BudgetTerms.of("100", random.nextBoolean() ? "1d" : "1h")));
                }
                done.incrementAndGet();
            } catch (NotFoundException | AlreadyExistsException e) {
                assertThat(e).as("another administrator was first").isNotNull();
            }
        }

        private void addMember(String team, Random random) {
            String user = makeUser();
            TeamMembershipSpec spec = TeamMembershipSpec.of(TeamRole.USER);
            people.teamMembers()
                    .add(
                            team,
                            user,
                            random.nextBoolean() ? spec.withBudgetId("tier") : spec.withOwnBudget(BudgetTerms.of("1")));
            members.add(List.of(user, team));
            makeKey(user, team);
        }

        private String makeUser() {
            String user = "u" + next.incrementAndGet();
            people.users().create(UserSpec.empty().withOrganizationId(organizations.get(0)), user);
            users.add(user);
            return user;
        }

        private String makeTeam() {
            String team = "t" + next.incrementAndGet();
            people.teams()
                    .create(TeamSpec.empty().withOrganizationId(organizations.get(1 % organizations.size())), team);
            teams.add(team);
            makeKey(null, team);
            return team;
        }

        private void makeKey(String user, String team) {
            String hash = "%064x".formatted(next.incrementAndGet() * 0x9E3779B97F4A7C15L);
            People.insertKey(database, hash, user, team, null);
            keys.add(hash);
        }

        /** As a batch of requests of several callers: many counters, in no particular order. */
        void book(DataSource source, Random random) throws SQLException {
            List<List<String>> counters = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                counters.add(List.of("key", one(keys, random), ""));
                counters.add(List.of("user", one(users, random), ""));
                counters.add(List.of("team", one(teams, random), ""));
                counters.add(List.of("organization", one(organizations, random), ""));
                if (!members.isEmpty()) {
                    List<String> member = one(members, random);
                    counters.add(List.of("team_member", member.get(0), member.get(1)));
                }
                if (!organizationMembers.isEmpty()) {
                    List<String> member = one(organizationMembers, random);
                    counters.add(List.of("organization_member", member.get(0), member.get(1)));
                }
            }
            Set<List<String>> distinct = new LinkedHashSet<>(counters);
            int size = distinct.size();
            List<List<String>> arrays = List.of(
                    distinct.stream().map(counter -> counter.get(0)).toList(),
                    distinct.stream().map(counter -> counter.get(1)).toList(),
                    distinct.stream().map(counter -> counter.get(2)).toList(),
                    Collections.nCopies(size, ""),
                    Collections.nCopies(size, ""),
                    Collections.nCopies(size, "0.01"),
                    Collections.nCopies(size, "now"),
                    Collections.nCopies(size, "now"));
            try (Connection connection = source.getConnection();
                    PreparedStatement statement =
                            connection.prepareStatement(BOOK.replace("${llmdb}", database.schema()))) {
                connection.setAutoCommit(false);
                for (int i = 0; i < arrays.size(); i++) {
                    statement.setArray(
                            i + 1,
                            connection.createArrayOf("text", arrays.get(i).toArray()));
                }
                statement.executeQuery().close();
                connection.commit();
            }
        }

        private static <T> T one(List<T> among, Random random) {
            List<T> now = List.copyOf(among);
            return now.get(random.nextInt(now.size()));
        }
    }
}
