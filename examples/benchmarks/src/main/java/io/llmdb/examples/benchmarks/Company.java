package io.llmdb.examples.benchmarks;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.Payer;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Keys, users, teams and organizations, and the requests of theirs that benchmarks book.
 *
 * @param keys how many keys; there are a fifth as many users, and a few teams and organizations
 */
record Company(int keys) {

    private static final int WIDTH_OF_METADATA = 150;

    private int users() {
        return Math.max(1, keys / 5);
    }

    private int teams() {
        return Math.max(1, keys / 20);
    }

    private int organizations() {
        return Math.max(1, keys / 200);
    }

    private static String hash(int key) {
        return String.format(Locale.ROOT, "%064x", 0x5EED_0000L + key);
    }

    /** Puts all of it into a database, without budgets. */
    void insertInto(TestDatabase database) {
        database.execute("""
                INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id) VALUES ('none');
                INSERT INTO ${llmdb}."LLM_OrganizationTable" (organization_id, organization_alias, budget_id)
                SELECT 'org-' || i, 'org', 'none' FROM generate_series(0, %1$d - 1) i;
                INSERT INTO ${llmdb}."LLM_TeamTable" (team_id, organization_id)
                SELECT 'team-' || i, 'org-' || i %% %1$d FROM generate_series(0, %2$d - 1) i;
                INSERT INTO ${llmdb}."LLM_UserTable" (user_id) SELECT 'user-' || i FROM generate_series(0, %3$d - 1) i;
                INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id)
                SELECT 'user-' || i, 'team-' || i %% %2$d FROM generate_series(0, %3$d - 1) i;
                INSERT INTO ${llmdb}."LLM_OrganizationMembership" (user_id, organization_id)
                SELECT 'user-' || i, 'org-' || i %% %2$d %% %1$d FROM generate_series(0, %3$d - 1) i;
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, user_id, team_id, organization_id)
                SELECT lpad(to_hex(%5$d + i), 64, '0'), 'user-' || i %% %3$d, 'team-' || i %% %3$d %% %2$d,
                       'org-' || i %% %3$d %% %2$d %% %1$d
                FROM generate_series(0, %4$d - 1) i;
                ANALYZE;
                """.formatted(organizations(), teams(), users(), keys, 0x5EED_0000L));
    }

    /** Requests of its keys within the last minutes of today, with metadata as real ones have. */
    List<SpendEvent> requests(Instant now, int count, long seed) {
        List<Payer> payers = IntStream.range(0, keys)
                .mapToObj(key -> new Payer(
                        hash(key),
                        "user-" + key % users(),
                        "team-" + key % users() % teams(),
                        "org-" + key % users() % teams() % organizations()))
                .toList();
        SpendEvents traffic = SpendEvents.seeded(seed)
                .paidBy(payers)
                .endUsers(500)
                .from(now.minusSeconds(120), Math.max(50.0, count / 100.0));
        List<SpendEvent> requests = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            SpendEvent event = traffic.next();
            requests.add(event.toBuilder().metadata(metadata(event, i)).build());
        }
        return requests;
    }

    private static String metadata(SpendEvent event, int i) {
        String fixed = "{\"user_api_key_alias\": \"" + event.userId() + "-key\", \"trace_id\": \"" + event.id()
                + "\", \"attempt\": " + i % 3 + ", \"route\": \"/v1/chat/completions\", \"region\": \"";
        return fixed + "x".repeat(Math.max(1, WIDTH_OF_METADATA - fixed.length())) + "\"}";
    }

    static BigDecimal cost(List<SpendEvent> events) {
        return events.stream().map(SpendEvent::cost).reduce(BigDecimal.ZERO, BigDecimal::add);
    }
}
