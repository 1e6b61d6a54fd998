package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.JobRunner;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.BooksCheck;
import io.llmdb.usage.Difference;
import io.llmdb.usage.ErrorTotals;
import io.llmdb.usage.Repair;
import io.llmdb.usage.Reports;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import io.llmdb.usage.UsageReport;
import io.llmdb.usage.UsageRow;
import io.llmdb.usage.UsageTotals;
import io.llmdb.usage.Verification;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Reports say what the events say, whether or not something is summed up, in every zone. */
@LlmDbTest
class ReportsTest {

    private static final LocalDate FIRST = Company.FIRST_DAY;
    private static final LocalDate LAST = FIRST.plusDays(3);

    /** Europe's clocks go forward on the second of the four days. */
    private static final List<ZoneId> ZONES = List.of(
            ZoneOffset.UTC,
            ZoneId.of("Europe/Berlin"),
            ZoneId.of("Asia/Kathmandu"),
            ZoneId.of("America/St_Johns"),
            ZoneId.of("Pacific/Apia"));

    private static Maintenance maintenance(TestDatabase database) {
        Db db = pooled(database);
        return new Maintenance(
                db,
                new JobRunner(db, Duration.ofDays(1), Duration.ofMinutes(1)),
                new RetentionPolicy(BudgetDuration.parse("period", "1d"), null, null, null, null, Duration.ofDays(1)));
    }

    /** There are many questions. */
    private static Db pooled(TestDatabase database) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(2);
        return new Db(database.closeAtEnd(new HikariDataSource(config)), database.schema());
    }

    private static UsageQuery all(ZoneId zone) {
        return UsageQuery.of(FIRST.minusDays(1), LAST.plusDays(1)).in(zone);
    }

    /** Everything that can be asked in a zone. */
    private static List<UsageQuery> questions(ZoneId zone) {
        List<UsageQuery> questions = new ArrayList<>();
        UsageQuery all = all(zone);
        List<UsageQuery> plain = new ArrayList<>(List.of(
                all,
                all.by(UsageDimension.TEAM),
                all.by(UsageDimension.ORGANIZATION),
                all.by(UsageDimension.MODEL),
                all.by(UsageDimension.PROVIDER),
                all.only(UsageDimension.TEAM, "team1"),
                all.only(UsageDimension.PROVIDER, "openai"),
                all.only(UsageDimension.PROVIDER, ""),
                all.only(UsageDimension.KEY, "key3"),
                all.only(UsageDimension.KEY, "key3").by(UsageDimension.MODEL, UsageDimension.PROVIDER),
                all.only(UsageDimension.USER, "user2")
                        .only(UsageDimension.MODEL, "gpt-4o")
                        .by(UsageDimension.KEY),
                all.only(UsageDimension.KEY, "nobody")));
        if (zone.equals(ZoneOffset.UTC)) {
            for (UsageDimension dimension : UsageDimension.values()) {
                plain.add(all.by(dimension));
            }
            plain.add(all.by(UsageDimension.TEAM, UsageDimension.MODEL));
            plain.add(all.by(UsageDimension.END_USER, UsageDimension.MODEL));
            plain.add(all.by(UsageDimension.MODEL).only(UsageDimension.TAG, "batch"));
            plain.add(all.only(UsageDimension.ORGANIZATION, "org1")
                    .only(UsageDimension.MODEL, "gpt-4o")
                    .by(UsageDimension.KEY, UsageDimension.MODEL_GROUP));
        }
        plain.add(all.only(UsageDimension.END_USER, "customer3"));
        for (UsageQuery question : plain) {
            questions.add(question);
            questions.add(question.daily());
        }
        UsageQuery two = new UsageQuery(
                FIRST.plusDays(1), FIRST.plusDays(2), zone, true, all.by(), all.of(), UsageQuery.Order.DAY, 100);
        questions.add(two);
        return questions;
    }

    private static void assertTrue(Company company, List<ZoneId> zones) {
        assertTrue(company, zones, question -> true);
    }

    private static void assertTrue(Company company, List<ZoneId> zones, Predicate<UsageQuery> asked) {
        Reports reports = new Reports(pooled(company.database));
        for (ZoneId zone : zones) {
            for (UsageQuery question : questions(zone).stream().filter(asked).toList()) {
                assertThat(Oracle.rows(reports.usage(question)))
                        .as(question.toString())
                        .isEqualTo(Oracle.usage(company.events, question));
            }
        }
    }

    @Test
    void sayWhatTheEventsSay(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 240)) {
            Maintenance maintenance = maintenance(database);
            assertTrue(company, ZONES.subList(0, 2), UsageQuery::byDay);

            assertThat(maintenance.sumUp()).isGreaterThanOrEqualTo(3 + 3 * 96 + 3 * 24);
            assertThat(database.count("LLM_DailySum")).isGreaterThan(100);
            assertTrue(company, ZONES.subList(0, 2));
            assertTrue(company, ZONES.subList(2, 5), UsageQuery::byDay);
            maintenance.settle();
            assertTrue(company, List.of(ZONES.get(1)), UsageQuery::byDay);

            // Late ones: of a day and quarters that are summed up already.
            company.book(List.of(
                    company.event(FIRST.plusDays(1).atTime(0, 30).toInstant(ZoneOffset.UTC)),
                    company.event(FIRST.plusDays(1).atTime(22, 59).toInstant(ZoneOffset.UTC))));
            assertThat(database.rows("SELECT 1 FROM ${llmdb}.\"LLM_SummedUp\" WHERE span = 'day'"))
                    .hasSize(2);
            assertTrue(company, ZONES.subList(0, 2), UsageQuery::byDay);
            assertThat(maintenance.sumUp()).isEqualTo(1 + 2 + 2);
            assertTrue(company, List.of(ZONES.get(2)), UsageQuery::byDay);
            assertThat(new BooksCheck(company.db, AuditTrail.of(false)).verify().differences())
                    .isEmpty();

            // What is dropped from the log stays in the reports, but for what is not summed up: parts of hours of one
            // key.
            maintenance.applyRetention(false);
            assertThat(database.count("LLM_SpendLogs")).isLessThan(600);
            Reports reports = new Reports(company.db);
            for (ZoneId zone : ZONES) {
                UsageQuery question = all(zone).daily().by(UsageDimension.MODEL);
                assertThat(Oracle.rows(reports.usage(question))).isEqualTo(Oracle.usage(company.events, question));
            }
            UsageQuery key = all(ZONES.get(1)).daily().only(UsageDimension.KEY, "key3");
            assertThat(Oracle.rows(reports.usage(key))).isEqualTo(Oracle.usage(company.events, key));
            for (UsageQuery lost :
                    List.of(key.in(ZONES.get(2)), key.in(ZONES.get(1)).by(UsageDimension.MODEL))) {
                assertThatThrownBy(() -> reports.usage(lost))
                        .isInstanceOf(InvalidArgumentException.class)
                        .hasMessageContaining("was dropped");
            }
        }
    }

    @Test
    void singleEventsReopenWhatTheyAddTo(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(2, 80)) {
            maintenance(database).sumUp();
            SpendEvent late = company.event(FIRST.atTime(3, 3).toInstant(ZoneOffset.UTC));
            try (LlmDb db = LlmDb.open(database.settings().build())) {
                db.spend().record(late);
                company.events.add(late);
                UsageQuery question = all(ZoneId.of("Asia/Kathmandu")).daily();
                assertThat(Oracle.rows(db.reports().usage(question))).isEqualTo(Oracle.usage(company.events, question));
                assertThat(db.reports().total(UsageQuery.of(FIRST, FIRST)).requests())
                        .isEqualTo(81);
            }
        }
    }

    @Test
    void sumsAreRightWhileOthersWrite(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(3, 100)) {
            CompletableFuture<Void> traffic = CompletableFuture.runAsync(() -> {
                for (int i = 0; i < 15; i++) {
                    List<SpendEvent> events = new ArrayList<>();
                    for (int n = 0; n < 10; n++) {
                        Instant start = FIRST.atTime(8 * i % 24, (17 * n) % 60).toInstant(ZoneOffset.UTC);
                        events.add(company.event(start.plusMillis(i)));
                    }
                    company.book(events);
                }
            });
            Maintenance maintenance = maintenance(database);
            while (!traffic.isDone()) {
                maintenance.sumUp();
            }
            traffic.get(60, TimeUnit.SECONDS);
            maintenance.sumUp();

            assertTrue(company, List.of(ZoneOffset.UTC, ZONES.get(2)), UsageQuery::byDay);
            assertThat(database.deadlocks()).isZero();
        }
    }

    /** India's midnight lies within an hour of UTC, so its days are made of quarters too. */
    @Test
    void aBusyKeysQuartersOfAnHourAreReadFromSums(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(3, 120)) {
            List<SpendEvent> busy = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                Instant start = FIRST.atTime(18, 30 + i % 24).toInstant(ZoneOffset.UTC);
                busy.add(company.event(start.plusMillis(i)).toBuilder()
                        .keyHash("key3")
                        .build());
            }
            company.book(busy);
            // As many as have a sum of their own, and one less.
            List<SpendEvent> atTheMark = new ArrayList<>();
            for (int i = 0; i < 63; i++) {
                Instant start = FIRST.plusDays(3).atTime(18, i < 32 ? 31 : 46).toInstant(ZoneOffset.UTC);
                atTheMark.add(company.event(start.plusMillis(i)).toBuilder()
                        .keyHash("key3")
                        .userId("user2")
                        .endUser("customer3")
                        .build());
            }
            database.clock().freeze(FIRST.plusDays(4).atTime(1, 0).toInstant(ZoneOffset.UTC));
            company.book(atTheMark);
            maintenance(database).sumUp();
            assertThat(database.rows("""
                    SELECT kind, count(*)::int AS quarters FROM ${llmdb}."LLM_QuarterHourSum"
                    WHERE kind IN ('key', 'user', 'end_user') AND start >= '2026-03-31Z' GROUP BY kind ORDER BY kind"""))
                    .containsExactly(
                            Map.of("kind", "end_user", "quarters", 1),
                            Map.of("kind", "key", "quarters", 1),
                            Map.of("kind", "user", "quarters", 1));
            ZoneId india = ZoneId.of("Asia/Kolkata");
            assertTrue(company, List.of(india), UsageQuery::byDay);

            BooksCheck check = new BooksCheck(company.db, AuditTrail.of(false));
            assertThat(check.verify().differences()).isEmpty();
            assertThat(database.value(Long.class, """
                    WITH wrong AS (UPDATE ${llmdb}."LLM_QuarterHourSum" SET successful_requests = successful_requests + 1000,
                        api_requests = api_requests + 1000 WHERE kind = 'key' RETURNING id) SELECT count(*) FROM wrong WHERE id = 'key3'""")).isEqualTo(3);
            Reports reports = new Reports(company.db);
            UsageQuery second = UsageQuery.of(FIRST.plusDays(1), FIRST.plusDays(1))
                    .in(india)
                    .only(UsageDimension.KEY, "key3");
            long expected = Oracle.usage(company.events, second)
                    .get(List.<Object>of("all"))
                    .requests();
            assertThat(reports.total(second).requests())
                    .as("read from the sums")
                    .isEqualTo(expected + 2_000);
            assertThat(check.verify().differences())
                    .extracting(Difference::where)
                    .contains("2026-03-28 key \"key3\"");
            check.repair(Actor.SYSTEM);
            maintenance(database).sumUp();
            assertTrue(company, List.of(india), UsageQuery::byDay);

            // Late: its quarter and its hour are not summed up any more.
            company.book(List.of(company.event(FIRST.atTime(18, 40).toInstant(ZoneOffset.UTC)).toBuilder()
                    .keyHash("key3")
                    .build()));
            assertTrue(company, List.of(india), UsageQuery::byDay);
        }
    }

    @Test
    void aSumThatSomebodyBookedMeanwhileIsNotCompleted(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(1, 80)) {
            String hours = "'{\"2026-03-28 03:00Z\",\"2026-03-28 04:00Z\"}'::timestamptz[]";
            database.execute("SELECT ${llmdb}.llmdb_begin_summing('hour', " + hours + ")");
            company.book(List.of(company.event(FIRST.atTime(3, 3).toInstant(ZoneOffset.UTC))));

            database.execute("SELECT ${llmdb}.llmdb_sum_up_hours(" + hours + ")");

            assertThat(
                            database.rows(
                                    "SELECT extract(hour FROM start AT TIME ZONE 'UTC')::int AS hour, complete FROM ${llmdb}.\"LLM_SummedUp\""))
                    .containsExactly(Map.of("hour", 4, "complete", true));
        }
    }

    @Test
    void refusesWhatItCannotTell(TestDatabase database) {
        Reports reports = new Reports(new Db(database.dataSource(), database.schema()));
        ZoneId berlin = ZoneId.of("Europe/Berlin");

        assertThatThrownBy(() -> reports.usage(all(ZoneOffset.UTC).by(UsageDimension.TAG, UsageDimension.TEAM)))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("by model only");
        assertThatThrownBy(() -> reports.usage(all(berlin).by(UsageDimension.KEY)))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("another zone than UTC");
        assertThatThrownBy(() -> UsageQuery.of(LAST, FIRST)).isInstanceOf(InvalidArgumentException.class);
        assertThatThrownBy(() -> all(berlin).top(UsageQuery.Order.SPEND, 0))
                .isInstanceOf(InvalidArgumentException.class);
    }

    @Test
    void withoutALogDaysAreDaysOfUtc(TestDatabase database) {
        try (Company company = Company.on(database, false, false).withTraffic(2, 80)) {
            maintenance(database).sumUp();
            Reports reports = new Reports(company.db);

            UsageQuery question = all(ZoneOffset.UTC).daily().by(UsageDimension.USER);
            assertThat(Oracle.rows(reports.usage(question))).isEqualTo(Oracle.usage(company.events, question));
            assertThatThrownBy(() -> reports.usage(all(ZoneId.of("Europe/Berlin"))))
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("spend logs were switched off");
        }
    }

    /** Nobody can tell what a receipt of these hours adds to the day of UTC and takes from the day in the zone. */
    @Test
    void receiptsBetweenTheMidnightsOfUtcAndOfTheZoneAreRefused(TestDatabase database) {
        try (Company company = Company.on(database, false, false)) {
            company.book(List.of(company.event(FIRST.atTime(2, 0).toInstant(ZoneOffset.UTC))));
            database.clock().freeze(LAST.atTime(23, 59).toInstant(ZoneOffset.UTC));
            company.book(List.of(company.event(LAST.atTime(23, 30).toInstant(ZoneOffset.UTC))));
            Reports reports = new Reports(company.db);
            UsageQuery morning = UsageQuery.of(FIRST, FIRST).in(ZoneId.of("America/New_York"));
            UsageQuery evening = UsageQuery.of(LAST, LAST).in(ZONES.get(1));
            UsageQuery between =
                    UsageQuery.of(FIRST.plusDays(1), LAST.minusDays(1)).in(ZONES.get(1));

            assertNoLog(reports, morning);
            assertNoLog(reports, evening);
            assertThat(reports.usage(between)).isEmpty();

            database.clock().advance(Duration.ofDays(2));
            maintenance(database).applyRetention(false);
            assertThat(database.count("LLM_SpendReceipt")).isZero();
            assertNoLog(reports, morning);
            assertNoLog(reports, evening);
        }
    }

    private static void assertNoLog(Reports reports, UsageQuery question) {
        assertThatThrownBy(() -> reports.usage(question))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("spend logs were switched off");
    }

    @Test
    void listsTheTopAndAllAboutOne(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(2, 240)) {
            Reports reports = new Reports(company.db);

            List<UsageRow> top = reports.topBySpend(UsageDimension.KEY, FIRST, LAST, 5);
            assertThat(top)
                    .hasSize(5)
                    .isSortedAccordingTo((one, other) ->
                            other.totals().spend().compareTo(one.totals().spend()));
            assertThat(Oracle.usage(company.events, all(ZoneOffset.UTC).by(UsageDimension.KEY))
                            .values())
                    .allMatch(totals ->
                            totals.spend().compareTo(top.get(4).totals().spend()) <= 0
                                    || top.stream().anyMatch(row -> row.totals().requests() == totals.requests()));

            UsageReport report = reports.of(UsageDimension.USER, "user1", FIRST, LAST);
            UsageTotals expected = Oracle.usage(
                            company.events, all(ZoneOffset.UTC).only(UsageDimension.USER, "user1"))
                    .get(List.<Object>of("all"));
            assertThat(report.total().spend()).isEqualByComparingTo(expected.spend());
            assertThat(report.byDay()).hasSize(2);
            assertThat(report.top().get(UsageDimension.KEY)).hasSize(2);
            assertThat(report.top()).doesNotContainKey(UsageDimension.USER);

            List<ErrorTotals> errors = reports.errors(FIRST, LAST, 100);
            assertThat(errors.stream().mapToLong(ErrorTotals::failedRequests).sum())
                    .isEqualTo(company.events.stream()
                            .filter(event -> !event.isSuccess())
                            .count());
            assertThat(errors).extracting(ErrorTotals::exceptionType).contains("RateLimitError", "Timeout");
        }
    }

    @Test
    void exportsCsv(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(1, 80)) {
            Instant noon = FIRST.atTime(12, 0).toInstant(ZoneOffset.UTC);
            company.book(List.of(SpendEvent.builder(noon)
                    .keyHash("key1")
                    .model("=HYPERLINK(\"http://evil\"),x")
                    .endTime(noon)
                    .build()));
            StringBuilder csv = new StringBuilder();

            long rows = new Reports(company.db)
                    .exportUsage(all(ZoneOffset.UTC).daily().by(UsageDimension.MODEL), csv);

            assertThat(rows).isEqualTo(4);
            assertThat(csv.toString().split("\r\n"))
                    .hasSize(5)
                    .contains(
                            "day,model,spend,prompt_tokens,completion_tokens,requests,successful_requests,failed_requests",
                            "2026-03-28,\"'=HYPERLINK(\"\"http://evil\"\"),x\",0,0,0,1,1,0");
        }
    }

    @Test
    void wrongSumsAreFoundAndMadeAnew(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(3, 120)) {
            maintenance(database).sumUp();
            BooksCheck check = new BooksCheck(company.db, AuditTrail.of(false));
            assertThat(check.verify().differences()).isEmpty();
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_DailySum\" SET spend = spend + 1 WHERE kind = 'key' AND id = 'key2' AND day = '2026-03-29'");
            database.execute("""
                    DELETE FROM ${llmdb}."LLM_QuarterHourSum" WHERE (kind, start, id) IN (
                        SELECT kind, start, id FROM ${llmdb}."LLM_QuarterHourSum" WHERE kind = 'model' AND id = 'gpt-4o'
                            AND start < '2026-03-29 00:00Z' AND spend > 0 ORDER BY start LIMIT 1)""");

            database.execute("""
                    UPDATE ${llmdb}."LLM_HourSum" SET prompt_tokens = prompt_tokens + 1
                    WHERE kind = 'user' AND id = 'user5' AND start = (SELECT min(start) FROM ${llmdb}."LLM_HourSum"
                        WHERE kind = 'user' AND id = 'user5')""");

            Verification verification = check.verify();
            assertThat(verification.differences())
                    .as(verification.toString())
                    .extracting(Difference::kind, Difference::where)
                    .containsExactlyInAnyOrder(
                            org.assertj.core.groups.Tuple.tuple(Difference.Kind.SUM, "2026-03-29 key \"key2\""),
                            org.assertj.core.groups.Tuple.tuple(Difference.Kind.SUM, "2026-03-28 user \"user5\""),
                            org.assertj.core.groups.Tuple.tuple(Difference.Kind.SUM, "2026-03-28 model \"gpt-4o\""));

            Repair repair = check.repair(Actor.SYSTEM);
            assertThat(repair.repaired()).hasSize(3);
            maintenance(database).sumUp();
            assertThat(check.verify().differences()).isEmpty();
            assertTrue(company, ZONES.subList(0, 2), UsageQuery::byDay);
        }
    }
}
