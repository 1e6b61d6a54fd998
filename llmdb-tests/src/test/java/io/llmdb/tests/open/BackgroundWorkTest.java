package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.maintenance.JobState;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import io.llmdb.windows.BudgetCalendar;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A tool may leave to the proxies what one instance does for all. */
class BackgroundWorkTest {

    private static final Duration DEADLINE = Duration.ofSeconds(60);

    @Test
    void aToolLeavesItToTheProxies() throws Exception {
        try (TestDatabase left = PostgresServer.shared().newDatabase("llmdb");
                TestDatabase served = PostgresServer.shared().newDatabase("llmdb")) {
            List<SpendEvent> events = leaveFirst(left);
            leaveFirst(served);
            try (LlmDb tool = open(left);
                    LlmDb proxy = LlmDb.open(served.settings().build())) {
                // It was opened later, so when it has looked for jobs twice the tool would have done so once.
                Await.until("the proxy has adopted", DEADLINE, () -> served.count("LLM_SpendInbox") == 0);
                JobState first = Await.value(
                        "a job has run",
                        DEADLINE,
                        () -> proxy.maintenance().jobs().stream()
                                .filter(job -> job.lastRunAt() != null)
                                .findFirst()
                                .orElse(null));
                served.execute(
                        "UPDATE ${llmdb}.\"LLM_Job\" SET next_run_at = '2020-01-01Z' WHERE job_name = ?", first.name());
                Await.until("it has run again", DEADLINE, () -> {
                    Instant last = lastRun(proxy, first.name());
                    return last != null && last.isAfter(first.lastRunAt());
                });

                assertThat(left.count("LLM_SpendInbox")).isEqualTo(1);
                assertThat(tool.spend().metrics().adopted()).isZero();
                assertThat(tool.maintenance().jobs()).isEmpty();
                assertThat(served.books()).agree().haveRequests(1);

                // What is asked of it, it does.
                assertThat(tool.maintenance().run(Maintenance.SUMMING_JOB)).isTrue();
                assertThat(tool.maintenance().jobs())
                        .extracting(JobState::name)
                        .containsExactly(Maintenance.SUMMING_JOB);
                tool.spend().record(events.get(1));
                assertThat(left.books()).agree().holdExactly(List.of(events.get(1)));
            }
            assertThat(left.count("LLM_SpendInbox")).isEqualTo(1);
        }
    }

    private static @Nullable Instant lastRun(LlmDb db, String job) {
        return db.maintenance().jobs().stream()
                .filter(one -> one.name().equals(job))
                .findFirst()
                .map(JobState::lastRunAt)
                .orElse(null);
    }

    private static LlmDb open(TestDatabase database) {
        return LlmDb.builder(database.settings().build())
                .withoutBackgroundWork()
                .open();
    }

    /** Makes two events and leaves the first in the inbox, as an instance does that dies before it could book it. */
    private static List<SpendEvent> leaveFirst(TestDatabase database) throws SQLException {
        List<SpendEvent> events;
        try (LlmDb db = open(database)) {
            events = World.company(db)
                    .traffic(1)
                    .from(database.clock().now().minusSeconds(100), 50)
                    .take(2);
        }
        BookingPolicy booking =
                new BookingPolicy(true, true, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
        DeliveryPolicy closedEarly =
                DeliveryPolicy.synchronous().withWriter(1_000, Duration.ofMillis(50), Duration.ofMillis(1));
        Db db = new Db(database.dataSource(), database.schema());
        try (Connection held = database.dataSource().getConnection();
                Statement statement = held.createStatement()) {
            held.setAutoCommit(false);
            statement.execute("LOCK TABLE \"" + database.schema() + "\".\"LLM_VerificationToken\"");
            try (SpendRecorder recorder =
                    new SpendRecorder(db, new DbClock(db.sql()), booking, closedEarly, List.of())) {
                recorder.record(events.get(0));
            }
            // Else what its writer was at would be booked as soon as it can be.
            database.terminateConnections();
        }
        assertThat(database.execute("UPDATE ${llmdb}.\"LLM_SpendInbox\" SET adopt_at = ${llmdb}.llmdb_now()"))
                .isEqualTo(1);
        assertThat(database.count("LLM_SpendLogs")).isZero();
        return events;
    }
}
