package io.llmdb.tests.usage;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Db;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Some keys, users and teams on a test's database, with windows of several lengths, and the traffic of some days. The
 * same seed makes the same.
 */
final class Company implements AutoCloseable {

    static final LocalDate FIRST_DAY = LocalDate.parse("2026-03-28");
    static final List<String> MODELS = List.of("gpt-4o", "claude-sonnet", "mistral-small");

    final TestDatabase database;
    final Db db;
    final SpendRecorder recorder;
    private final BookingPolicy policy;
    private final Random random = new Random(20260328);
    final List<SpendEvent> events = new ArrayList<>();

    private Company(TestDatabase database, BookingPolicy policy) {
        this.database = database;
        this.policy = policy;
        this.db = new Db(database.dataSource(), database.schema());
        this.recorder = recorder(DeliveryMode.MEMORY);
    }

    /** One more, to be closed by the caller. */
    SpendRecorder recorder(DeliveryMode mode) {
        return new SpendRecorder(
                db, Clock.systemUTC(), policy, DeliveryPolicy.booked().withMode(mode), List.of());
    }

    /** One that keeps all logs. */
    static Company on(TestDatabase database) {
        return on(database, true, false);
    }

    static Company on(TestDatabase database, boolean spendLogs, boolean rollover) {
        Company company = new Company(
                database,
                new BookingPolicy(
                        spendLogs,
                        true,
                        true,
                        true,
                        BudgetCalendar.in(ZoneOffset.UTC),
                        rollover,
                        null,
                        BudgetDuration.parse("budget_duration", "7d"),
                        null));
        database.clock().freeze(FIRST_DAY.atStartOfDay().toInstant(ZoneOffset.UTC));
        database.execute("""
                INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id, max_budget, budget_duration) VALUES
                    ('monthly', 100, '1mo'), ('daily', 0.05, '1d'), ('five hours', 1, '5h'), ('endless', 1000, NULL);
                INSERT INTO ${llmdb}."LLM_OrganizationTable" (organization_id, organization_alias, budget_id)
                SELECT 'org' || i, 'Organization ' || i, CASE i WHEN 0 THEN 'monthly' ELSE 'endless' END FROM generate_series(0, 1) i;
                INSERT INTO ${llmdb}."LLM_TeamTable" (team_id, organization_id, budget_duration)
                SELECT 'team' || i, 'org' || i % 2, CASE i WHEN 0 THEN '1d' END FROM generate_series(0, 3) i;
                INSERT INTO ${llmdb}."LLM_UserTable" (user_id, budget_duration, max_budget)
                SELECT 'user' || i, CASE i % 3 WHEN 0 THEN '1d' WHEN 1 THEN '7h' END, 0.02 FROM generate_series(0, 7) i;
                INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id, budget_id)
                SELECT 'user' || i, 'team' || i % 4, CASE WHEN i < 4 THEN 'daily' END FROM generate_series(0, 7) i;
                INSERT INTO ${llmdb}."LLM_OrganizationMembership" (user_id, organization_id, budget_id)
                SELECT 'user' || i, 'org' || i % 2, CASE WHEN i < 4 THEN 'five hours' END FROM generate_series(0, 7) i;
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, user_id, team_id, organization_id, budget_duration)
                SELECT 'key' || i, 'user' || i % 8, 'team' || i % 4, 'org' || i % 2,
                    (ARRAY['1d', '5h', '90m', NULL])[1 + i % 4] FROM generate_series(0, 11) i
                """);
        return company;
    }

    /** Books the traffic of some days, clock and all. */
    Company withTraffic(int days, int perDay) {
        for (int day = 0; day < days; day++) {
            trafficOf(FIRST_DAY.plusDays(day), perDay);
        }
        return this;
    }

    void trafficOf(LocalDate day, int count) {
        Instant midnight = day.atStartOfDay().toInstant(ZoneOffset.UTC);
        for (int part = 0; part < 4; part++) {
            List<SpendEvent> made = new ArrayList<>();
            for (int i = 0; i < count / 4; i++) {
                made.add(event(midnight.plusMillis((long) (part * 21_600_000L + random.nextDouble() * 21_600_000L))));
            }
            database.clock().freeze(midnight.plusSeconds(21_600L * (part + 1) - 1));
            book(made);
        }
    }

    void book(List<SpendEvent> made) {
        made.forEach(recorder::record);
        if (!recorder.flush(Duration.ofSeconds(60))) {
            throw new AssertionError("The events were not booked in time");
        }
        events.addAll(made);
    }

    SpendEvent withPrompts(Instant at) {
        return event(at).toBuilder()
                .messages("[{\"role\": \"user\", \"content\": \"secret\"}]")
                .response("{}")
                .proxyServerRequest("{\"a\": 1}")
                .build();
    }

    SpendEvent event(Instant at) {
        int key = random.nextInt(12);
        String model = MODELS.get(random.nextInt(3));
        long prompt = random.nextInt(2000);
        long completion = random.nextInt(500);
        SpendEvent.Builder event = SpendEvent.builder(at)
                .requestId("request-" + random.nextInt(1_000_000))
                .keyHash("key" + key)
                .userId("user" + key % 8)
                .teamId("team" + key % 4)
                .organizationId("org" + key % 2)
                .model(model)
                .modelGroup(random.nextBoolean() ? model : "")
                .provider(model.startsWith("gpt") ? "openai" : "")
                .endUser(random.nextInt(3) == 0 ? "" : "customer" + random.nextInt(20))
                .sessionId("session-" + random.nextInt(50))
                .endTime(at.plusMillis(1 + random.nextInt(5000)))
                .tags(
                        switch (random.nextInt(4)) {
                            case 0 -> List.of();
                            case 1 -> List.of("batch");
                            case 2 -> List.of("batch", "nightly");
                            default -> List.of("chat", "chat");
                        });
        List<CounterId> further = new ArrayList<>();
        if (key < 4) {
            further.add(CounterId.of(Scope.KEY, "key" + key).forModel(model, key < 2 ? "1d" : ""));
        }
        if (key % 4 == 1) {
            further.add(CounterId.of(Scope.TEAM, "team1").forWindow("6h"));
            further.add(CounterId.member(Scope.TEAM_MEMBER, "user" + key % 8, "team1")
                    .forWindow("2d"));
        }
        event.furtherCounters(further);
        if (random.nextInt(20) == 0) {
            boolean busy = random.nextBoolean();
            event.error(RequestError.of(busy ? "RateLimitError" : "Timeout", "no luck", busy ? 429 : 408));
        } else {
            event.tokens(prompt, completion)
                    .cost(BigDecimal.valueOf(prompt)
                            .multiply(new BigDecimal("0.00000025"))
                            .add(BigDecimal.valueOf(completion).multiply(new BigDecimal("0.0000012500003"))));
        }
        return event.build();
    }

    @Override
    public void close() {
        recorder.close();
    }
}
