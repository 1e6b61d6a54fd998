package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.BooksCheck;
import io.llmdb.usage.Verification;
import io.llmdb.usage.VerificationProgress;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The check of the books on four days of traffic; each test spoils them in a transaction of its own. */
@LlmDbTest(sharedByClass = true)
class BooksCheckTest {

    private static Company company;

    @BeforeAll
    static void book(TestDatabase database) {
        company = Company.on(database).withTraffic(4, 400);
    }

    @AfterAll
    static void close() {
        company.close();
    }

    private static Verification verifyWith(Plant... plants) throws SQLException {
        return verifyWith(LocalDate.MIN, plants);
    }

    private static Verification verifyWith(LocalDate logFrom, Plant... plants) throws SQLException {
        try (Connection connection = company.database.dataSource().getConnection()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            for (Plant plant : plants) {
                plant.plant(connection, company.database.schema());
            }
            Verification verification = new BooksCheck(company.db.joining(connection), AuditTrail.of(false))
                    .verify(logFrom, progress -> {});
            connection.rollback();
            return verification;
        }
    }

    @Test
    void agreesWithWhatTheRecorderBooked() {
        List<VerificationProgress> steps = new ArrayList<>();

        Verification verification = new BooksCheck(company.db, AuditTrail.of(false)).verify(steps::add);

        assertThat(verification.differences()).as(verification.toString()).isEmpty();
        assertThat(verification.agrees()).isTrue();
        assertThat(verification.notes()).isEmpty();
        assertThat(verification.logRows()).isEqualTo(1600);
        assertThat(verification.logSpend())
                .isEqualByComparingTo(
                        company.events.stream().map(SpendEvent::cost).reduce(BigDecimal.ZERO, BigDecimal::add));
        assertThat(verification.days()).isEqualTo(4);
        assertThat(verification.counters()).isGreaterThan(12 + 8 + 4 + 8 + 2 + 8 + 20 + 3 + 1);
        assertThat(steps.get(steps.size() - 1).done())
                .isEqualTo(steps.get(0).total())
                .isEqualTo(steps.size());
        assertThat(verification.toString()).startsWith("The books agree: 1600 log rows");
    }

    @ParameterizedTest
    @EnumSource
    void findsEachAlone(Plant plant) throws SQLException {
        Verification verification = verifyWith(plant);

        assertThat(verification.differences()).as(verification.toString()).hasSize(1);
        assertThat(verification.differences()).allMatch(plant::matches, plant.where);
    }

    @Test
    void findsAllTogetherAndNoOther() throws SQLException {
        Verification verification = verifyWith(Plant.values());

        for (Plant plant : Plant.values()) {
            assertThat(verification.differences())
                    .as(plant + " in\n" + verification)
                    .filteredOn(plant::matches)
                    .hasSize(1);
        }
        assertThat(verification.differences()).as(verification.toString()).hasSize(Plant.values().length);
        assertThat(verification.toString())
                .contains("key \"key3\"", "+1.5", "The books do not agree: " + Plant.values().length + " differences;");
    }

    @Test
    void believesTheTotalsOfDaysWhoseLogItIsNotToRead() throws SQLException {
        LocalDate thirdDay = Company.FIRST_DAY.plusDays(2);

        Verification verification =
                verifyWith(thirdDay, Plant.LOG_ROW_GONE, Plant.DAILY_TAG_ROW_GONE, Plant.KEY_TOTAL, Plant.DAILY_ERRORS);

        assertThat(verification.logRows()).isEqualTo(800);
        assertThat(verification.notes()).contains("The log of 2 days was not read: their daily totals are believed");
        assertThat(verification.differences())
                .as(verification.toString())
                .hasSize(3)
                .anyMatch(Plant.DAILY_TAG_ROW_GONE::matches)
                .anyMatch(Plant.KEY_TOTAL::matches)
                .anyMatch(Plant.DAILY_ERRORS::matches);
    }

    @Test
    void tellsOfReservationsThatLapsed() throws SQLException {
        try (Connection connection = company.database.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            statement.execute("""
                    INSERT INTO ${llmdb}."LLM_Lease" (scope, scope_id, holder, amount, window_end, expires_at)
                    SELECT 'key', 'key' || i, ('00000000-0000-7000-8000-00000000000' || i % 2)::uuid, i,
                        CASE WHEN i = 3 THEN ${llmdb}.llmdb_now() - interval '2 hours' END,
                        ${llmdb}.llmdb_now() + (2 - i) * interval '1 hour' FROM generate_series(0, 4) i;
                    INSERT INTO ${llmdb}."LLM_LimitLease" (scope, scope_id, kind, window_start, holder, amount, used, limit_value, expires_at)
                    VALUES ('key', 'key1', 'parallel', 'epoch', '00000000-0000-7000-8000-000000000001', 5, 5, 9,
                        ${llmdb}.llmdb_now() - interval '1 day')""".replace("${llmdb}", company.database.schema()));
            Verification verification = new BooksCheck(company.db.joining(connection), AuditTrail.of(false)).verify();
            connection.rollback();

            assertThat(verification.differences()).isEmpty();
            assertThat(verification.notes())
                    .satisfiesExactly(
                            note -> assertThat(note)
                                    .startsWith(
                                            "Lapsed leases of budgets: 3 of 2 instances, the first at 2026-03-31T21:59:59")
                                    .contains("; their 9 are free again"),
                            note -> assertThat(note)
                                    .startsWith(
                                            "Lapsed leases of parallel requests: 1 of 1 instances, the first at 2026-03-30T")
                                    .contains("; their 5 are free again"));
        }
    }

    @Test
    void readsOneSnapshotOnly() throws SQLException {
        try (Connection connection = company.database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            BooksCheck check = new BooksCheck(company.db.joining(connection), AuditTrail.of(false));

            assertThatThrownBy(check::verify)
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("read committed")
                    .hasMessageContaining("REPEATABLE READ");
            assertThatThrownBy(() -> check.repair(Actor.SYSTEM)).isInstanceOf(InvalidArgumentException.class);
            connection.rollback();
        }
    }
}
