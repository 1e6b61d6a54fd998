package io.llmdb.tests.spend;

import io.llmdb.spend.CounterId;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Keys, users, teams and organizations, and requests of theirs by chance. The same seed makes the same requests.
 *
 * @param keys how many keys there are; there are a fifth as many users, and a few teams and organizations
 */
record World(int keys) {

    private static final List<String> MODELS = List.of("gpt-4o", "gpt-4o-mini", "claude-sonnet", "llama-3", "mistral");

    int users() {
        return Math.max(1, keys / 5);
    }

    int teams() {
        return Math.max(1, keys / 20);
    }

    int organizations() {
        return Math.max(1, keys / 100);
    }

    String user(int key) {
        return "user-" + key % users();
    }

    /** A user is in one team, so that it takes as many memberships as users. */
    String team(int key) {
        return "team-" + key % users() % teams();
    }

    String organization(int key) {
        return "org-" + key % users() % teams() % organizations();
    }

    static String hash(int key) {
        return "hash-of-key-" + key;
    }

    /** Puts all of it into a database, without budgets. */
    void insertInto(TestDatabase database) {
        database.execute("""
                INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id) VALUES ('none') ON CONFLICT DO NOTHING;
                INSERT INTO ${llmdb}."LLM_OrganizationTable" (organization_id, organization_alias, budget_id)
                SELECT 'org-' || i, 'org', 'none' FROM generate_series(0, %1$d) i;
                INSERT INTO ${llmdb}."LLM_TeamTable" (team_id, organization_id)
                SELECT 'team-' || i, 'org-' || i %% %4$d FROM generate_series(0, %2$d) i;
                INSERT INTO ${llmdb}."LLM_UserTable" (user_id) SELECT 'user-' || i FROM generate_series(0, %3$d) i;
                INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id)
                SELECT 'user-' || i, 'team-' || i %% %5$d FROM generate_series(0, %3$d) i;
                INSERT INTO ${llmdb}."LLM_OrganizationMembership" (user_id, organization_id)
                SELECT 'user-' || i, 'org-' || i %% %5$d %% %4$d FROM generate_series(0, %3$d) i;
                """.formatted(organizations() - 1, teams() - 1, users() - 1, organizations(), teams()));
        database.execute("""
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, user_id, team_id, organization_id)
                SELECT 'hash-of-key-' || i, 'user-' || i %% %2$d, 'team-' || i %% %2$d %% %3$d,
                       'org-' || i %% %2$d %% %3$d %% %4$d
                FROM generate_series(0, %1$d) i
                """.formatted(keys - 1, users(), teams(), organizations()));
    }

    /** Requests of the last hundred seconds. */
    List<SpendEvent> requests(TestDatabase database, int count, long seed) {
        SplittableRandom dice = new SplittableRandom(seed);
        Instant now = Recorders.now(database);
        List<SpendEvent> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            requests.add(request(dice, now.minusMillis(dice.nextLong(100_000))));
        }
        return requests;
    }

    /** A request of one of the keys. */
    SpendEvent request(SplittableRandom dice, Instant start) {
        int key = dice.nextInt(keys);
        String model = MODELS.get(dice.nextInt(MODELS.size()));
        List<String> tags = new ArrayList<>();
        for (int i = dice.nextInt(3); i > 0; i--) {
            tags.add("tag-" + dice.nextInt(10));
        }
        boolean failed = dice.nextInt(20) == 0;
        SpendEvent.Builder event = SpendEvent.builder(start)
                .requestId("chatcmpl-" + Long.toHexString(dice.nextLong()))
                .keyHash(hash(key))
                .userId(user(key))
                .teamId(team(key))
                .organizationId(organization(key))
                .endUser(dice.nextInt(3) == 0 ? "" : "customer-" + dice.nextInt(keys))
                .model(model)
                .modelGroup("group-" + model)
                .modelId("id-" + model)
                .provider(dice.nextBoolean() ? "openai" : "azure")
                .apiBase("https://api.example.com/v1")
                .tags(tags)
                .tokens(dice.nextLong(10_000), failed ? 0 : dice.nextLong(2_000))
                .cost(failed ? BigDecimal.ZERO : cost(dice))
                .endTime(start.plusMillis(dice.nextLong(60_000)))
                .sessionId("session-" + dice.nextInt(1_000))
                .metadata("{\"trace\": " + dice.nextInt() + "}")
                .requesterIp("10.0.0." + dice.nextInt(256))
                .furtherCounters(List.of(CounterId.of(Scope.KEY, hash(key)).forModel(model, "")));
        if (failed) {
            event.error(RequestError.of("RateLimitError", "too many", 429));
        }
        return event.build();
    }

    /** Of any number of digits that money may have, mostly few. */
    static BigDecimal cost(SplittableRandom dice) {
        return dice.nextInt(10) == 0
                ? new BigDecimal(
                        new java.math.BigInteger(1 + dice.nextInt(90), new java.util.Random(dice.nextLong())), 60)
                : BigDecimal.valueOf(dice.nextLong(5_000_000), 8);
    }
}
