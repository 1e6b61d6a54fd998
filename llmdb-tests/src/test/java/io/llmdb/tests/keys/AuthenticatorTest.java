package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.OrganizationMembershipSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.CacheMetrics;
import io.llmdb.keys.Caller;
import io.llmdb.keys.EndUserBlockedException;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyBlockedException;
import io.llmdb.keys.KeyExpiredException;
import io.llmdb.keys.KeyHash;
import io.llmdb.keys.TeamBlockedException;
import io.llmdb.keys.TeamMissingException;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbExtension;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class AuthenticatorTest {

    @RegisterExtension
    static final LlmDbExtension LLMDB = LlmDbExtension.create();

    @Test
    void aHashThatWasMadeElsewhereIsKnown(TestDatabase database) throws Exception {
        String rawKey = "sk-issued-elsewhere-ü-€";
        Process sha256sum = new ProcessBuilder("sha256sum").start();
        sha256sum.getOutputStream().write(rawKey.getBytes(StandardCharsets.UTF_8));
        sha256sum.getOutputStream().close();
        String hash = new String(sha256sum.getInputStream().readAllBytes(), StandardCharsets.UTF_8).substring(0, 64);
        assertThat(sha256sum.waitFor(10, TimeUnit.SECONDS)).isTrue();
        database.execute(
                "INSERT INTO ${llmdb}.\"LLM_VerificationToken\" (token, key_alias) VALUES (?, 'from elsewhere')", hash);

        ProxyInstance proxy = ProxyInstance.open(database);

        assertThat(KeyHash.of(rawKey)).isEqualTo(hash);
        assertThat(proxy.authenticator.authenticate(rawKey).key().hash()).isEqualTo(hash);
        assertThat(proxy.authenticator.authenticateHash(hash).key().spec().alias())
                .isEqualTo("from elsewhere");
    }

    @Test
    void truncateIsAChangeOfEverything(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        String rawKey = proxy.admin().keys().create(VirtualKeySpec.of("k")).rawKey();
        proxy.authenticator.authenticate(rawKey);

        database.execute("TRUNCATE ${llmdb}.\"LLM_VerificationToken\" CASCADE");

        Await.untilAsserted(
                "it is known no more",
                Duration.ofSeconds(5),
                () -> assertThatThrownBy(() -> proxy.authenticator.authenticate(rawKey))
                        .isInstanceOf(UnknownKeyException.class));
    }

    @Test
    void cachesThatKeepNothingAreAskedAtEachCall(TestDatabase database) {
        LlmDb db = database.closeAtEnd(LlmDb.open(database.settings()
                .caches(caches -> caches.callerSize(0)
                        .callerAge(Duration.ZERO)
                        .unknownKeySize(0)
                        .unknownKeyAge(Duration.ZERO))
                .build()));
        String rawKey = db.admin().keys().create(VirtualKeySpec.of("k")).rawKey();

        for (int i = 0; i < 3; i++) {
            assertThat(db.authenticate(rawKey).key().spec().alias()).isEqualTo("k");
            assertThatThrownBy(() -> db.authenticate("sk-nobody-has-this-one")).isInstanceOf(UnknownKeyException.class);
        }
        assertThat(db.authenticator().metrics().callers().queries()).isEqualTo(6);
    }

    @Test
    void whateverARowHoldsIsReadAsItIs(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        List<String> awkward = List.of(
                "null",
                "NULL",
                " ",
                "-",
                "(",
                ")",
                "{}",
                "a,b",
                "say \"hi\"",
                "back\\slash",
                "\\\"",
                "tab\there",
                "line\nend",
                "ü€𝄞");
        String user = admin.users()
                .create(UserSpec.empty().withMetadata(Map.of("of the user", awkward)))
                .id();
        for (String text : awkward) {
            IssuedKey issued = admin.keys()
                    .create(VirtualKeySpec.of(text)
                            .withUserId(user)
                            .withModels(awkward)
                            .withAliases(Map.of(text, text))
                            .withMetadata(Map.of(text, awkward, "amount", new BigDecimal("0.10")))
                            .withBudget(BudgetTerms.of("0.000000000001", "1mo"))
                            .withExpires(Instant.parse("2226-02-28T23:59:59.123456Z")));

            Caller caller = proxy.authenticator.authenticate(issued.rawKey());

            assertThat(admin.keys().find(issued.key().hash())).contains(caller.key());
            assertThat(caller.key().spec().models()).isEqualTo(awkward);
            assertThat(admin.users().find(user)).hasValue(caller.user());
        }
    }

    @Test
    void theCallerHasAllThatLaterStepsNeedAfterOneQuery(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        String tier = admin.budgets()
                .create(BudgetSpec.of(BudgetTerms.of("7.50", "1mo"))
                        .withRateLimits(new RateLimits(1000L, 10L, 2L))
                        .withAllowedModels(List.of("gpt-4")))
                .id();
        String organization = admin.organizations()
                .create(OrganizationSpec.of("acme")
                        .withModels(List.of("openai/*"))
                        .withOwnBudget(BudgetTerms.of("1000")))
                .id();
        String team = admin.teams()
                .create(TeamSpec.of("red")
                        .withOrganizationId(organization)
                        .withBudget(BudgetTerms.of("100", "7d"))
                        .withModelAliases(Map.of("best", "gpt-4"))
                        .withMetadata(Map.of("model_rpm_limit", Map.of("gpt-4", 5))))
                .id();
        String user = admin.users()
                .create(UserSpec.of("ada@example.org")
                        .withPasswordHash("scrypt$not-to-be-seen")
                        .withModels(List.of("gpt-4")))
                .id();
        admin.teamMemberships()
                .add(team, user, TeamMembershipSpec.of(TeamRole.ADMIN).withBudgetId(tier));
        admin.organizationMemberships().add(organization, user, OrganizationMembershipSpec.of("org_admin"));
        IssuedKey issued = admin.keys()
                .create(VirtualKeySpec.of("ada's")
                        .withUserId(user)
                        .withTeamId(team)
                        .withModels(List.of("all-team-models"))
                        .withBudget(BudgetTerms.of("5").withSoftBudget(new java.math.BigDecimal("4")))
                        .withMetadata(Map.of(
                                "model_tpm_limit", Map.of("gpt-4", 5000), "nested", Map.of("a", List.of(1, 2)))));
        proxy.feed.catchUp();

        Caller caller = proxy.authenticator.authenticate(issued.rawKey());

        assertThat(caller.key()).isEqualTo(issued.key());
        assertThat(caller.key().spec().modelRateLimits()).isEqualTo(Map.of("gpt-4", new RateLimits(5000L, null, null)));
        assertThat(caller.team()).isEqualTo(admin.teams().require(team));
        assertThat(caller.organization()).isEqualTo(admin.organizations().require(organization));
        assertThat(caller.user().spec().passwordHash()).isNull();
        assertThat(caller.user().spec().withPasswordHash("scrypt$not-to-be-seen"))
                .isEqualTo(admin.users().require(user).spec());
        assertThat(caller.user().teams()).containsExactly(team);
        assertThat(caller.teamMembership()).isEqualTo(admin.teamMemberships().require(team, user));
        assertThat(caller.organizationMembership())
                .isEqualTo(admin.organizationMemberships().require(organization, user));
        assertThat(caller.budgets().keySet())
                .containsExactlyInAnyOrder(tier, caller.organization().spec().budgetId());
        assertThat(caller.budget(tier)).isEqualTo(admin.budgets().require(tier));
        assertThat(proxy.authenticator.metrics().callers().queries()).isEqualTo(1);
        assertThat(caller.toString()).doesNotContain(issued.rawKey(), "scrypt");
    }

    @Test
    void everyRefusalHasItsOwnType(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        String team = admin.teams().create(TeamSpec.of("t").withBlocked(true)).id();
        String gone = admin.teams().create(TeamSpec.of("gone")).id();
        IssuedKey blocked = admin.keys().create(VirtualKeySpec.of("b").withBlocked(true));
        IssuedKey expired = admin.keys().create(VirtualKeySpec.of("e").withValidFor(BudgetDuration.parse("d", "1h")));
        IssuedKey ofBlockedTeam = admin.keys().create(VirtualKeySpec.of("t").withTeamId(team));
        IssuedKey ofNoTeam = admin.keys().create(VirtualKeySpec.of("g").withTeamId(gone));
        IssuedKey unreadable = admin.keys().create(VirtualKeySpec.of("u"));
        IssuedKey good = admin.keys().create(VirtualKeySpec.of("good"));
        database.execute("DELETE FROM ${llmdb}.\"LLM_TeamTable\" WHERE team_id = ?", gone);
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET model_max_budget = '{\"m\": \"x\"}' WHERE token = ?",
                unreadable.key().hash());
        database.clock().advance(Duration.ofHours(2));
        proxy.feed.catchUp();

        assertThatThrownBy(() -> proxy.authenticator.authenticate(blocked.rawKey()))
                .isInstanceOf(KeyBlockedException.class)
                .hasMessageContaining(blocked.key().keyName())
                .hasMessageNotContaining(blocked.rawKey());
        assertThatThrownBy(() -> proxy.authenticator.authenticate(expired.rawKey()))
                .isInstanceOf(KeyExpiredException.class)
                .hasMessageContaining(String.valueOf(expired.key().spec().expires()));
        assertThatThrownBy(() -> proxy.authenticator.authenticate(ofBlockedTeam.rawKey()))
                .isInstanceOf(TeamBlockedException.class)
                .hasMessageContaining(team);
        assertThatThrownBy(() -> proxy.authenticator.authenticate(ofNoTeam.rawKey()))
                .isInstanceOf(TeamMissingException.class)
                .hasMessageContaining(gone);
        assertThatThrownBy(() -> proxy.authenticator.authenticate(unreadable.rawKey()))
                .isInstanceOf(DatabaseFailureException.class)
                .hasMessageContaining("model_max_budget.m");
        for (String none : List.of("sk-none-such-0123456789", "", "sk-", "Bearer sk-x", "sk-" + "x".repeat(2000))) {
            assertThatThrownBy(() -> proxy.authenticator.authenticate(none)).isInstanceOf(UnknownKeyException.class);
        }
        assertThatThrownBy(() -> proxy.authenticator.authenticateHash(good.rawKey()))
                .isInstanceOf(UnknownKeyException.class)
                .hasMessageNotContaining(good.rawKey());
        assertThat(proxy.outcome(good.rawKey())).isEqualTo("good");
    }

    @Test
    void expiryIsCheckedAtEachCallByTheDatabasesClock(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        IssuedKey issued =
                proxy.admin().keys().create(VirtualKeySpec.of("k").withValidFor(BudgetDuration.parse("d", "1d")));
        proxy.feed.catchUp();
        assertThat(proxy.outcome(issued.rawKey())).isEqualTo("k");
        database.clock().advance(Duration.ofHours(23).plusMinutes(59));
        proxy.feed.catchUp();
        assertThat(proxy.outcome(issued.rawKey())).isEqualTo("k");

        database.clock().advance(Duration.ofMinutes(2));
        proxy.feed.catchUp();

        assertThat(proxy.outcome(issued.rawKey())).isEqualTo("KeyExpiredException");
        // The jump of a day made the feed distrust what was kept; since then nothing was read.
        long queries = proxy.authenticator.metrics().callers().queries();
        assertThat(proxy.outcome(issued.rawKey())).isEqualTo("KeyExpiredException");
        assertThat(proxy.authenticator.metrics().callers().queries()).isEqualTo(queries);
    }

    @Test
    void hitsAndKnownMissesAskNobody(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        IssuedKey issued = proxy.admin().keys().create(VirtualKeySpec.of("k"));
        proxy.feed.catchUp();

        for (int i = 0; i < 100; i++) {
            assertThat(proxy.outcome(issued.rawKey())).isEqualTo("k");
            assertThat(proxy.outcome("sk-none-such-0123456789")).isEqualTo("UnknownKeyException");
        }

        CacheMetrics metrics = proxy.authenticator.metrics().callers();
        assertThat(metrics.hits()).isEqualTo(99);
        assertThat(metrics.unknownHits()).isEqualTo(99);
        assertThat(metrics.misses()).isEqualTo(2);
        assertThat(metrics.queries()).isEqualTo(2);
    }

    @Test
    void aKeyThatWasUnknownIsKnownOnceItIsMade(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        String rawKey = "sk-brought-along-0123456789";
        assertThat(proxy.outcome(rawKey)).isEqualTo("UnknownKeyException");

        proxy.admin().keys().create(VirtualKeySpec.of("now"), rawKey);
        proxy.feed.catchUp();

        assertThat(proxy.outcome(rawKey)).isEqualTo("now");
    }

    @Test
    void theCacheKeepsToItsSizeAndAge(TestDatabase database) {
        AuthenticationSettings defaults = AuthenticationSettings.DEFAULT;
        ProxyInstance proxy = ProxyInstance.open(
                database,
                new AuthenticationSettings(
                        10,
                        Duration.ofMillis(300),
                        10,
                        defaults.unknownCacheAge(),
                        1000,
                        defaults.maxStaleness(),
                        defaults.lookupTimeout(),
                        false));
        List<IssuedKey> issued = java.util.stream.IntStream.range(0, 50)
                .mapToObj(i -> proxy.admin().keys().create(VirtualKeySpec.of("k")))
                .toList();
        proxy.feed.catchUp();
        issued.forEach(key -> assertThat(proxy.outcome(key.rawKey())).isEqualTo("k"));
        io.llmdb.testkit.Await.until(
                "the cache has shrunk",
                Duration.ofSeconds(5),
                () -> proxy.authenticator.metrics().callers().size() <= 10);

        String one = issued.get(0).rawKey();
        proxy.outcome(one);
        long queries = proxy.authenticator.metrics().callers().queries();
        io.llmdb.testkit.Await.until("the caller is too old to be used", Duration.ofSeconds(5), () -> {
            proxy.outcome(one);
            return proxy.authenticator.metrics().callers().queries() > queries;
        });
    }

    @Test
    void endUsersTagsAndBudgetsAreCachedAndFollowChanges(TestDatabase database) {
        ProxyInstance proxy = ProxyInstance.open(database);
        ProxyInstance.Admin admin = proxy.admin();
        assertThat(proxy.authenticator.endUser("customer")).isEmpty();
        assertThat(proxy.authenticator.tag("prod")).isEmpty();
        assertThat(proxy.authenticator.budget("tier")).isEmpty();
        assertThat(proxy.authenticator.endUser("a\0b")).isEmpty();

        admin.budgets().create(BudgetSpec.of(BudgetTerms.of("3")), "tier");
        admin.endUsers().create(EndUserSpec.empty().withBudgetId("tier"), "customer");
        admin.tags().create(TagSpec.empty().withBudgetId("tier"), "prod");
        proxy.feed.catchUp();

        assertThat(proxy.authenticator.endUser("customer"))
                .contains(admin.endUsers().require("customer"));
        assertThat(proxy.authenticator.tag("prod")).contains(admin.tags().require("prod"));
        assertThat(proxy.authenticator.budget("tier")).contains(admin.budgets().require("tier"));
        long queries = proxy.authenticator.metrics().endUsers().queries();
        proxy.authenticator.endUser("customer");
        assertThat(proxy.authenticator.metrics().endUsers().queries()).isEqualTo(queries);

        admin.endUsers().block("customer");
        admin.budgets().update("tier", spec -> spec.withTerms(BudgetTerms.of("4")));
        proxy.feed.catchUp();
        assertThatThrownBy(() -> proxy.authenticator.endUser("customer"))
                .isInstanceOf(EndUserBlockedException.class)
                .hasMessageContaining("customer");
        assertThat(proxy.authenticator.budget("tier").orElseThrow().spec().terms())
                .isEqualTo(BudgetTerms.of("4"));
    }
}
