package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.internal.Db;
import io.llmdb.internal.JobRunner;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.testkit.CapturedPlans;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.ErrorFilter;
import io.llmdb.usage.ErrorLog;
import io.llmdb.usage.LoggedRequest;
import io.llmdb.usage.Reports;
import io.llmdb.usage.RequestFilter;
import io.llmdb.usage.RequestLog;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * No report and no page reads a day of the log from end to end: on two settled days, one that goes on, and 20,000 rows
 * each.
 */
@LlmDbTest(sharedByClass = true)
class ReportPlansTest {

    private static final int PER_DAY = 20_000;
    private static final LocalDate FIRST = LocalDate.parse("2026-03-10");
    private static final LocalDate LAST = FIRST.plusDays(2);

    private static CapturedPlans captured;
    private static Db db;

    @BeforeAll
    static void fill(TestDatabase database) {
        database.clock().freeze(Instant.parse("2026-03-12T20:00:00Z"));
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(2);
        HikariDataSource pool = database.closeAtEnd(new HikariDataSource(config));
        captured = CapturedPlans.of(pool);
        db = new Db(captured.dataSource(), database.schema());
        Db plain = new Db(pool, database.schema());
        Maintenance maintenance = new Maintenance(
                plain, new JobRunner(plain, Duration.ofDays(1), Duration.ofMinutes(1)), RetentionPolicy.KEEP_ALL);
        for (int day = 0; day < 3; day++) {
            // Every fiftieth request fails; a few keys, teams and models are common, most are rare. A table gets its
            // indexes when
            // it is full.
            String made = """
                    CREATE TABLE ${llmdb}."LLM_SpendLogs_p%1$tY%1$tm%1$td" (LIKE ${llmdb}."LLM_SpendLogs" INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
                    INSERT INTO ${llmdb}."LLM_SpendLogs_p%1$tY%1$tm%1$td" (id, request_id, api_key, spend, total_tokens, prompt_tokens,
                        completion_tokens, "startTime", "endTime", model, model_group, custom_llm_provider, "user", team_id, organization_id,
                        end_user, session_id, status, request_tags, digest)
                    SELECT gen_random_uuid(), 'request' || i, 'key' || (power(random(), 4) * 300)::int, (random() * random() * 0.4)::numeric(12, 8),
                        20, 10, 10, d + i * interval '4.2 seconds', d + i * interval '4.3 seconds', 'model' || (power(random(), 2) * 12)::int, '',
                        'provider' || i %% 3, 'user' || (power(random(), 3) * 300)::int, 'team' || (power(random(), 2) * 30)::int, 'org' || i %% 5,
                        'customer' || (random() * 2000)::int, 'session' || i / 7, CASE WHEN i %% 50 = 0 THEN 'failure' ELSE 'success' END,
                        CASE WHEN i %% 3 = 0 THEN '["chat"]' WHEN i %% 400 = 0 THEN '["nightly"]' END::jsonb, i
                    FROM generate_series(0, %3$d - 1) i, (VALUES (timestamptz '%1$s 00:00:00Z')) v (d);
                    ALTER TABLE ${llmdb}."LLM_SpendLogs" ATTACH PARTITION ${llmdb}."LLM_SpendLogs_p%1$tY%1$tm%1$td"
                        FOR VALUES FROM ('%1$s 00:00:00+00') TO ('%2$s 00:00:00+00')""";
            database.execute(made.formatted(FIRST.plusDays(day), FIRST.plusDays(day + 1), PER_DAY));
        }
        database.execute("""
                INSERT INTO ${llmdb}."LLM_DailySpend" SELECT ("startTime" AT TIME ZONE 'UTC')::date, api_key, "user", team_id, organization_id, model,
                    model_group, custom_llm_provider, sum(spend), sum(prompt_tokens), sum(completion_tokens), count(*),
                    count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status <> 'success')
                FROM ${llmdb}."LLM_SpendLogs" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
                INSERT INTO ${llmdb}."LLM_DailyTagSpend" SELECT ("startTime" AT TIME ZONE 'UTC')::date, t, model, sum(spend), 1, 1, count(*), 1, 1
                FROM ${llmdb}."LLM_SpendLogs", jsonb_array_elements_text(request_tags) t GROUP BY 1, 2, 3;
                INSERT INTO ${llmdb}."LLM_DailyEndUserSpend" SELECT ("startTime" AT TIME ZONE 'UTC')::date, end_user, model, sum(spend), 1, 1, count(*), 1, 1
                FROM ${llmdb}."LLM_SpendLogs" GROUP BY 1, 2, 3;
                INSERT INTO ${llmdb}."LLM_ErrorLogs" (id, "startTime", "endTime", exception_type, llm_model_name)
                SELECT id, "startTime", "endTime", 'Timeout' || digest % 4, model FROM ${llmdb}."LLM_SpendLogs" WHERE status = 'failure'""");
        maintenance.settle();
        maintenance.sumUp();
        database.execute("VACUUM ANALYZE");
    }

    private static void assertNoFullScan(String what, Runnable question) {
        captured.take();
        question.run();
        List<CapturedPlans.Plan> plans = captured.take();
        assertThat(plans).as(what).isNotEmpty();
        for (CapturedPlans.Plan plan : plans) {
            assertThat(plan.fullScansOf("LLM_SpendLogs_p"))
                    .as(what + "\n" + plan.sql() + "\n" + plan.text())
                    .isEmpty();
            assertThat(plan.scans())
                    .as(what + "\n" + plan.sql() + "\n" + plan.text())
                    .filteredOn(scan -> scan.table().startsWith("LLM_SpendLogs_p2"))
                    .allMatch(scan -> scan.rowsRead() < PER_DAY * 3 / 4);
        }
    }

    @Test
    void thePlansAreSeen() {
        captured.take();
        db.single(tx -> {
            try (var statement = tx.connection()
                    .prepareStatement(
                            db.sql().of("SELECT count(*) FROM ${llmdb}.\"LLM_SpendLogs\" WHERE call_type = ?"))) {
                statement.setString(1, "");
                return statement.executeQuery().next();
            }
        });

        assertThat(captured.take())
                .singleElement()
                .satisfies(plan -> assertThat(plan.fullScansOf("LLM_SpendLogs_p"))
                        .hasSize(3)
                        .allMatch(scan -> scan.rowsRead() > PER_DAY - 10));
    }

    @Test
    void reportsReadNoDayInFull() {
        Reports reports = new Reports(db);
        UsageQuery all = UsageQuery.of(FIRST, LAST);
        ZoneId kolkata = ZoneId.of("Asia/Kolkata");
        for (UsageDimension dimension : UsageDimension.values()) {
            assertNoFullScan("by " + dimension, () -> reports.usage(all.daily().by(dimension)));
            assertNoFullScan("top " + dimension, () -> reports.topBySpend(dimension, FIRST, LAST, 20));
        }
        assertNoFullScan("everything", () -> reports.total(all));
        assertNoFullScan("one key", () -> reports.of(UsageDimension.KEY, "key7", FIRST, LAST));
        assertNoFullScan("one user", () -> reports.of(UsageDimension.USER, "user11", FIRST, LAST));
        assertNoFullScan("errors", () -> reports.errors(FIRST, LAST, 50));
        assertNoFullScan("in Kolkata", () -> reports.usage(all.in(kolkata).daily()));
        for (UsageDimension dimension : List.of(
                UsageDimension.TEAM, UsageDimension.ORGANIZATION, UsageDimension.MODEL, UsageDimension.PROVIDER)) {
            assertNoFullScan(
                    "in Kolkata by " + dimension,
                    () -> reports.usage(all.in(kolkata).daily().by(dimension)));
        }
        assertNoFullScan(
                "in Kolkata of a key",
                () -> reports.usage(all.in(kolkata)
                        .daily()
                        .only(UsageDimension.KEY, "key200")
                        .by(UsageDimension.MODEL)));
    }

    @Test
    void pagesReadNoDayInFull() {
        RequestLog log = new RequestLog(db);
        RequestFilter all = RequestFilter.all();
        Map<String, RequestFilter> filters = new LinkedHashMap<>();
        filters.put("all", all);
        filters.put("the most common key", all.withKeyHash("key0"));
        filters.put("a rare key", all.withKeyHash("key250"));
        filters.put("a user", all.withUserId("user40"));
        filters.put("a team", all.withTeamId("team3"));
        filters.put("an organization", all.withOrganizationId("org2"));
        filters.put("an end user", all.withEndUser("customer77"));
        filters.put("a model", all.withModel("model9"));
        filters.put("a common tag", all.withTag("chat"));
        filters.put("a rare tag", all.withTag("nightly"));
        filters.put("failures", all.withSuccessful(false));
        filters.put("a session", all.withSessionId("session300"));
        filters.put("a request id", all.withRequestId("request4711"));
        filters.put("what was expensive", all.withCost(new BigDecimal("0.38"), null));
        filters.put("nobody", all.withKeyHash("nobody"));
        filters.put("a rare key's failures", all.withKeyHash("key250").withSuccessful(false));
        filters.forEach((name, filter) -> {
            PageRequest request = PageRequest.first(50);
            for (int i = 1; i <= 4 && request != null; i++) {
                PageRequest next = request;
                assertNoFullScan("page " + i + " of " + name, () -> log.list(filter, next));
                captured.capture(false);
                Page<LoggedRequest> page = log.list(filter, next);
                captured.capture(true);
                request = page.next() == null ? null : next.after(page.next());
            }
        });
    }

    @Test
    void pagesOfErrorsReadNoDayInFull() {
        ErrorLog errors = new ErrorLog(db);
        for (ErrorFilter filter : List.of(
                ErrorFilter.all(),
                ErrorFilter.all().withModel("model3"),
                ErrorFilter.all().withExceptionType("Timeout2"))) {
            captured.take();
            errors.list(filter, PageRequest.first(20));
            assertThat(captured.take())
                    .singleElement()
                    .satisfies(plan -> assertThat(plan.text()).doesNotContain("Seq Scan on \"LLM_ErrorLogs_p2"));
        }
    }
}
