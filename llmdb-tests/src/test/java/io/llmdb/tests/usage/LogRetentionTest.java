package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Db;
import io.llmdb.internal.JobRunner;
import io.llmdb.maintenance.LogPartition;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.maintenance.RetentionReport;
import io.llmdb.maintenance.RetentionStep;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.BooksCheck;
import io.llmdb.usage.Verification;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Partitions come and go while the books stay right. */
@LlmDbTest
class LogRetentionTest {

    private static final LocalDate FIRST = Company.FIRST_DAY;

    private static BudgetDuration days(int days) {
        return BudgetDuration.parse("period", days + "d");
    }

    private static RetentionPolicy policy(
            @Nullable BudgetDuration logs, @Nullable BudgetDuration prompts, @Nullable BudgetDuration errors) {
        return new RetentionPolicy(logs, prompts, errors, null, null, Duration.ofDays(1));
    }

    private static Maintenance maintenance(TestDatabase database, RetentionPolicy policy) {
        Db db = new Db(database.dataSource(), database.schema());
        return new Maintenance(db, new JobRunner(db, Duration.ofDays(1), Duration.ofMinutes(1)), policy);
    }

    private static Verification verify(Company company) {
        Verification verification = new BooksCheck(company.db, AuditTrail.of(false)).verify();
        assertThat(verification.differences()).as(verification.toString()).isEmpty();
        return verification;
    }

    private static List<String> names(TestDatabase database, String table) {
        return database.rows("SELECT partition_name FROM ${llmdb}.llmdb_partitions(?) ORDER BY 1", table).stream()
                .map(row -> String.valueOf(row.get("partition_name")))
                .toList();
    }

    private static long strays(TestDatabase database) {
        return database.count("LLM_SpendLogs_pdefault");
    }

    @Test
    void partitionsAreMadeAhead(TestDatabase database) {
        database.clock().freeze(Instant.parse("2026-03-30T23:10:00Z"));
        Maintenance maintenance = maintenance(database, RetentionPolicy.KEEP_ALL);

        assertThat(maintenance.makePartitions()).isEqualTo(3 * 5 + 2);
        assertThat(maintenance.makePartitions()).isZero();
        assertThat(names(database, "LLM_SpendLogs"))
                .containsExactly(
                        "LLM_SpendLogs_p20260330",
                        "LLM_SpendLogs_p20260331",
                        "LLM_SpendLogs_p20260401",
                        "LLM_SpendLogs_p20260402",
                        "LLM_SpendLogs_p20260403",
                        "LLM_SpendLogs_pdefault");
        assertThat(maintenance.partitions())
                .filteredOn(one -> one.table().equals("LLM_AuditLog"))
                .extracting(LogPartition::from)
                .containsExactly(Instant.parse("2026-03-01T00:00:00Z"), Instant.parse("2026-04-01T00:00:00Z"), null);
    }

    @Test
    void partitionsOfOthersCount(TestDatabase database) {
        database.execute("""
                CREATE TABLE ${llmdb}.weekly PARTITION OF ${llmdb}."LLM_SpendLogs" FOR VALUES FROM ('2026-03-30 00:00Z') TO ('2026-04-06 00:00Z')""");
        database.clock().freeze(Instant.parse("2026-03-29T12:00:00Z"));

        maintenance(database, RetentionPolicy.KEEP_ALL).makePartitions();

        assertThat(names(database, "LLM_SpendLogs"))
                .containsExactly("LLM_SpendLogs_p20260329", "LLM_SpendLogs_pdefault", "weekly");
    }

    @Test
    void strayRowsAreMovedToTheirDay(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(1, 100)) {
            Instant stray = FIRST.plusDays(1).atTime(10, 0).toInstant(ZoneOffset.UTC);
            database.execute("""
                    ALTER TABLE ${llmdb}."LLM_SpendLogs" DETACH PARTITION ${llmdb}."LLM_SpendLogs_p20260328";
                    INSERT INTO ${llmdb}."LLM_SpendLogs" SELECT * FROM ${llmdb}."LLM_SpendLogs_p20260328";
                    DROP TABLE ${llmdb}."LLM_SpendLogs_p20260328\"""");
            assertThat(strays(database)).isEqualTo(100);

            maintenance(database, RetentionPolicy.KEEP_ALL).makePartitions();

            assertThat(strays(database)).isZero();
            assertThat(database.count("LLM_SpendLogs_p20260328")).isEqualTo(100);
            company.book(List.of(company.event(stray)));
            assertThat(verify(company).logRows()).isEqualTo(101);
        }
    }

    @Test
    void aStrayRowNeverFailsWhileSomebodyHoldsTheDefaultPartition(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(1, 20);
                var connection = database.dataSource().getConnection();
                var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(
                    "LOCK TABLE \"" + database.schema() + "\".\"LLM_SpendLogs_pdefault\" IN ROW EXCLUSIVE MODE");
            Instant next = FIRST.plusDays(1).atTime(1, 0).toInstant(ZoneOffset.UTC);
            database.clock().freeze(next);

            company.book(List.of(company.event(next)));

            assertThat(strays(database)).isEqualTo(1);
            connection.rollback();
            maintenance(database, RetentionPolicy.KEEP_ALL).makePartitions();
            assertThat(strays(database)).isZero();
            verify(company);
        }
    }

    @Test
    void oldDaysGoAndTheBooksStay(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(5, 200)) {
            BigDecimal spend = database.value(BigDecimal.class, "SELECT sum(spend) FROM ${llmdb}.\"LLM_DailySpend\"");
            SpendEvent old = company.events.get(0);
            Maintenance maintenance = maintenance(database, policy(days(2), null, days(1)));

            RetentionReport plan = maintenance.applyRetention(true);
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(1000);
            List<RetentionStep> told = new ArrayList<>();
            RetentionReport report = maintenance.applyRetention(false, told::add);

            assertThat(report.failures()).isEmpty();
            assertThat(report.steps()).isEqualTo(told);
            assertThat(plan.steps())
                    .extracting(RetentionStep::name)
                    .isEqualTo(report.steps().stream().map(RetentionStep::name).toList());
            // It is 23:59:59 on the fifth day, so the first two days, and of the errors the first three, are over for
            // long enough.
            assertThat(report.steps())
                    .filteredOn(step -> !step.table().equals("LLM_SpendReceipt"))
                    .extracting(RetentionStep::name)
                    .containsExactly(
                            "LLM_SpendLogs_p20260328",
                            "LLM_SpendLogs_p20260329",
                            "LLM_ErrorLogs_p20260328",
                            "LLM_ErrorLogs_p20260329",
                            "LLM_ErrorLogs_p20260330");
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(600);
            assertThat(verify(company).logRows()).isEqualTo(600);
            assertThat(database.value(BigDecimal.class, "SELECT sum(spend) FROM ${llmdb}.\"LLM_DailySpend\""))
                    .isEqualByComparingTo(spend);

            company.recorder.record(old);
            company.recorder.flush(Duration.ofSeconds(30));
            assertThat(database.value(String.class, "SELECT reason FROM ${llmdb}.\"LLM_DeadLetter\""))
                    .contains("were dropped");
            assertThat(verify(company).logRows()).isEqualTo(600);
            assertThat(maintenance.applyRetention(false).steps()).isEmpty();
            assertThat(maintenance.makePartitions())
                    .as("no dropped day comes back")
                    .isGreaterThan(0);
            assertThat(names(database, "LLM_SpendLogs")).doesNotContain("LLM_SpendLogs_p20260328");
        }
    }

    @Test
    void oldStrayRowsGo(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(1, 100)) {
            database.execute("""
                    ALTER TABLE ${llmdb}."LLM_SpendLogs" DETACH PARTITION ${llmdb}."LLM_SpendLogs_p20260328";
                    INSERT INTO ${llmdb}."LLM_SpendLogs" SELECT * FROM ${llmdb}."LLM_SpendLogs_p20260328";
                    DROP TABLE ${llmdb}."LLM_SpendLogs_p20260328\"""");
            database.clock().advance(Duration.ofDays(3));

            RetentionReport report =
                    maintenance(database, policy(days(1), null, null)).applyRetention(false);

            assertThat(report.steps())
                    .filteredOn(step -> step.kind() == RetentionStep.Kind.DELETE_STRAY_ROWS)
                    .singleElement()
                    .matches(step -> step.rows() == 100 && step.failure() == null);
            assertThat(database.count("LLM_SpendLogs")).isZero();
            verify(company);
        }
    }

    @Test
    void aDayGoesWhileOthersWrite(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(4, 400)) {
            CompletableFuture<Void> traffic = CompletableFuture.runAsync(() -> {
                Instant start = FIRST.plusDays(3).atTime(12, 0).toInstant(ZoneOffset.UTC);
                for (int i = 0; i < 80; i++) {
                    List<SpendEvent> events = new ArrayList<>();
                    for (int n = 0; n < 20; n++) {
                        events.add(company.event(start.plusSeconds(60L * i + n)));
                    }
                    company.book(events);
                }
            });
            Maintenance maintenance = maintenance(database, policy(days(1), null, null));
            maintenance.settle();
            RetentionReport report = maintenance.applyRetention(false);
            traffic.get(60, TimeUnit.SECONDS);

            assertThat(report.failures()).isEmpty();
            assertThat(report.steps())
                    .filteredOn(step -> step.table().equals("LLM_SpendLogs"))
                    .hasSize(2);
            assertThat(verify(company).logRows()).isEqualTo(800 + 80 * 20);
            assertThat(company.recorder.metrics().deadLetters()).isZero();
            assertThat(database.deadlocks()).isZero();
        }
    }

    /** Afterwards its hours could not be summed up any more. */
    @Test
    void aRunThatIsToldToStopLeavesADayThatIsNotSummedUp(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(3, 40)) {
            RetentionPolicy policy = policy(days(1), null, null);
            JobRunner runner = new JobRunner(company.db, Duration.ofDays(1), Duration.ofMinutes(1));
            Maintenance stopped = new Maintenance(company.db, runner, policy);
            CompletableFuture<Boolean> run;
            try (Connection held = database.dataSource().getConnection();
                    Statement statement = held.createStatement()) {
                held.setAutoCommit(false);
                statement.execute("LOCK TABLE \"" + database.schema() + "\".\"LLM_SummedUp\"");
                run = CompletableFuture.supplyAsync(
                        () -> stopped.run(Maintenance.RETENTION_JOB), task -> new Thread(task).start());
                Await.until(
                        "it looks for what is to be summed up",
                        Duration.ofSeconds(30),
                        () -> database.value(Long.class, """
                                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                                AND wait_event_type = 'Lock' AND query LIKE '%LLM_SummedUp%'""") == 1);
                runner.close();
                held.rollback();
            }
            assertThat(run.get(30, TimeUnit.SECONDS)).isTrue();

            assertThat(names(database, "LLM_SpendLogs")).contains("LLM_SpendLogs_p20260328");
            assertThat(database.count("LLM_SummedUp")).isZero();
            assertThat(stopped.jobs()).singleElement().matches(job -> job.lastError() == null);

            RetentionReport next = maintenance(database, policy).applyRetention(false);
            assertThat(next.failures()).isEmpty();
            assertThat(names(database, "LLM_SpendLogs")).doesNotContain("LLM_SpendLogs_p20260328");
            assertThat(database.count("LLM_SummedUp")).isEqualTo(24 + 24 * 4);
            assertThat(verify(company).logRows()).isEqualTo(80);
        }
    }

    @Test
    void whatADeadRunLeftIsDropped(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(3, 40)) {
            long relid =
                    database.value(Long.class, "SELECT '${llmdb}.\"LLM_SpendLogs_p20260328\"'::regclass::oid::bigint");
            database.value(
                    String.class, "SELECT ${llmdb}.llmdb_take_out_partition('LLM_SpendLogs', ?::oid, '1s')", relid);
            assertThat(database.count("LLM_SpendLogs_dropped_" + relid)).isEqualTo(40);

            maintenance(database, policy(days(30), null, null)).applyRetention(false);

            assertThat(database.rows("SELECT 1 FROM pg_class WHERE relname LIKE 'LLM_SpendLogs_dropped%'"))
                    .isEmpty();
            assertThat(verify(company).logRows()).isEqualTo(80);
        }
    }

    /** Who waits for a lock on the log has all its writers wait behind. */
    @Test
    void aLogThatSomebodyReadsForLongIsNotWaitedFor(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(3, 40);
                Connection reader = database.dataSource().getConnection();
                Statement statement = reader.createStatement()) {
            reader.setAutoCommit(false);
            statement.execute("LOCK TABLE \"" + database.schema() + "\".\"LLM_SpendLogs\" IN ACCESS SHARE MODE");
            Await.until(
                    "it has been read for long", Duration.ofSeconds(30), () -> database.value(Long.class, """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND state = 'idle in transaction' AND xact_start < clock_timestamp() - interval '5 seconds'""") == 1);

            CompletableFuture<String> taken = takeOut(database, "LLM_SpendLogs", "LLM_SpendLogs_p20260328");
            company.recorder.record(
                    company.event(FIRST.plusDays(2).atTime(23, 0).toInstant(ZoneOffset.UTC)));
            assertThat(company.recorder.flush(Duration.ofSeconds(10)))
                    .as("booked meanwhile")
                    .isTrue();
            assertThat(taken)
                    .failsWithin(Duration.ofSeconds(10))
                    .withThrowableOfType(ExecutionException.class)
                    .havingRootCause()
                    .asInstanceOf(InstanceOfAssertFactories.type(SQLException.class))
                    .satisfies(refusal -> assertThat(refusal.getSQLState()).isEqualTo("55P03"));
            reader.rollback();

            assertThat(takeOut(database, "LLM_SpendLogs", "LLM_SpendLogs_p20260328"))
                    .succeedsWithin(Duration.ofSeconds(40));
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(81);
        }
    }

    @Test
    void whatComesInWhileADayIsTakenOutIsKnownToBeDropped(TestDatabase database) throws Exception {
        database.value(Boolean.class, """
                SELECT ${llmdb}.llmdb_make_partition('LLM_SpendLogs', '2026-03-28 00:00Z', '2026-03-29 00:00Z')""");
        try (Connection writer = database.dataSource().getConnection();
                Statement statement = writer.createStatement()) {
            writer.setAutoCommit(false);
            statement.execute("INSERT INTO \"" + database.schema()
                    + "\".\"LLM_SpendLogs\" (id, \"startTime\", \"endTime\", digest)"
                    + " VALUES (gen_random_uuid(), '2026-03-28 12:00Z', '2026-03-28 12:00Z', 1)");
            CompletableFuture<String> taken = takeOut(database, "LLM_SpendLogs", "LLM_SpendLogs_p20260328");
            Await.until("it waits for the writer", Duration.ofSeconds(30), () -> database.value(Long.class, """
                    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                            WHERE a.datname = current_database() AND l.relation = '${llmdb}."LLM_SpendLogs"'::regclass AND NOT l.granted""") == 1);
            writer.commit();

            assertThat(taken).succeedsWithin(Duration.ofSeconds(40));
            assertThat(logState(database)).containsEntry("dropped_before", "2026-03-29");
        }
    }

    /** Waits for half a minute. */
    private static CompletableFuture<String> takeOut(TestDatabase database, String table, String partition) {
        return CompletableFuture.supplyAsync(
                () -> database.value(
                        String.class,
                        "SELECT ${llmdb}.llmdb_take_out_partition(?, ('${llmdb}.\"" + partition
                                + "\"')::regclass::oid, '30s')",
                        table),
                task -> new Thread(task).start());
    }

    private static Map<String, Object> logState(TestDatabase database) {
        return database.rows("""
                SELECT (settled_before AT TIME ZONE 'UTC')::date::text AS settled_before,
                    (prompts_before AT TIME ZONE 'UTC')::date::text AS prompts_before,
                    (dropped_before AT TIME ZONE 'UTC')::date::text AS dropped_before
                FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs'""").get(0);
    }

    private static void givePrompts(TestDatabase database) {
        database.execute("""
                UPDATE ${llmdb}."LLM_SpendLogs" SET messages = '[{"role": "user", "content": "secret"}]', response = '{}',
                    proxy_server_request = '{"a": 1}'""");
    }

    private static List<Object> daysWithPrompts(TestDatabase database) {
        return database.rows("""
                SELECT DISTINCT ("startTime" AT TIME ZONE 'UTC')::date::text AS day FROM ${llmdb}."LLM_SpendLogs"
                WHERE num_nonnulls(messages, response, proxy_server_request) > 0 ORDER BY 1""").stream().map(row -> row.get("day")).toList();
    }

    /** What is forgotten is told by one instant. */
    @Test
    void promptsOfLaterDaysWaitForADayThatFails(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 40)) {
            givePrompts(database);
            long relid =
                    database.value(Long.class, "SELECT '${llmdb}.\"LLM_SpendLogs_p20260328\"'::regclass::oid::bigint");
            String inTheWay = "${llmdb}.\"LLM_SpendLogs_fresh_" + relid + "\"";
            database.execute("CREATE TABLE " + inTheWay + " ()");
            Maintenance maintenance = maintenance(database, policy(null, days(1), null));

            assertThat(maintenance.applyRetention(false).steps())
                    .singleElement()
                    .matches(step -> step.name().equals("LLM_SpendLogs_p20260328") && step.failure() != null);
            assertThat(daysWithPrompts(database)).hasSize(4);

            database.execute("DROP TABLE " + inTheWay);
            assertThat(maintenance.applyRetention(false).failures()).isEmpty();
            assertThat(daysWithPrompts(database)).containsExactly("2026-03-30", "2026-03-31");
            verify(company);
        }
    }

    @Test
    void promptsThatComeLateAreNotKept(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(5, 40);
                SpendRecorder alone = company.recorder(DeliveryMode.BOOKED)) {
            maintenance(database, policy(null, days(1), null)).applyRetention(false);
            Instant forgotten = FIRST.plusDays(2).atTime(12, 0).toInstant(ZoneOffset.UTC);
            List<SpendEvent> late = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                late.add(company.withPrompts(forgotten.plusSeconds(i)));
            }
            SpendEvent single = ofNoWindow(company.withPrompts(forgotten));

            company.book(late);
            alone.record(single);
            assertThat(company.recorder.metrics().largestBatch()).isGreaterThan(1);
            assertThat(alone.metrics().booked()).isEqualTo(1);
            assertThat(daysWithPrompts(database)).isEmpty();

            company.book(late);
            alone.record(single);
            assertThat(company.recorder.metrics().repeated()).isEqualTo(40);
            assertThat(alone.metrics().repeated()).isEqualTo(1);
            assertThat(verify(company).logRows()).isEqualTo(200 + 41);

            Instant kept = forgotten.plus(Duration.ofDays(1));
            company.book(List.of(company.withPrompts(kept.plus(Duration.ofDays(1))), company.withPrompts(kept)));
            alone.record(ofNoWindow(company.withPrompts(kept)));
            assertThat(daysWithPrompts(database)).containsExactly("2026-03-31", "2026-04-01");
        }
    }

    /** A window that is over would have it booked as a batch is. */
    private static SpendEvent ofNoWindow(SpendEvent event) {
        return event.toBuilder()
                .keyHash("key3")
                .userId("")
                .teamId("")
                .organizationId("")
                .endUser("")
                .tags(List.of())
                .furtherCounters(List.of())
                .build();
    }

    @Test
    void aDayThatComesLateIsSettledAndLosesItsPrompts(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 40)) {
            Maintenance maintenance = maintenance(database, policy(null, days(1), null));
            maintenance.settle();
            maintenance.applyRetention(false);
            Map<String, Object> before = logState(database);
            assertThat(before)
                    .containsEntry("settled_before", "2026-03-31")
                    .containsEntry("prompts_before", "2026-03-30");

            company.book(
                    List.of(company.withPrompts(FIRST.minusDays(2).atTime(12, 0).toInstant(ZoneOffset.UTC))));
            assertThat(logState(database))
                    .containsEntry("settled_before", "2026-03-26")
                    .containsEntry("prompts_before", "2026-03-26");
            assertThat(daysWithPrompts(database)).containsExactly("2026-03-26");

            maintenance.settle();
            assertThat(maintenance.applyRetention(false).failures()).isEmpty();
            assertThat(logState(database)).isEqualTo(before);
            assertThat(daysWithPrompts(database)).isEmpty();
            assertThat(settled(database))
                    .filteredOn(index -> index.get("relname").toString().startsWith("LLM_SpendLogs_p20260326"))
                    .hasSize(10);
            assertThat(maintenance.settle()).isZero();
            verify(company);
        }
    }

    @Test
    void aDayThatComesWhileOthersLoseTheirPromptsIsNotForgotten(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 40)) {
            Maintenance maintenance = maintenance(database, policy(null, days(1), null));
            maintenance.applyRetention(false, step -> {
                if (step.name().equals("LLM_SpendLogs_p20260328")) {
                    company.book(List.of(longAgo(company)));
                }
            });
            assertThat(daysWithPrompts(database)).containsExactly("2026-03-26");

            assertThat(maintenance.applyRetention(false).failures()).isEmpty();
            assertThat(daysWithPrompts(database)).isEmpty();
            assertThat(logState(database)).containsEntry("prompts_before", "2026-03-30");
        }
    }

    @Test
    void aDayThatComesWhileOthersAreSettledIsSettledNext(TestDatabase database) throws Exception {
        try (Company company = Company.on(database).withTraffic(4, 40);
                Connection writer = database.dataSource().getConnection();
                Statement statement = writer.createStatement()) {
            Maintenance maintenance = maintenance(database, RetentionPolicy.KEEP_ALL);
            writer.setAutoCommit(false);
            statement.execute(
                    "LOCK TABLE \"" + database.schema() + "\".\"LLM_SpendLogs_p20260329\" IN ROW EXCLUSIVE MODE");
            CompletableFuture<Integer> settling =
                    CompletableFuture.supplyAsync(maintenance::settle, task -> new Thread(task).start());
            Await.until(
                    "the second day's turn has come",
                    Duration.ofSeconds(30),
                    () -> database.value(Long.class, """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                    AND query LIKE 'CREATE INDEX CONCURRENTLY "LLM_SpendLogs_p20260329_%'""") == 1);
            company.book(List.of(longAgo(company)));
            writer.rollback();

            assertThat(settling).succeedsWithin(Duration.ofSeconds(30)).isEqualTo(3);
            maintenance.settle();
            assertThat(settled(database))
                    .filteredOn(index -> index.get("relname").toString().startsWith("LLM_SpendLogs_p20260326"))
                    .hasSize(10);
            assertThat(logState(database)).containsEntry("settled_before", "2026-03-31");
            assertThat(maintenance.settle()).isZero();
        }
    }

    private static SpendEvent longAgo(Company company) {
        return company.withPrompts(FIRST.minusDays(2).atTime(12, 0).toInstant(ZoneOffset.UTC));
    }

    @Test
    void promptsGoBeforeTheirRows(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(4, 200)) {
            givePrompts(database);
            Maintenance maintenance = maintenance(database, policy(null, days(1), null));
            maintenance.settle();
            List<Map<String, Object>> indexes = indexes(database);
            List<Map<String, Object>> rows = database.rows("""
                    SELECT to_jsonb(l) - 'messages' - 'response' - 'proxy_server_request' FROM ${llmdb}."LLM_SpendLogs" l ORDER BY id""");

            RetentionReport report = maintenance.applyRetention(false);

            assertThat(report.failures()).isEmpty();
            assertThat(report.steps())
                    .filteredOn(step -> step.kind() == RetentionStep.Kind.FORGET_PROMPTS)
                    .extracting(RetentionStep::name, RetentionStep::rows)
                    .containsExactly(
                            org.assertj.core.groups.Tuple.tuple("LLM_SpendLogs_p20260328", 200L),
                            org.assertj.core.groups.Tuple.tuple("LLM_SpendLogs_p20260329", 200L));
            assertThat(database.rows("""
                    SELECT ("startTime" AT TIME ZONE 'UTC')::date::text AS day, count(messages) AS messages, count(response) AS answers,
                        count(proxy_server_request) AS requests
                    FROM ${llmdb}."LLM_SpendLogs" GROUP BY 1 ORDER BY 1"""))
                    .extracting(row ->
                            row.get("day") + " " + row.get("messages") + row.get("answers") + row.get("requests"))
                    .containsExactly(
                            "2026-03-28 000", "2026-03-29 000", "2026-03-30 200200200", "2026-03-31 200200200");
            assertThat(database.rows("""
                    SELECT to_jsonb(l) - 'messages' - 'response' - 'proxy_server_request' FROM ${llmdb}."LLM_SpendLogs" l ORDER BY id""")).hasToString(rows.toString());
            assertThat(indexes(database)).isEqualTo(indexes);
            verify(company);
            assertThat(maintenance.applyRetention(false).steps()).isEmpty();
        }
    }

    @Test
    void deadLettersThatWereDealtWithGo(TestDatabase database) {
        database.clock().freeze(Instant.parse("2026-03-31T12:00:00Z"));
        database.execute("""
                INSERT INTO ${llmdb}."LLM_DeadLetter" (id, event_id, digest, event, reason, created_at, replayed_at, discarded_at)
                SELECT gen_random_uuid(), gen_random_uuid(), 1, '', reason, '2026-03-01Z', replayed_at, discarded_at
                FROM (VALUES ('waits', NULL, NULL), ('replayed', '2026-03-02Z'::timestamptz, NULL),
                    ('discarded', NULL, '2026-03-20Z'::timestamptz), ('replayed lately', '2026-03-30Z', NULL)) v (reason, replayed_at, discarded_at)""");

        assertThat(maintenance(database, RetentionPolicy.KEEP_ALL)
                        .applyRetention(false)
                        .steps())
                .isEmpty();
        assertThat(reasonsAfter(database, policy(days(20), null, null), true)).hasSize(4);
        assertThat(reasonsAfter(database, policy(days(20), null, null), false))
                .containsExactly("discarded", "replayed lately", "waits");
        assertThat(reasonsAfter(database, policy(days(20), days(5), null), false))
                .as("what holds prompts goes with them")
                .containsExactly("replayed lately", "waits");
    }

    private static List<Object> reasonsAfter(TestDatabase database, RetentionPolicy policy, boolean dryRun) {
        RetentionReport report = maintenance(database, policy).applyRetention(dryRun);
        assertThat(report.failures()).isEmpty();
        assertThat(report.steps())
                .filteredOn(step -> step.kind() == RetentionStep.Kind.DELETE_DEAD_LETTERS)
                .singleElement()
                .extracting(RetentionStep::rows)
                .isEqualTo(dryRun ? 0L : 1L);
        return database.rows("SELECT reason FROM ${llmdb}.\"LLM_DeadLetter\" ORDER BY reason").stream()
                .map(row -> row.get("reason"))
                .toList();
    }

    private static List<Map<String, Object>> indexes(TestDatabase database) {
        return database.rows("""
                SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = ? AND tablename LIKE 'LLM_SpendLogs%' ORDER BY 1""", database.schema());
    }

    @Test
    void aDayThatIsOverIsIndexedForReading(TestDatabase database) {
        try (Company company = Company.on(database).withTraffic(3, 200)) {
            Maintenance maintenance = maintenance(database, RetentionPolicy.KEEP_ALL);

            assertThat(maintenance.settle()).as("the third day is not over").isEqualTo(2);
            assertThat(maintenance.settle()).isZero();
            assertThat(settled(database)).hasSize(20).allMatch(row -> Boolean.TRUE.equals(row.get("indisvalid")));

            assertThat(rowsUnknownToBrin(database, "LLM_SpendLogs_p20260330"))
                    .as("the day that is being written")
                    .isZero();

            // As a builder that was killed leaves it.
            try (var connection = database.adminDataSource().getConnection();
                    var statement = connection.createStatement()) {
                statement.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"" + database.schema()
                        + "\".\"LLM_SpendLogs_p20260329_model_settled\"'::regclass");
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_LogState\" SET settled_before = '2026-03-29 00:00Z' WHERE table_name = 'LLM_SpendLogs'");
            assertThat(maintenance.settle()).isEqualTo(1);
            assertThat(settled(database)).hasSize(20).allMatch(row -> Boolean.TRUE.equals(row.get("indisvalid")));
            verify(company);
        }
    }

    /** Ranges of pages that the partition's BRIN did not know; it does from now on. */
    private static int rowsUnknownToBrin(TestDatabase database, String partition) {
        return database.value(Integer.class, """
                SELECT sum(brin_summarize_new_values(i.indexrelid::regclass))::int
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'brin'
                WHERE i.indrelid = (quote_ident(?) || '.' || quote_ident(?))::regclass""", database.schema(), partition);
    }

    private static List<Map<String, Object>> settled(TestDatabase database) {
        return database.rows("""
                SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE '%settled'""");
    }

    @Test
    void jobsTellTheirState(TestDatabase database) {
        Maintenance maintenance = maintenance(database, RetentionPolicy.KEEP_ALL);

        assertThat(maintenance.jobs()).isEmpty();
        assertThat(maintenance.run(Maintenance.PARTITIONS_JOB)).isTrue();
        assertThat(maintenance.jobs()).singleElement().satisfies(job -> {
            assertThat(job.name()).isEqualTo(Maintenance.PARTITIONS_JOB);
            assertThat(job.lastRunAt()).isNotNull();
            assertThat(job.nextRunAt()).isAfter(job.lastRunAt());
            assertThat(job.lastError()).isNull();
            assertThat(job.claimedBy()).isNull();
        });
    }
}
