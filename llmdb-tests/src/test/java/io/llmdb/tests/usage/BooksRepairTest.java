package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.BooksCheck;
import io.llmdb.usage.Difference.Kind;
import io.llmdb.usage.Repair;
import io.llmdb.usage.Verification;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

@LlmDbTest
class BooksRepairTest {

    private static final Actor BOOKKEEPER = new Actor("bookkeeper", "");

    private static void plantAll(Company company) throws SQLException {
        try (Connection connection = company.database.dataSource().getConnection()) {
            for (Plant plant : Plant.values()) {
                plant.plant(connection, company.database.schema());
            }
        }
    }

    @Test
    void setsWhatIsWrongAndLeavesATrace(TestDatabase database) throws SQLException {
        try (Company company = Company.on(database).withTraffic(4, 400)) {
            plantAll(company);
            BooksCheck check = new BooksCheck(company.db, AuditTrail.of(true));

            Repair repair = check.repair(BOOKKEEPER);

            assertThat(repair.verification().differences()).hasSize(Plant.values().length);
            assertThat(repair.left())
                    .as(repair.toString())
                    .hasSize(3)
                    .allMatch(difference ->
                            difference.kind() == Kind.SPEND_LOG || difference.kind() == Kind.DAILY_ERRORS);
            assertThat(repair.repaired()).as(repair.toString()).hasSize(Plant.values().length - 3);
            Verification after = check.verify();
            assertThat(after.differences())
                    .as(after.toString())
                    .hasSize(3)
                    .allMatch(difference ->
                            difference.kind() == Kind.SPEND_LOG || difference.kind() == Kind.DAILY_ERRORS);
            assertThat(database.rows("SELECT scope, scope_id, amount, total_amount, reason, created_by FROM "
                            + "${llmdb}.\"LLM_SpendAdjustment\" WHERE scope_id = 'key3'"))
                    .singleElement()
                    .satisfies(row -> {
                        assertThat(row.get("reason").toString()).startsWith("repair: total_spend was ");
                        assertThat(row.get("created_by")).isEqualTo("bookkeeper");
                    });
            assertThat(
                            database.value(
                                    Long.class,
                                    "SELECT count(*) FROM ${llmdb}.\"LLM_AuditLog\" WHERE changed_by = 'bookkeeper' AND action = 'updated'"))
                    .isEqualTo(database.count("LLM_SpendAdjustment"));
            assertThat(database.rows("SELECT updated_values ->> 'total_spend' AS total FROM ${llmdb}.\"LLM_AuditLog\" "
                            + "WHERE object_id = 'key3'"))
                    .hasSize(1);
        }
    }

    @Test
    void doesNothingWhereTheBooksAgree(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(1, 100)) {
            Repair repair = new BooksCheck(company.db, AuditTrail.of(true)).repair(BOOKKEEPER);

            assertThat(repair.repaired()).isEmpty();
            assertThat(repair.left()).isEmpty();
            assertThat(database.count("LLM_SpendAdjustment")).isZero();
            assertThat(database.count("LLM_AuditLog")).isZero();
        }
    }

    @Test
    void losesNothingThatIsBookedMeanwhile(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(1, 100)) {
            BooksCheck check = new BooksCheck(company.db, AuditTrail.of(false));
            CompletableFuture<Void> traffic = CompletableFuture.runAsync(() -> {
                Instant start = Company.FIRST_DAY.plusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC);
                for (int i = 0; i < 80; i++) {
                    List<SpendEvent> events = new ArrayList<>();
                    for (int n = 0; n < 10; n++) {
                        events.add(company.event(start.plusSeconds(600L * i + n)));
                    }
                    company.book(events);
                }
            });
            int repaired = 0;
            while (!traffic.isDone()) {
                // One row each, so that these cannot be what waits for a booking that waits for them.
                database.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" "
                        + "SET total_spend = total_spend + 1, spend = spend - 1 WHERE token = 'key4'");
                database.execute(
                        "UPDATE ${llmdb}.\"LLM_EndUserTable\" SET spend = spend + 1 WHERE user_id = 'customer1'");
                database.execute(
                        "UPDATE ${llmdb}.\"LLM_DailySpend\" SET spend = spend + 0.3 WHERE ctid = (SELECT ctid FROM "
                                + "${llmdb}.\"LLM_DailySpend\" WHERE api_key = 'key1' ORDER BY random() LIMIT 1)");
                repaired += check.repair(BOOKKEEPER).repaired().size();
            }
            traffic.get();
            check.repair(BOOKKEEPER);

            Verification after = check.verify();
            assertThat(after.differences()).as(after.toString()).isEmpty();
            assertThat(after.logRows()).isEqualTo(100 + 800);
            assertThat(repaired).isPositive();
            assertThat(database.deadlocks()).isZero();
        }
    }

    @Test
    void rebuildsLostDailyTotals(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(3, 2000)) {
            database.execute("DELETE FROM ${llmdb}.\"LLM_DailySpend\" WHERE day <= '2026-03-29'");
            database.execute("DELETE FROM ${llmdb}.\"LLM_DailyEndUserSpend\" WHERE day = '2026-03-29'");
            BooksCheck check = new BooksCheck(company.db, AuditTrail.of(false));
            assertThat(check.verify().differences()).isNotEmpty().allMatch(difference -> difference.counter() == null);

            check.repair(BOOKKEEPER);

            Verification after = check.verify();
            assertThat(after.differences()).as(after.toString()).isEmpty();
        }
    }
}
