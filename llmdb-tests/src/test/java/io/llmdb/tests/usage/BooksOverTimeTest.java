package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.JobRunner;
import io.llmdb.maintenance.LogPartition;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.BooksCheck;
import io.llmdb.usage.Difference.Kind;
import io.llmdb.usage.Repair;
import io.llmdb.usage.Verification;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What happens to books in the course of time, and that the check follows. */
@LlmDbTest
class BooksOverTimeTest {

    private static Verification verify(Company company) {
        return new BooksCheck(company.db, AuditTrail.of(false)).verify();
    }

    private static void assertAgrees(Company company) {
        Verification verification = verify(company);
        assertThat(verification.differences()).as(verification.toString()).isEmpty();
    }

    @Test
    void agreesWhileOthersWrite(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(1, 100)) {
            CompletableFuture<Void> traffic = CompletableFuture.runAsync(() -> {
                Instant start = Company.FIRST_DAY.plusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC);
                for (int i = 0; i < 60; i++) {
                    List<SpendEvent> events = new ArrayList<>();
                    for (int n = 0; n < 20; n++) {
                        events.add(company.event(start.plusSeconds(600L * i + n)));
                    }
                    company.book(events);
                }
            });
            int checks = 0;
            long rowsSeen = 0;
            while (!traffic.isDone()) {
                Verification verification = verify(company);
                assertThat(verification.differences())
                        .as(verification.toString())
                        .isEmpty();
                assertThat(verification.logRows()).isGreaterThanOrEqualTo(rowsSeen);
                rowsSeen = verification.logRows();
                checks++;
            }
            traffic.get();
            assertThat(checks).isPositive();
            assertThat(verify(company).logRows()).isEqualTo(100 + 60 * 20);
        }
    }

    @Test
    void findsEveryPlantAndNoOtherWhileOthersWrite(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(4, 400)) {
            try (Connection connection = database.dataSource().getConnection()) {
                connection.setAutoCommit(false);
                for (Plant plant : Plant.values()) {
                    plant.plant(connection, database.schema());
                }
                connection.commit();
            }
            CompletableFuture<Void> traffic = CompletableFuture.runAsync(() -> {
                Instant start = Company.FIRST_DAY.plusDays(3).atTime(23, 0).toInstant(ZoneOffset.UTC);
                for (int i = 0; i < 40; i++) {
                    List<SpendEvent> events = new ArrayList<>();
                    for (int n = 0; n < 20; n++) {
                        events.add(company.event(start.plusMillis(1000L * i + n)));
                    }
                    company.book(events);
                }
            });
            boolean last;
            do {
                last = traffic.isDone();
                Verification verification = verify(company);
                for (Plant plant : Plant.values()) {
                    assertThat(verification.differences())
                            .as(plant + " in\n" + verification)
                            .filteredOn(plant::matches)
                            .hasSize(1);
                }
                assertThat(verification.differences())
                        .as(verification.toString())
                        .hasSize(Plant.values().length);
            } while (!last);
            traffic.get();
        }
    }

    @Test
    void believesDailyTotalsWhereTheLogWasDropped(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 200)) {
            database.execute("DROP TABLE ${llmdb}.\"LLM_SpendLogs_p20260328\"");

            Verification dropped = verify(company);

            assertThat(dropped.differences()).as(dropped.toString()).isEmpty();
            assertThat(dropped.logRows()).isEqualTo(600);
            assertThat(dropped.notes())
                    .as("what cannot be told any more")
                    .anyMatch(note -> note.contains("lifetime totals of") && note.contains("2026-03-28"));

            database.execute(
                    "UPDATE ${llmdb}.\"LLM_TeamTable\" SET total_spend = total_spend + 1 WHERE team_id = 'team3'");
            assertThat(verify(company).differences())
                    .singleElement()
                    .matches(difference -> difference.kind() == Kind.TOTAL_SPEND
                            && difference.where().equals("team \"team3\""));
        }
    }

    @Test
    void tellsOfALostDayOnce(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 2000)) {
            database.execute("TRUNCATE ${llmdb}.\"LLM_SpendLogs_p20260330\"");

            Verification verification = verify(company);

            assertThat(verification.differences())
                    .as(verification.toString())
                    .filteredOn(difference -> difference.kind() == Kind.SPEND_LOG)
                    .isNotEmpty()
                    .allMatch(difference -> difference.day().equals(LocalDate.parse("2026-03-30")));
            assertThat(verification.differences())
                    .as("the daily totals and the main counters are right: " + verification)
                    .filteredOn(difference -> difference.kind() != Kind.SPEND_LOG)
                    .allMatch(difference -> !difference.counter().isMain());
        }
    }

    @Test
    void comparesCountersWithDailyTotalsWhereNoLogIsKept(TestDatabase database) {
        try (Company company = Company.on(database, false, false).withTraffic(3, 200)) {
            Verification verification = verify(company);
            assertThat(verification.differences()).as(verification.toString()).isEmpty();
            assertThat(verification.logRows()).isZero();
            assertThat(verification.notes()).anyMatch(note -> note.contains("further windows are not checked"));

            database.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET spend = spend + 1 WHERE token = 'key0'");
            database.execute("DELETE FROM ${llmdb}.\"LLM_SpendReceipt\" WHERE id = (SELECT id FROM "
                    + "${llmdb}.\"LLM_SpendReceipt\" ORDER BY id LIMIT 1)");

            verification = verify(company);
            assertThat(verification.differences())
                    .as(verification.toString())
                    .extracting(difference -> difference.kind() + " " + difference.where())
                    .containsExactlyInAnyOrder(
                            "WINDOW_SPEND key \"key0\"",
                            "DAILY_SPEND 2026-03-28 all requests, by log rows and receipts");
        }
    }

    @Test
    void believesDailyTotalsWhereTheReceiptsWereDropped(TestDatabase database) {
        try (Company company = Company.on(database, false, false)) {
            Maintenance maintenance = new Maintenance(
                    company.db,
                    new JobRunner(company.db, Duration.ofDays(1), Duration.ofMinutes(1)),
                    new RetentionPolicy(
                            null, null, null, null, BudgetDuration.parse("period", "1d"), Duration.ofDays(1)));
            maintenance.makePartitions();
            company.withTraffic(4, 200);
            List<Map<String, Object>> totals = dailyTotals(database);
            maintenance.applyRetention(false);
            assertThat(database.count("LLM_SpendReceipt")).isEqualTo(400);
            assertThat(maintenance.partitions())
                    .extracting(LogPartition::name)
                    .contains("LLM_SpendLogs_p20260328")
                    .doesNotContain("LLM_SpendReceipt_p20260328");

            assertAgrees(company);
            Repair repair = new BooksCheck(company.db, AuditTrail.of(true)).repair(Actor.SYSTEM);

            assertThat(repair.repaired()).isEmpty();
            assertThat(repair.left()).isEmpty();
            assertThat(dailyTotals(database)).isEqualTo(totals);
        }
    }

    private static List<Map<String, Object>> dailyTotals(TestDatabase database) {
        return database.rows("""
                SELECT to_jsonb(d)::text AS row FROM ${llmdb}."LLM_DailySpend" d
                UNION ALL SELECT to_jsonb(d)::text FROM ${llmdb}."LLM_DailyTagSpend" d
                UNION ALL SELECT to_jsonb(d)::text FROM ${llmdb}."LLM_DailyEndUserSpend" d ORDER BY 1""");
    }

    @Test
    void doesNotMissWhatIsGoneNorWhatCameAgain(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(2, 200)) {
            database.execute("DELETE FROM ${llmdb}.\"LLM_VerificationToken\" WHERE token IN ('key3', 'key7')");
            database.execute("DELETE FROM ${llmdb}.\"LLM_TeamMembership\" WHERE user_id = 'user3'");
            assertAgrees(company);

            database.execute(
                    "INSERT INTO ${llmdb}.\"LLM_VerificationToken\" (token, budget_duration) VALUES ('key3', '1d')");
            database.execute(
                    "INSERT INTO ${llmdb}.\"LLM_TeamMembership\" (user_id, team_id) VALUES ('user3', 'team3')");
            assertAgrees(company);

            company.trafficOf(Company.FIRST_DAY.plusDays(2), 200);
            company.trafficOf(Company.FIRST_DAY.plusDays(3), 200);
            assertAgrees(company);
        }
    }

    @Test
    void followsAKeyWhoseHashIsReplaced(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(2, 200)) {
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET token = 'key1' || 'new' WHERE token = 'key1'");
            database.execute("UPDATE ${llmdb}.\"LLM_SpendCounter\" SET scope_id = 'key1new' WHERE scope_id = 'key1'");
            assertAgrees(company);

            company.trafficOf(Company.FIRST_DAY.plusDays(2), 100);
            List<SpendEvent> events = new ArrayList<>();
            Instant at = Company.FIRST_DAY.plusDays(2).atTime(23, 59, 58).toInstant(ZoneOffset.UTC);
            for (int i = 0; i < 50; i++) {
                SpendEvent event = company.event(at);
                events.add(event.toBuilder()
                        .keyHash("key1new")
                        .furtherCounters(List.of())
                        .build());
            }
            company.book(events);
            assertAgrees(company);
        }
    }

    @Test
    void knowsOverspendThatWasCarriedOver(TestDatabase database) {
        try (Company company = Company.on(database, true, true).withTraffic(4, 400)) {
            assertThat(database.count("LLM_SpendAdjustment")).as("carried").isPositive();
            assertAgrees(company);
        }
    }

    @Test
    void followsWindowsThatBeginLaterOrEnd(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(2, 200)) {
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_UserTable\" SET budget_duration = '1d' WHERE user_id IN ('user2', 'user5')");
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_UserTable\" SET budget_duration = NULL WHERE user_id IN ('user0', 'user4')");
            company.trafficOf(Company.FIRST_DAY.plusDays(2), 200);
            assertAgrees(company);
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_UserTable\" SET budget_duration = '1d' WHERE user_id IN ('user0', 'user4')");
            company.trafficOf(Company.FIRST_DAY.plusDays(3), 200);
            company.trafficOf(Company.FIRST_DAY.plusDays(4), 200);
            assertAgrees(company);
        }
    }
}
