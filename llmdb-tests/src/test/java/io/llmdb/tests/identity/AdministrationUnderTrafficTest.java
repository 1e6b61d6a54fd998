package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.LlmDbException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.Verification;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Administrators change and delete everything while instances admit and book calls on it, one by one and in batches:
 * nobody ever waits for another in a circle, nothing is booked twice or lost, and nothing stays reserved.
 */
@LlmDbTest
class AdministrationUnderTrafficTest {

    private static final int CALLERS = 6;

    @Test
    void nobodyWaitsInACircle(TestDatabase database) throws Exception {
        run(database, 60);
    }

    @Tag("storm")
    @Test
    void nobodyWaitsInACircleForLong(TestDatabase database) throws Exception {
        run(database, 1500);
    }

    private static void run(TestDatabase database, int rounds) throws Exception {
        int administrators = 5;
        List<LlmDb> instances = List.of(
                open(database, DeliveryMode.BOOKED),
                open(database, DeliveryMode.MEMORY),
                open(database, DeliveryMode.MEMORY));
        World world = new World(instances.get(0).admin());
        AtomicInteger working = new AtomicInteger(administrators);
        AtomicBoolean over = new AtomicBoolean();
        long since = System.nanoTime();
        List<Callable<Object>> all = new ArrayList<>();
        for (int i = 0; i < administrators; i++) {
            Random random = new Random(100 + i);
            Repositories admin = instances.get(i % instances.size()).admin();
            all.add(() -> {
                try {
                    // Changes go on until enough calls have met them, however slow the machine is.
                    for (int round = 0; round < rounds || world.metTooFew(since); round++) {
                        world.administer(admin, random);
                    }
                } finally {
                    over.compareAndSet(false, working.decrementAndGet() == 0);
                }
                return "administered";
            });
        }
        for (int i = 0; i < CALLERS; i++) {
            Random random = new Random(i);
            LlmDb db = instances.get(i % instances.size());
            all.add(() -> {
                while (!over.get()) {
                    world.call(db, random);
                }
                return "called";
            });
        }
        MembershipStormTest.atOnce(all, Duration.ofMinutes(15));
        instances.forEach(LlmDb::close);

        System.out.println(world);
        assertThat(database.deadlockReports()).isEmpty();
        assertThat(world.called).as(world.toString()).hasValueGreaterThanOrEqualTo(World.ENOUGH_CALLS);
        assertThat(world.done).as(world.toString()).hasValueGreaterThan(administrators * rounds / 4);
        assertThat(database.books())
                .reserveNothing()
                .haveNoDeadLetters()
                .haveNoDeadlock()
                .haveRequests(world.called.get());
        // What was booked for what is gone has no counter any more; all that is left agrees.
        Verification verification = database.open().usage().verify();
        assertThat(verification.agrees()).as(verification.toString()).isTrue();
    }

    private static LlmDb open(TestDatabase database, DeliveryMode mode) {
        return database.closeAtEnd(LlmDb.open(database.settings()
                .delivery(delivery -> delivery.mode(mode).longestWait(Duration.ofMillis(20)))
                .audit(audit -> audit.storeAuditLogs(true))
                .build()));
    }

    /** What there is, roughly: others change it at the same time. */
    private static final class World {

        private static final int ENOUGH_CALLS = 60;
        private static final int FEW_KEYS = 12;
        private static final Duration PATIENCE = Duration.ofMinutes(2);
        private static final BigDecimal PRICE = new BigDecimal("0.01");
        private static final List<String> MODELS = List.of("gpt-4o", "claude", "mistral");

        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger called = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final Map<String, Integer> refused = new ConcurrentHashMap<>();
        private final List<IssuedKey> keys = new CopyOnWriteArrayList<>();
        private final List<String> users = new CopyOnWriteArrayList<>();
        private final List<String> teams = new CopyOnWriteArrayList<>();
        private final List<String> organizations = new CopyOnWriteArrayList<>();
        private final List<List<String>> members = new CopyOnWriteArrayList<>();
        private final List<List<String>> organizationMembers = new CopyOnWriteArrayList<>();

        World(Repositories admin) {
            admin.budgets().create(BudgetSpec.of(BudgetTerms.of("1000", "1d")), "tier");
            for (int i = 0; i < 3; i++) {
                makeOrganization(admin);
                makeUser(admin, new Random(i));
                addMember(admin, makeTeam(admin, new Random(i)), new Random(i));
            }
        }

        @Override
        public String toString() {
            return called + " calls, " + done + " changes; refused: " + refused;
        }

        void call(LlmDb db, Random random) {
            IssuedKey key = one(keys, random);
            try {
                Caller caller = db.authenticate(key.rawKey());
                Call call = Call.of(one(MODELS, random)).withEstimate(PRICE);
                if (random.nextBoolean()) {
                    call = call.withEndUser("anna" + random.nextInt(next.get()));
                }
                if (random.nextBoolean()) {
                    call = call.withTags(List.of(
                            "t" + random.nextInt(next.get()), "s" + random.nextInt(4), "r" + random.nextInt(40)));
                }
                try (Admission admission = db.budgets().admit(caller, call)) {
                    admission.settle(admission.event().tokens(3, 4).cost(PRICE).build());
                }
                called.incrementAndGet();
            } catch (UnknownKeyException e) {
                // Its user, team or organization was deleted: a caller who knows that does not ask again.
                if (keys.size() > CALLERS) {
                    keys.remove(key);
                }
                refused.merge(e.getClass().getSimpleName(), 1, Integer::sum);
            } catch (LlmDbException e) {
                refused.merge(e.getClass().getSimpleName(), 1, Integer::sum);
            }
        }

        boolean metTooFew(long since) {
            return called.get() < ENOUGH_CALLS && System.nanoTime() - since < PATIENCE.toNanos();
        }

        void administer(Repositories admin, Random random) {
            try {
                if (keys.size() < FEW_KEYS) {
                    makeOrganization(admin);
                    addMember(admin, makeTeam(admin, random), random);
                }
                change(admin, random);
                done.incrementAndGet();
            } catch (NotFoundException | AlreadyExistsException | ConflictException e) {
                refused.merge(e.getClass().getSimpleName(), 1, Integer::sum);
            }
        }

        private void change(Repositories admin, Random random) {
            switch (random.nextInt(20)) {
                case 0, 1, 2 -> addMember(admin, one(teams, random), random);
                case 3 -> {
                    List<String> member = one(members, random);
                    admin.teamMemberships().remove(member.get(1), member.get(0));
                }
                case 4 -> {
                    List<String> member = one(members, random);
                    admin.teamMemberships()
                            .update(
                                    member.get(1),
                                    member.get(0),
                                    spec -> spec.withRole(TeamRole.ADMIN).withOwnBudget(BudgetTerms.of("500", "1h")));
                }
                case 5 -> admin.teams().update(one(teams, random), spec -> spec.withBudget(modelBudget("900", random)));
                case 6 -> {
                    String user = makeUser(admin, random);
                    String organization = one(organizations, random);
                    admin.organizationMemberships()
                            .add(
                                    organization,
                                    user,
                                    OrganizationMembershipSpec.of(null).withBudgetId("tier"));
                    organizationMembers.add(List.of(user, organization));
                    makeKey(admin, VirtualKeySpec.empty().withUserId(user).withOrganizationId(organization), random);
                }
                case 7 -> {
                    makeTeam(admin, random);
                    String team = one(teams, random);
                    admin.teams().delete(team);
                    teams.remove(team);
                }
                case 8 -> admin.users().delete(one(users, random));
                case 9 ->
                    admin.organizations()
                            .update(
                                    one(organizations, random),
                                    spec -> spec.withOwnBudget(BudgetTerms.of("900", "1d")));
                case 10, 11 ->
                    admin.budgets()
                            .update(
                                    "tier",
                                    spec -> BudgetSpec.of(BudgetTerms.of("1000", random.nextBoolean() ? "1d" : "1h")));
                case 12 -> {
                    makeOrganization(admin);
                    String organization = one(organizations, random);
                    admin.organizations().deleteWithTeamsAndKeys(organization);
                    organizations.remove(organization);
                }
                case 13, 14 -> {
                    IssuedKey key = one(keys, random);
                    IssuedKey rotated = admin.keys()
                            .rotate(key.key().hash(), random.nextBoolean() ? Duration.ZERO : Duration.ofMinutes(1));
                    keys.add(rotated);
                }
                case 15 -> {
                    IssuedKey key = one(keys, random);
                    admin.keys().delete(key.key().hash());
                    keys.remove(key);
                }
                case 16 -> {
                    admin.keys().blockKeysOfTeam(one(teams, random));
                    admin.keys().unblockKeysOfTeam(one(teams, random));
                    admin.keys()
                            .update(
                                    one(keys, random).key().hash(),
                                    spec -> spec.withBlocked(false).withBudget(modelBudget("90", random)));
                }
                case 17 -> {
                    admin.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), "anna" + next.incrementAndGet());
                    admin.endUsers()
                            .update(
                                    "anna" + random.nextInt(next.get()),
                                    spec -> spec.withOwnBudget(BudgetTerms.of("50", "1h")));
                }
                case 18 -> {
                    admin.tags().create(TagSpec.empty().withBudgetId("tier"), "t" + next.incrementAndGet());
                    admin.tags().update("s" + random.nextInt(4), spec -> spec.withBudgetId("tier"));
                }
                default -> {
                    if (random.nextBoolean()) {
                        admin.tags().delete("t" + random.nextInt(next.get()));
                    } else {
                        admin.endUsers().delete("anna" + random.nextInt(next.get()));
                    }
                }
            }
        }

        private static BudgetTerms modelBudget(String limit, Random random) {
            BudgetTerms terms = BudgetTerms.of(limit, random.nextBoolean() ? "1d" : "2h");
            return terms.withModelLimits(Map.of(
                            "gpt-4o", new BudgetLimit(new BigDecimal("80"), BudgetDuration.parse("time_period", "1d")),
                            "claude", new BudgetLimit(new BigDecimal("80"), BudgetDuration.parse("time_period", "1d"))))
                    .withFurtherLimits(List.of(
                            new BudgetLimit(new BigDecimal("5000"), BudgetDuration.parse("budget_duration", "1mo"))));
        }

        private void addMember(Repositories admin, String team, Random random) {
            String user = makeUser(admin, random);
            TeamMembershipSpec spec = TeamMembershipSpec.of(TeamRole.USER);
            admin.teamMemberships()
                    .add(
                            team,
                            user,
                            random.nextBoolean()
                                    ? spec.withBudgetId("tier")
                                    : spec.withOwnBudget(BudgetTerms.of("100", "1d")));
            members.add(List.of(user, team));
            makeKey(admin, VirtualKeySpec.empty().withUserId(user).withTeamId(team), random);
        }

        private String makeUser(Repositories admin, Random random) {
            String user = "u" + next.incrementAndGet();
            admin.users().create(UserSpec.empty().withOrganizationId(one(organizations, random)), user);
            users.add(user);
            return user;
        }

        private String makeTeam(Repositories admin, Random random) {
            String team = "t" + next.incrementAndGet();
            admin.teams()
                    .create(
                            TeamSpec.empty()
                                    .withOrganizationId(one(organizations, random))
                                    .withBudget(modelBudget("800", random)),
                            team);
            teams.add(team);
            makeKey(admin, VirtualKeySpec.empty().withTeamId(team), random);
            return team;
        }

        private void makeOrganization(Repositories admin) {
            String organization = "o" + next.incrementAndGet();
            admin.organizations().create(OrganizationSpec.of("o").withBudgetId("tier"), organization);
            organizations.add(organization);
        }

        private void makeKey(Repositories admin, VirtualKeySpec spec, Random random) {
            keys.add(admin.keys()
                    .create(
                            random.nextBoolean()
                                    ? spec.withBudgetId("tier")
                                    : spec.withBudget(modelBudget("70", random))));
        }

        private static <T> T one(List<T> among, Random random) {
            List<T> now = List.copyOf(among);
            return now.get(random.nextInt(now.size()));
        }
    }
}
