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
import io.llmdb.internal.Db;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
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
                    try (SpendRecorder recorder = recorder(pool, database)) {
                        while (!over.get()) {
                            world.book(recorder, random);
                            booked.incrementAndGet();
                        }
                        assertThat(recorder.metrics().deadLetters()).isZero();
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
            assertThat(database.deadlockReports()).isEmpty();
            assertThat(database.deadlocks()).isZero();
        }
    }

    private static SpendRecorder recorder(DataSource pool, TestDatabase database) {
        return new SpendRecorder(
                new Db(pool, database.schema()),
                Clock.systemUTC(),
                new BookingPolicy(true, true, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null),
                DeliveryPolicy.booked().withMode(DeliveryMode.MEMORY),
                List.of());
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

        /** Books a batch of a few requests of random callers. */
        void book(SpendRecorder recorder, Random random) {
            for (int i = 0; i < 3; i++) {
                SpendEvent.Builder event = SpendEvent.builder(Instant.now())
                        .cost(new BigDecimal("0.01"))
                        .keyHash(one(keys, random));
                List<List<String>> pairs = random.nextBoolean() ? members : organizationMembers;
                if (pairs.isEmpty()) {
                    event.userId(one(users, random))
                            .teamId(one(teams, random))
                            .organizationId(one(organizations, random));
                } else if (pairs == members) {
                    List<String> member = one(members, random);
                    event.userId(member.get(0)).teamId(member.get(1)).organizationId(one(organizations, random));
                } else {
                    List<String> member = one(organizationMembers, random);
                    event.userId(member.get(0)).organizationId(member.get(1)).teamId(one(teams, random));
                }
                recorder.record(event.build());
            }
            assertThat(recorder.flush(Duration.ofSeconds(30))).isTrue();
        }

        private static <T> T one(List<T> among, Random random) {
            List<T> now = List.copyOf(among);
            return now.get(random.nextInt(now.size()));
        }
    }
}
