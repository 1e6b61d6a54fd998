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
        try (Connection connection = company.database.dataSource().getConnection()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            for (Plant plant : plants) {
                plant.plant(connection, company.database.schema());
            }
            Verification verification = new BooksCheck(company.db.joining(connection), AuditTrail.of(false)).verify();
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
