package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.error.LlmDbException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.CacheMetrics;
import io.llmdb.keys.Caller;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.LlmDbExtension;
import io.llmdb.testkit.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Of keys whose user, team, organization and budgets are in memory only the key's row is read; nobody can tell. */
class SurroundingsTest {

    @RegisterExtension
    static final LlmDbExtension LLMDB = LlmDbExtension.create();

    private static final int KEYS = 60;

    /** Far fewer callers than keys are kept, so most calls read one; what is around the keys fits. */
    private static final AuthenticationSettings SMALL = AuthenticationSettings.DEFAULT.withCacheSize(8);

    private static final AuthenticationSettings NOTHING_KEPT = AuthenticationSettings.DEFAULT.withCacheSize(0);

    @Test
    void eachMissIsOneQueryAndSoonTheKeysRowIsEnough(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        String team = proxy.admin().teams().create(TeamSpec.of("t")).id();
        List<String> keys = keysOf(proxy, VirtualKeySpec.of("k").withTeamId(team), 3 * KEYS);
        proxy.feed.catchUp();

        keys.forEach(proxy.authenticator::authenticate);

        CacheMetrics callers = proxy.authenticator.metrics().callers();
        assertThat(callers.misses()).isEqualTo(keys.size());
        assertThat(callers.queries()).isEqualTo(keys.size());
        assertThat(proxy.authenticator.metrics().callersByKeyAlone()).isGreaterThan(KEYS);
    }

    @Test
    void whatIsNotInMemoryAfterAllIsReadWithAnotherQuery(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        String team = admin.teams().create(TeamSpec.of("t")).id();
        String other = admin.teams().create(TeamSpec.of("other")).id();
        List<String> keys = keysOf(proxy, VirtualKeySpec.of("k").withTeamId(team), 3 * KEYS);
        String ofOther =
                admin.keys().create(VirtualKeySpec.of("k").withTeamId(other)).rawKey();
        proxy.feed.catchUp();
        keys.forEach(proxy.authenticator::authenticate);
        long queries = proxy.authenticator.metrics().callers().queries();

        Caller caller = proxy.authenticator.authenticate(ofOther);

        assertThat(caller.team()).isEqualTo(admin.teams().require(other));
        assertThat(proxy.authenticator.metrics().callers().queries()).isEqualTo(queries + 2);
    }

    @Test
    void aRotatedKeyStillLeadsToItsCaller(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        List<String> keys = keysOf(proxy, VirtualKeySpec.of("k"), 3 * KEYS);
        String old = admin.keys().create(VirtualKeySpec.of("rotated")).rawKey();
        String unknown = "sk-none-such-0123456789";
        admin.keys().rotate(io.llmdb.keys.KeyHash.of(old), java.time.Duration.ofHours(1));
        proxy.feed.catchUp();
        keys.forEach(proxy.authenticator::authenticate);
        long alone = proxy.authenticator.metrics().callersByKeyAlone();

        assertThat(proxy.outcome(old)).isEqualTo("rotated");
        assertThat(proxy.outcome(unknown)).isEqualTo("UnknownKeyException");

        assertThat(proxy.authenticator.metrics().callersByKeyAlone()).isEqualTo(alone + 1);
        database.clock().advance(java.time.Duration.ofHours(2));
        proxy.feed.catchUp();
        assertThat(proxy.outcome(old)).isEqualTo("UnknownKeyException");
    }

    /** The judge keeps nothing and reads each caller whole. */
    @Test
    void whateverChangesACallerIsAsOneWhoIsReadWhole(TestDatabase database) {
        Company company = new Company(ProxyInstance.open(database).admin());
        ProxyInstance proxy = ProxyInstance.open(database, SMALL);
        ProxyInstance judge = ProxyInstance.open(database, NOTHING_KEPT);
        long seed = new Random().nextLong();
        Random random = new Random(seed);

        for (int step = 0; step < 80; step++) {
            String change = company.change(random);
            proxy.feed.catchUp();
            judge.feed.catchUp();
            for (int i = 0; i < KEYS; i++) {
                String key = company.keys.get(random.nextInt(company.keys.size()));
                assertThat(seen(proxy, key))
                        .as("after %s, step %d, seed %d", change, step, seed)
                        .isEqualTo(seen(judge, key));
            }
        }

        assertThat(proxy.authenticator.metrics().callersByKeyAlone()).isGreaterThan(KEYS);
        assertThat(judge.authenticator.metrics().callersByKeyAlone()).isZero();
    }

    @Test
    void anOlderStateIsNeverPutBack(TestDatabase database) throws Exception {
        ProxyInstance proxy = ProxyInstance.open(database, SMALL);
        String team = proxy.admin().teams().create(TeamSpec.of("0")).id();
        List<String> keys = keysOf(proxy, VirtualKeySpec.of("k").withTeamId(team), KEYS);
        proxy.feed.catchUp();
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicBoolean over = new AtomicBoolean();
        List<Thread> readers = IntStream.range(0, 4)
                .mapToObj(reader -> new Thread(() -> {
                    Random random = new Random(reader);
                    while (!over.get()) {
                        try {
                            proxy.authenticator.authenticate(keys.get(random.nextInt(KEYS)));
                        } catch (RuntimeException | Error e) {
                            failures.add(e);
                            return;
                        }
                    }
                }))
                .toList();
        readers.forEach(Thread::start);
        try {
            for (int version = 1; version <= 200; version++) {
                String alias = String.valueOf(version);
                database.execute("UPDATE ${llmdb}.\"LLM_TeamTable\" SET team_alias = ? WHERE team_id = ?", alias, team);
                proxy.feed.catchUp();
                for (String key : keys) {
                    assertThat(proxy.authenticator
                                    .authenticate(key)
                                    .team()
                                    .spec()
                                    .alias())
                            .isEqualTo(alias);
                }
            }
        } finally {
            over.set(true);
            for (Thread reader : readers) {
                reader.join();
            }
        }

        assertThat(failures).isEmpty();
        assertThat(proxy.authenticator.metrics().callersByKeyAlone()).isGreaterThan(KEYS);
    }

    private static List<String> keysOf(ProxyInstance proxy, VirtualKeySpec spec, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> proxy.admin().keys().create(spec).rawKey())
                .toList();
    }

    private static Object seen(ProxyInstance instance, String key) {
        try {
            return instance.authenticator.authenticate(key);
        } catch (LlmDbException e) {
            return e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }

    /** Keys of few users and teams, and changes to all that they are made of. */
    private static final class Company {

        private final ProxyInstance.Admin admin;
        private final List<String> budgets = new ArrayList<>();
        private final List<String> organizations = new ArrayList<>();
        private final List<String> teams = new ArrayList<>();
        private final List<String> users = new ArrayList<>();
        private final List<String> hashes = new ArrayList<>();
        private final List<String> keys = new ArrayList<>();
        private int changes;

        Company(ProxyInstance.Admin admin) {
            this.admin = admin;
            for (int i = 0; i < 2; i++) {
                budgets.add(admin.budgets()
                        .create(BudgetSpec.of(BudgetTerms.of("1")))
                        .id());
                organizations.add(
                        admin.organizations().create(OrganizationSpec.of("o")).id());
                teams.add(admin.teams()
                        .create(TeamSpec.of("t").withOrganizationId(organizations.get(i)))
                        .id());
                users.add(admin.users()
                        .create(UserSpec.of("u" + i + "@example.org"))
                        .id());
            }
            for (int i = 0; i < KEYS; i++) {
                VirtualKeySpec spec = VirtualKeySpec.of("k" + i)
                        .withTeamId(i % 3 == 0 ? null : teams.get(i % 2))
                        .withUserId(users.get(i % 2))
                        .withBudgetId(i % 10 == 0 ? budgets.get(1) : null);
                var issued = admin.keys().create(spec);
                keys.add(issued.rawKey());
                hashes.add(issued.key().hash());
            }
        }

        private static <T> T any(List<T> all, Random random) {
            return all.get(random.nextInt(all.size()));
        }

        String change(Random random) {
            String now = "change " + ++changes;
            String team = any(teams, random);
            String user = any(users, random);
            String organization = any(organizations, random);
            String budget = any(budgets, random);
            String hash = any(hashes, random);
            // Whoever leaves a team loses the keys that it had there.
            int what = random.nextInt(admin.keys().find(hash).isPresent() ? 11 : 9);
            switch (what) {
                case 0 -> admin.teams().update(team, spec -> spec.withMetadata(Map.of("now", now)));
                case 1 -> admin.teams().update(team, spec -> spec.withBlocked(!spec.blocked()));
                case 2 -> admin.teams().update(team, spec -> spec.withOrganizationId(organization));
                case 3 -> admin.users().update(user, spec -> spec.withMetadata(Map.of("now", now)));
                case 4 -> admin.organizations().update(organization, spec -> spec.withMetadata(Map.of("now", now)));
                case 5 -> admin.budgets().update(budget, spec -> spec.withAllowedModels(List.of("model of " + now)));
                case 6 -> joinOrLeaveTeam(team, user, random);
                case 7 -> joinOrLeaveOrganization(organization, user, random);
                case 8 ->
                    admin.users()
                            .update(
                                    user,
                                    spec -> spec.withSsoUserId("sso of " + now).withDefaultTeamId(team));
                case 9 -> admin.keys().update(hash, spec -> spec.withMetadata(Map.of("now", now)));
                default ->
                    admin.keys()
                            .update(
                                    hash,
                                    spec -> spec.withTeamId(team)
                                            .withUserId(user)
                                            .withBudgetId(budget));
            }
            return now + " of kind " + what;
        }

        private void joinOrLeaveTeam(String team, String user, Random random) {
            if (admin.teamMemberships().find(team, user).isPresent()) {
                admin.teamMemberships().remove(team, user);
            } else {
                admin.teamMemberships()
                        .add(team, user, TeamMembershipSpec.of(TeamRole.USER).withBudgetId(any(budgets, random)));
            }
        }

        private void joinOrLeaveOrganization(String organization, String user, Random random) {
            if (admin.organizationMemberships().find(organization, user).isPresent()) {
                admin.organizationMemberships().remove(organization, user);
            } else {
                admin.organizationMemberships()
                        .add(
                                organization,
                                user,
                                OrganizationMembershipSpec.of("internal_user").withBudgetId(any(budgets, random)));
            }
        }
    }
}
