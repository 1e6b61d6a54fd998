package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetDuration;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.litellm.ImportReport;
import io.llmdb.litellm.ImportReport.TableReport;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Imports that are run again: after nothing, after news on both sides, after being broken off. */
class LiteLlmRerunTest {

    private static final String FIRST_DAY =
            "SELECT min(\"startTime\")::date FROM \"LiteLLM_SpendLogs\" WHERE \"startTime\" >= '2000-01-01'";

    private LiteLlmSource source;
    private TestDatabase target;
    private LlmDb db;

    @BeforeEach
    void open() {
        source = LiteLlmSource.withOddValues();
        target = PostgresServer.shared().newDatabase("llmdb");
        db = LiteLlmImportTest.open(target);
    }

    @AfterEach
    void close() {
        db.close();
        target.close();
        source.close();
    }

    private ImportReport run() {
        return LiteLlmImportTest.importer(db, source).run();
    }

    private BigDecimal amount(String sql) {
        return target.value(BigDecimal.class, sql);
    }

    private void booksAgree() {
        assertThat(db.usage().verify())
                .matches(found -> found.agrees(), db.usage().verify().toString());
    }

    @Test
    void nothingNewBringsNothing() {
        run();
        String sums =
                "SELECT (SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\") + (SELECT sum(spend) FROM llmdb.\"LLM_DailySpend\")"
                        + " + (SELECT sum(spend) FROM llmdb.\"LLM_VerificationToken\") + (SELECT sum(total_spend) FROM llmdb.\"LLM_UserTable\")";
        BigDecimal before = amount(sums);
        long log = target.count("LLM_SpendLogs");

        ImportReport again = run();

        assertThat(again.run()).isEqualTo(2);
        assertThat(again.tables()).allSatisfy(table -> {
            assertThat(table.added()).as(table.table()).isZero();
            assertThat(table.updated()).as(table.table()).isZero();
            assertThat(table.kept()).as(table.table()).isEmpty();
        });
        assertThat(amount(sums)).isEqualByComparingTo(before);
        assertThat(target.count("LLM_SpendLogs")).isEqualTo(log);
        booksAgree();
    }

    @Test
    void whatIsNewOnEitherSideIsThereAfterwards() {
        run();
        // Both are in use: a request there, a request here.
        source.execute("""
                INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", "user", team_id)
                    VALUES ('late', 'x', '${anna}', 0.25, now() - interval '2 days', now(), 'anna', 'red'), ('new', 'x', '${anna}', 0.5, now(), now(), 'anna', 'red');
                UPDATE "LiteLLM_VerificationToken" SET spend = spend + 0.75, max_budget = 6 WHERE token = '${anna}';
                UPDATE "LiteLLM_UserTable" SET spend = spend + 1, user_alias = 'changed there' WHERE user_id = 'anna';
                UPDATE "LiteLLM_TeamTable" SET team_alias = 'changed there' WHERE team_id IN ('red', 'blue');
                INSERT INTO "LiteLLM_UserTable" (user_id) VALUES ('erin');
                DELETE FROM "LiteLLM_VerificationToken" WHERE token = '${spent}'""");
        try (Admission admission = db.budgets()
                .admit(
                        db.authenticate(Objects.requireNonNull(LiteLlmSource.KEYS.get("anna"))),
                        Call.of("gpt-4o").withEstimate(new BigDecimal("0.125")))) {
            admission.settle(
                    admission.event().cost(new BigDecimal("0.125")).tokens(1, 1).build());
        }
        db.admin().teams().update("blue", team -> team.withAlias("changed here"));
        db.admin().keys().delete(LiteLlmSource.hash("upper"));

        ImportReport again = run();

        assertThat(report(again, "LiteLLM_SpendLogs").added()).isEqualTo(2);
        assertThat(report(again, "LiteLLM_UserTable").added()).isEqualTo(1);
        assertThat(report(again, "LiteLLM_TeamTable").kept()).singleElement().satisfies(note -> {
            assertThat(note.reason()).contains("both sides");
            assertThat(note.examples()).containsExactly("blue");
        });
        assertThat(report(again, "LiteLLM_VerificationToken").kept())
                .singleElement()
                .satisfies(note -> assertThat(note.reason()).contains("deleted here"));
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_VerificationToken\" WHERE token = '"
                        + LiteLlmSource.hash("anna") + "'"))
                .isEqualByComparingTo("5.275"); // 4.4 + 0.75 + 0.125
        assertThat(amount("SELECT max_budget FROM llmdb.\"LLM_VerificationToken\" WHERE token = '"
                        + LiteLlmSource.hash("anna") + "'"))
                .isEqualByComparingTo("6");
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_UserTable\" WHERE user_id = 'anna'"))
                .isEqualByComparingTo("4.425"); // 3.3 + 1 + 0.125
        assertThat(db.admin().users().require("anna").spec().alias()).isEqualTo("changed there");
        assertThat(db.admin().teams().require("red").spec().alias()).isEqualTo("changed there");
        assertThat(db.admin().teams().require("blue").spec().alias()).isEqualTo("changed here");
        db.catchUp();
        assertThatThrownBy(() -> db.authenticate(Objects.requireNonNull(LiteLlmSource.KEYS.get("spent"))))
                .isInstanceOf(UnknownKeyException.class);
        booksAgree();
    }

    @Test
    void aWindowThatWasOverThereHasWhatTheLogSays() {
        Await.until(
                "an hour that does not end meanwhile",
                Duration.ofMinutes(3),
                () -> source.database.value(
                        Boolean.class,
                        "SELECT date_trunc('hour', now() AT TIME ZONE 'UTC') = date_trunc('hour', now() AT TIME ZONE 'UTC' + interval '2 minutes')"));
        source.execute(
                "UPDATE \"LiteLLM_VerificationToken\" SET budget_duration = '1h', budget_reset_at = date_trunc('hour', now() AT TIME ZONE 'UTC')"
                        + " WHERE token = '${anna}'");
        run();
        BigDecimal ofLog = spendOfAnna();
        booksAgree();
        source.execute("""
                UPDATE "LiteLLM_VerificationToken" SET spend = 0.5, budget_reset_at = date_trunc('hour', now() AT TIME ZONE 'UTC') + interval '1 hour'
                    WHERE token = '${anna}';
                INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime") VALUES ('w', 'x', '${anna}', 0.5, now(), now())""");

        run();

        assertThat(spendOfAnna()).isEqualByComparingTo(ofLog.add(new BigDecimal("0.5")));
        booksAgree();
    }

    @Test
    void aNewWindowThereBeginsOneHere() {
        // Else the job may end the window here before the import does.
        target.execute(
                "INSERT INTO ${llmdb}.\"LLM_Job\" (job_name, claimed_by, claimed_until)"
                        + " VALUES ('budget windows', ?, ${llmdb}.llmdb_now() + interval '1 hour') ON CONFLICT (job_name)"
                        + " DO UPDATE SET claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until",
                UUID.randomUUID());
        source.execute(
                "UPDATE \"LiteLLM_VerificationToken\" SET budget_duration = '1h', budget_reset_at = now() AT TIME ZONE 'UTC' + interval '1 hour'"
                        + " WHERE token = '${anna}'");
        run();
        assertThat(spendOfAnna()).isEqualByComparingTo("4.4");
        // It ends now, however long the import took.
        target.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_reset_at = now() WHERE token = ?",
                LiteLlmSource.hash("anna"));
        source.execute(
                "UPDATE \"LiteLLM_VerificationToken\" SET spend = 0.5, budget_duration = '2h', budget_reset_at = now() AT TIME ZONE 'UTC' + interval '2 hours'"
                        + " WHERE token = '${anna}'");

        run();

        assertThat(spendOfAnna()).isEqualByComparingTo("0.5");
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_BudgetWindow\" WHERE scope = 'key'"))
                .isEqualByComparingTo("4.4");
    }

    private BigDecimal spendOfAnna() {
        return amount(
                "SELECT spend FROM llmdb.\"LLM_VerificationToken\" WHERE token = '" + LiteLlmSource.hash("anna") + "'");
    }

    @Test
    void anImportThatWasBrokenOffGoesOn() {
        source.execute("""
                INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", end_user, request_tags)
                SELECT 'many-' || i, 'x', '${anna}', 0.001, now() - i * interval '10 s', now(), 'e-' || i % 100, '["many"]' FROM generate_series(1, 15000) i""");
        int step = 0;
        boolean finished = false;
        while (!finished) {
            int failAt = ++step * 4;
            AtomicInteger at = new AtomicInteger();
            try {
                LiteLlmImportTest.importer(db, source).run(progress -> {
                    if (at.incrementAndGet() == failAt) {
                        throw new IllegalStateException("broken off at " + progress);
                    }
                });
                finished = true;
            } catch (IllegalStateException e) {
                booksAgree();
            }
        }

        assertThat(step).isGreaterThan(4);
        assertThat(
                        target.rows(
                                "SELECT request_id, count(*), string_agg(id || ' ' || \"startTime\", ', ') FROM llmdb.\"LLM_SpendLogs\" GROUP BY 1 HAVING count(*) > 1"))
                .isEmpty();
        String sum =
                "SELECT sum(CASE WHEN spend::text ~ '[aI]' THEN 0 ELSE spend::text::numeric END) FROM \"LiteLLM_SpendLogs\" WHERE request_id <> 'odd-2999'";
        assertThat(amount("SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\""))
                .isEqualByComparingTo(source.database.value(BigDecimal.class, sum));
        assertThat(target.count("LLM_SpendLogs")).isEqualTo(source.count("LiteLLM_SpendLogs") - 1);
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_VerificationToken\" WHERE token = '"
                        + LiteLlmSource.hash("anna") + "'"))
                .isEqualByComparingTo("4.4");
    }

    /** LiteLLM deletes log rows by the instant, so the first day is cut somewhere in its middle. */
    @Test
    void aDayOfWhichTheLogHasLostRowsHasItsTotalsOnce() {
        source.execute(
                "UPDATE \"LiteLLM_DailyUserSpend\" SET spend = spend + 10, api_requests = api_requests + 1000 WHERE date = ("
                        + FIRST_DAY + ")::text");
        BigDecimal totals = source.database.value(
                BigDecimal.class,
                "SELECT sum(spend::text::numeric) FROM \"LiteLLM_DailyUserSpend\" WHERE date = (" + FIRST_DAY
                        + ")::text");
        assertThat(totals).isGreaterThan(BigDecimal.TEN);

        run();
        assertThat(dailySpendOfFirstDay()).isEqualByComparingTo(totals);
        booksAgree();
        source.execute(
                "DELETE FROM \"LiteLLM_SpendLogs\" WHERE request_id = (SELECT min(request_id) FROM \"LiteLLM_SpendLogs\""
                        + " WHERE \"startTime\"::date = (" + FIRST_DAY + "))");
        run();

        assertThat(dailySpendOfFirstDay()).isEqualByComparingTo(totals);
        assertThat(target.value(
                        Long.class,
                        "SELECT count(*) FROM llmdb.\"LLM_SpendLogs\" WHERE (\"startTime\" AT TIME ZONE 'UTC')::date = ?::date",
                        firstDay()))
                .isZero();
        booksAgree();
    }

    @Test
    void aDayThatRetentionHasDroppedHereIsNotBookedOnceMore() {
        run();
        BigDecimal before = dailySpendOfFirstDay();
        assertThat(before).isPositive();
        long days = ChronoUnit.DAYS.between(LocalDate.parse(firstDay()), LocalDate.now(ZoneOffset.UTC));
        RetentionPolicy policy = new RetentionPolicy(
                BudgetDuration.parse("period", days - 1 + "d"), null, null, null, null, Duration.ofDays(1));
        assertThat(db.maintenance().applyRetention(policy, false, step -> {}).failures())
                .isEmpty();
        // The log over there loses rows of this day too, so that it is not the same as last time.
        source.execute(
                "DELETE FROM \"LiteLLM_SpendLogs\" WHERE request_id = (SELECT min(request_id) FROM \"LiteLLM_SpendLogs\""
                        + " WHERE \"startTime\"::date = (" + FIRST_DAY + "))");

        ImportReport again = run();

        assertThat(dailySpendOfFirstDay()).isEqualByComparingTo(before);
        assertThat(report(again, "LiteLLM_SpendLogs").skipped())
                .anySatisfy(note -> assertThat(note.reason()).contains("only the daily totals are here"));
        booksAgree();
    }

    private String firstDay() {
        return source.database.value(String.class, "SELECT (" + FIRST_DAY + ")::text");
    }

    private BigDecimal dailySpendOfFirstDay() {
        return target.value(
                BigDecimal.class, "SELECT sum(spend) FROM llmdb.\"LLM_DailySpend\" WHERE day = ?::date", firstDay());
    }

    @Test
    void aBudgetThatComesBehindItsTagIsHeld() {
        source.execute("""
                INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", end_user, request_tags)
                    VALUES ('tagged', 'x', '${anna}', 0.25, now(), now(), 'early', '["early"]')""");
        run();
        source.execute("""
                INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, created_by, updated_by) VALUES ('late', 5, 'x', 'x');
                INSERT INTO "LiteLLM_TagTable" (tag_name, models, spend, budget_id) VALUES ('early', '{}', 0.25, 'late');
                INSERT INTO "LiteLLM_EndUserTable" (user_id, spend, blocked) VALUES ('early', 0.25, true)""");

        run();
        run();

        assertThat(db.admin().tags().require("early").spec().budgetId()).isEqualTo("late");
        assertThat(db.admin().endUsers().require("early").spec().blocked()).isTrue();
        booksAgree();
    }

    @Test
    void aDryRunKeepsNothing() {
        ImportReport report = LiteLlmImportTest.importer(db, source).dryRun(progress -> {});

        assertThat(report.dryRun()).isTrue();
        assertThat(report(report, "LiteLLM_VerificationToken").added()).isEqualTo(9);
        for (String table :
                new String[] {"VerificationToken", "UserTable", "SpendLogs", "DailySpend", "Import", "ErrorLogs"}) {
            assertThat(target.count("LLM_" + table)).as(table).isZero();
        }
        assertThat(run().run()).isEqualTo(1);
    }

    private static TableReport report(ImportReport report, String table) {
        return report.table(table).orElseThrow();
    }
}
