package io.llmdb.tests.testkit;

import static java.time.temporal.ChronoUnit.MILLIS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.MovableClock;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

@LlmDbTest(schema = "clocks")
class DatabaseClockTest {

    private static final Instant NEW_YEAR = Instant.parse("2031-01-01T00:00:00.123456Z");

    @Test
    void moves(TestDatabase database, DatabaseClock clock) {
        Supplier<Instant> real = () ->
                database.value(OffsetDateTime.class, "SELECT clock_timestamp()").toInstant();
        assertThat(clock.now()).isCloseTo(real.get(), within(2000, MILLIS));

        clock.advance(Duration.ofHours(1));
        clock.advance(Duration.ofMinutes(-20));
        assertThat(clock.now()).isCloseTo(real.get().plus(Duration.ofMinutes(40)), within(2000, MILLIS));

        clock.set(NEW_YEAR);
        assertThat(clock.now()).isBetween(NEW_YEAR, NEW_YEAR.plusSeconds(2));
        assertThat(clock.now()).isNotEqualTo(clock.now());

        clock.freeze(NEW_YEAR);
        assertThat(clock.now()).isEqualTo(NEW_YEAR);
        assertThat(clock.now()).isEqualTo(NEW_YEAR);
        clock.advance(Duration.ofDays(1));
        assertThat(clock.now()).isEqualTo(NEW_YEAR.plus(Duration.ofDays(1)));

        clock.reset();
        assertThat(clock.now()).isCloseTo(real.get(), within(2000, MILLIS));
    }

    /** The library's sessions keep prepared statements, whose plans have the old function in them. */
    @Test
    void isSeenByStatementsThatWerePreparedBefore(TestDatabase database, DatabaseClock clock) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement statement = connection.prepareStatement("SELECT clocks.llmdb_now()")) {
            for (int i = 0; i < 20; i++) {
                read(statement);
            }
            clock.freeze(NEW_YEAR);
            assertThat(read(statement)).isEqualTo(NEW_YEAR);
        }
    }

    private static Instant read(PreparedStatement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getObject(1, OffsetDateTime.class).toInstant();
        }
    }

    @Test
    void theJavaClockStandsStillUntilItIsMoved() {
        MovableClock clock = MovableClock.at(NEW_YEAR);
        assertThat(clock.instant()).isEqualTo(NEW_YEAR);
        clock.advance(Duration.ofSeconds(5));
        assertThat(clock.withZone(ZoneId.of("Europe/Berlin")).instant()).isEqualTo(NEW_YEAR.plusSeconds(5));
        clock.set(Instant.EPOCH);
        assertThat(clock.millis()).isZero();
    }
}
