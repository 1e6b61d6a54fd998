package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.error.LlmDbException;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database in a state in which it books nothing is no fault of the events: they wait, and none is set aside. */
@LlmDbTest
class DatabaseStatesRecordingTest {

    private static final World WORLD = new World(20);

    enum State {
        READ_ONLY(
                "ALTER DATABASE \"%s\" SET default_transaction_read_only = on",
                "ALTER DATABASE \"%s\" SET default_transaction_read_only = off"),
        TABLE_RENAMED(
                "ALTER TABLE ${llmdb}.\"LLM_SpendLogs\" RENAME TO gone",
                "ALTER TABLE ${llmdb}.gone RENAME TO \"LLM_SpendLogs\""),
        COUNTER_TABLE_RENAMED(
                "ALTER TABLE ${llmdb}.\"LLM_TeamTable\" RENAME TO gone",
                "ALTER TABLE ${llmdb}.gone RENAME TO \"LLM_TeamTable\""),
        FUNCTION_GONE(
                "ALTER FUNCTION ${llmdb}.llmdb_add_daily_spend RENAME TO gone",
                "ALTER FUNCTION ${llmdb}.gone RENAME TO llmdb_add_daily_spend"),
        PRIVILEGE_REVOKED(
                "REVOKE INSERT ON ${llmdb}.\"LLM_SpendLogs\" FROM CURRENT_USER",
                "GRANT INSERT ON ${llmdb}.\"LLM_SpendLogs\" TO CURRENT_USER");

        private final String begin;
        private final String end;

        State(String begin, String end) {
            this.begin = begin;
            this.end = end;
        }
    }

    private static void run(TestDatabase database, String sql) {
        String text = sql.formatted(database.name()).replace("${llmdb}", "\"" + database.schema() + "\"");
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("SET default_transaction_read_only = off");
            statement.execute(text);
        } catch (SQLException e) {
            throw new AssertionError(text, e);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatWasAcceptedIsBookedWhenItIsOver(State state, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> events = WORLD.requests(database, 300, 1);
        // Each on a connection of its own, so that settings of the database count at once.
        try (SpendRecorder recorder = Recorders.open(
                database.dataSource(),
                database.schema(),
                Recorders.ALL,
                Recorders.memory().withWriter(1_000, Duration.ofMillis(20), Duration.ofSeconds(30)),
                List.of())) {
            Recorders.book(recorder, events.subList(0, 100));
            run(database, state.begin);
            long failed = recorder.metrics().failedBatches();
            events.subList(100, 200).forEach(recorder::record);
            Await.until(
                    "the writer has tried often",
                    Duration.ofSeconds(20),
                    () -> recorder.metrics().failedBatches() > failed + 7);
            assertThat(recorder.metrics().deadLetters()).isZero();
            run(database, state.end);
            Recorders.book(recorder, events.subList(200, 300));
            assertThat(recorder.metrics().deadLetters()).isZero();
        }
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadLetters();
    }

    @ParameterizedTest
    @EnumSource
    void whoWaitsIsToldAtOnce(State state, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> events = WORLD.requests(database, 2, 2);
        try (SpendRecorder recorder = Recorders.open(
                database.dataSource(), database.schema(), Recorders.ALL, Recorders.booked(), List.of())) {
            recorder.record(events.get(0));
            run(database, state.begin);
            assertThatThrownBy(() -> recorder.record(events.get(1))).isInstanceOf(LlmDbException.class);
            run(database, state.end);
            recorder.record(events.get(1));
        }
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadLetters();
    }

    /** One who waits must not wait for ever because the database does not come back. */
    @Test
    void closingTellsWhoWaits(TestDatabase database) {
        WORLD.insertInto(database);
        SpendEvent event = WORLD.requests(database, 1, 3).get(0);
        SpendRecorder recorder = Recorders.open(
                database.dataSource(),
                database.schema(),
                Recorders.ALL,
                Recorders.booked().withWriter(100, Duration.ofMillis(50), Duration.ofMillis(200)),
                List.of());
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("LOCK TABLE \"" + database.schema() + "\".\"LLM_SpendLogs\"");
            CompletableFuture<Void> caller = CompletableFuture.runAsync(() -> recorder.record(event));
            Await.until(
                    "the event waits",
                    Duration.ofSeconds(10),
                    () -> recorder.metrics().backlogRows() == 1);
            recorder.close();
            assertThatThrownBy(() -> caller.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(LlmDbException.class);
            connection.rollback();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }
}
