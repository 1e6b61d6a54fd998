package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.keys.Caller;
import io.llmdb.keys.KeyBlockedException;
import io.llmdb.keys.KeyExpiredException;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.litellm.ImportReport;
import io.llmdb.litellm.ImportReport.ColumnReport;
import io.llmdb.litellm.ImportReport.Note;
import io.llmdb.litellm.ImportReport.TableReport;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.settings.Secret;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.SecretScan;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** An import of a company with every odd value. */
class LiteLlmImportTest {

    private static LiteLlmSource source;
    private static TestDatabase target;
    private static LlmDb db;
    private static ImportReport report;

    @BeforeAll
    static void importAll() {
        source = LiteLlmSource.withOddValues();
        target = PostgresServer.shared().newDatabase("llmdb");
        db = open(target);
        report = importer(db, source).run();
    }

    @AfterAll
    static void close() {
        db.close();
        target.close();
        source.close();
    }

    static LlmDb open(TestDatabase database) {
        return LlmDb.open(database.settings()
                .models(models -> models.saltKey(Secret.of("a salt key of the target's own"))
                        .storeModelInDb(true))
                .build());
    }

    static LiteLlmImport importer(LlmDb db, LiteLlmSource source) {
        return db.importFromLiteLlm(source.dataSource()).saltKey(LiteLlmSource.SALT_KEY);
    }

    private static String raw(String name) {
        return Objects.requireNonNull(LiteLlmSource.KEYS.get(name));
    }

    private static BigDecimal amount(String sql, Object... arguments) {
        return target.value(BigDecimal.class, sql, arguments);
    }

    @Test
    void theBooksAgree() {
        assertThat(db.usage().verify())
                .matches(found -> found.agrees(), db.usage().verify().toString());
    }

    @Test
    void aKeyIssuedThereWorksHereWithAllThatItHas() {
        Caller caller = db.authenticate(raw("anna"));

        assertThat(caller.key().spec().userId()).isEqualTo("anna");
        assertThat(caller.key().spec().teamId()).isEqualTo("red");
        assertThat(caller.key().spec().organizationId()).isEqualTo("acme");
        assertThat(caller.key().spec().models()).containsExactly("gpt-4o");
        assertThat(caller.key().spec().budget().maxBudget()).isEqualByComparingTo("5.5");
        assertThat(caller.key().spendState().spend()).isEqualByComparingTo("4.4");
        assertThat(Objects.requireNonNull(caller.team()).spendState().spend()).isEqualByComparingTo("7.7");
        assertThat(db.modelAccess().resolve(caller, "quick")).isEqualTo("gpt-4o");
        assertThat(db.authenticate(raw("grace")).key().hash()).isEqualTo(LiteLlmSource.hash("anna"));
        assertThat(db.authenticate(LiteLlmSource.STORED_RAW).key().spec().alias())
                .isEqualTo("raw");
        assertThat(db.authenticate(raw("upper")).key().spec().alias()).isEqualTo("upper");
        assertThat(db.authenticate(raw("twice")).key().spec().alias()).startsWith("twice");
    }

    @Test
    void keysThatDidNotWorkThereDoNotWorkHere() {
        assertThatThrownBy(() -> db.authenticate(raw("expired"))).isInstanceOf(KeyExpiredException.class);
        assertThatThrownBy(() -> db.authenticate(raw("blocked"))).isInstanceOf(KeyBlockedException.class);
        assertThatThrownBy(() -> db.authenticate(raw("deleted"))).isInstanceOf(UnknownKeyException.class);
        assertThatThrownBy(() -> db.authenticate(raw("over"))).isInstanceOf(UnknownKeyException.class);
        assertThatThrownBy(() -> db.authenticate("not-a-hash")).isInstanceOf(UnknownKeyException.class);
    }

    @Test
    void aBudgetHoldsWhatWasSpentThere() {
        Caller caller = db.authenticate(raw("spent"));
        Call call = Call.of("gpt-4o");

        db.budgets().admit(caller, call.withEstimate(new BigDecimal("0.01"))).release();
        assertThatThrownBy(() -> db.budgets().admit(caller, call.withEstimate(new BigDecimal("0.02"))))
                .isInstanceOf(BudgetExceededException.class);
    }

    @Test
    void amountsAreEqualToTheShortestDecimal() {
        String sum = "SELECT sum(CASE WHEN spend::text ~ '[aI]' THEN 0 ELSE spend::text::numeric END)";
        BigDecimal there = source.database.value(
                BigDecimal.class, sum + " FROM \"LiteLLM_SpendLogs\" WHERE request_id <> 'odd-2999'");

        assertThat(amount("SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\"")).isEqualByComparingTo(there);
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_TeamTable\" WHERE team_id = 'blue'"))
                .isEqualTo(new BigDecimal("0.30000000000000004"));
        assertThat(amount("SELECT spend FROM llmdb.\"LLM_SpendLogs\" WHERE request_id = 'odd-tiny'"))
                .isEqualTo(new BigDecimal("5E-324").setScale(324));
        for (String table :
                List.of("VerificationToken", "UserTable", "TeamTable", "OrganizationTable", "EndUserTable")) {
            String key = table.equals("VerificationToken")
                    ? "lower(token)"
                    : table.equals("TeamTable")
                            ? "team_id"
                            : table.equals("OrganizationTable") ? "organization_id" : "user_id";
            for (Map<String, ?> row : source.database.rows("SELECT " + key
                    + " AS id, spend::text::numeric AS spend FROM \"LiteLLM_" + table + "\" WHERE spend <> 'NaN' AND "
                    + key
                    + " NOT IN ('', 'not-a-hash') AND " + key + " NOT LIKE 'sk-%'")) {
                assertThat(amount(
                                "SELECT spend FROM llmdb.\"LLM_" + table + "\" WHERE " + key + " = ?",
                                Objects.requireNonNull(row.get("id"))))
                        .as(table + " " + row)
                        .isEqualByComparingTo((BigDecimal) row.get("spend"));
            }
        }
    }

    @Test
    void theReportAccountsForEveryRowAndColumn() {
        Set<String> told = new HashSet<>();
        for (Map<String, ?> there : source.database.rows("""
                SELECT c.relname AS name, array_to_string(array_agg(a.attname ORDER BY a.attnum), ',') AS columns
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE c.relkind = 'r' AND c.relname LIKE 'LiteLLM%' GROUP BY 1""")) {
            String name = String.valueOf(there.get("name"));
            TableReport table = report.table(name).orElseThrow(() -> new AssertionError(name + " is not told of"));
            told.add(name);
            long rows = source.count(name);
            assertThat(table.read()).as(name).isEqualTo(rows);
            assertThat(table.here() + sum(table.kept()) + sum(table.skipped()))
                    .as(name + "\n" + report)
                    .isEqualTo(rows);
            for (String column : String.valueOf(there.get("columns")).split(",")) {
                ColumnReport told0 = table.column(column).orElseThrow(() -> new AssertionError(name + "." + column));
                long values =
                        source.database.value(Long.class, "SELECT count(\"" + column + "\") FROM \"" + name + "\"");
                assertThat(told0.values()).as(name + "." + column).isEqualTo(values);
                assertThat(told0.carried() + sum(told0.changed()) + sum(told0.left()) + told0.inOtherRows())
                        .as(name + "." + column + " " + told0)
                        .isEqualTo(values);
            }
        }
        assertThat(told).hasSizeGreaterThan(25);
        assertThat(report.notes()).anyMatch(note -> note.contains("_prisma_migrations"));
        assertThat(report.toString()).contains("LiteLLM_GuardrailsTable", "llmdb has no place for it");
    }

    private static long sum(List<Note> notes) {
        return notes.stream().mapToLong(Note::count).sum();
    }

    @Test
    void listsBecameMemberships() {
        assertThat(
                        target.rows(
                                "SELECT user_id || '/' || team_id || '/' || role AS m FROM llmdb.\"LLM_TeamMembership\" ORDER BY 1"))
                .extracting(row -> row.get("m"))
                .containsExactly("anna/red/admin", "bob/blue/user", "bob/red/user", "ghost/red/user", "zoe/red/user");
        assertThat(target.value(
                        String.class,
                        "SELECT members_with_roles::text FROM llmdb.\"LLM_TeamTable\" WHERE team_id = 'red'"))
                .contains("ghost");
        assertThat(report.table("lists of members").orElseThrow().skipped()).hasSizeGreaterThanOrEqualTo(4);
    }

    @Test
    void modelsAreEncryptedAnew() {
        assertThat(db.admin().models().require("m-v3").spec().params())
                .containsEntry("api_key", "provider-secret-three")
                .containsEntry("model", "openai/gpt-4o")
                .containsEntry("rpm", 5);
        assertThat(db.admin().models().require("m-v2").spec().params()).containsEntry("api_key", "provider-secret-two");
        assertThat(db.admin().models().require("m-v2").spec().blocked()).isTrue();
        assertThat(db.admin().models().require("m-box").spec().params())
                .containsEntry("api_key", "provider-secret-box");
        assertThat(db.admin().models().require("m-plain").spec().params())
                .containsEntry("api_key", "provider-secret-plain")
                .containsEntry("api_base", "https://azure.example.com");
    }

    @Test
    void noSecretIsLeftInTheTarget() {
        Set<String> secrets = new HashSet<>(LiteLlmSource.KEYS.values());
        secrets.addAll(List.of(
                LiteLlmSource.STORED_RAW,
                LiteLlmSource.SALT_KEY,
                "sk-deleter-raw-0000000000",
                "provider-secret-three",
                "provider-secret-two",
                "provider-secret-box",
                "provider-secret-plain",
                "provider-secret-credential"));

        SecretScan.of(secrets).over(target).over("report", report.toString()).foundNothing();
    }

    @Test
    void limitsThatAreNoneAreReadAsTheyWorkedThere() {
        assertThat(amount("SELECT max_budget FROM llmdb.\"LLM_BudgetTable\" WHERE budget_id = 'negative'"))
                .isZero();
        assertThat(target.rows("SELECT * FROM llmdb.\"LLM_BudgetTable\" WHERE budget_id = 'nan'")
                        .get(0))
                .containsEntry("max_budget", null)
                .containsEntry("budget_duration", "30d");
        assertThat(db.admin().budgets().require("models").spec().terms().modelLimits())
                .containsOnlyKeys("gpt-4o", "old");
        assertThat(db.admin().teams().require("red").spec().modelAliases()).containsOnlyKeys("fast");
        assertThat(db.admin().teams().require("red").spec().metadata()).containsKey("litellm_import");
        assertThat(amount("SELECT max_budget FROM llmdb.\"LLM_UserTable\" WHERE user_id = 'dora'"))
                .isZero();
    }

    @Test
    void daysBeforeTheLogKeepTheirTotals() {
        assertThat(amount(
                        "SELECT sum(spend) FROM llmdb.\"LLM_DailySpend\" WHERE day < (SELECT dropped_before::date FROM llmdb.\"LLM_LogState\""
                                + " WHERE table_name = 'LLM_SpendLogs')"))
                .isEqualByComparingTo("4.4");
        assertThat(amount(
                        "SELECT sum(spend) FROM llmdb.\"LLM_DailySpend\" WHERE team_id = 'red' AND day < (SELECT dropped_before::date"
                                + " FROM llmdb.\"LLM_LogState\" WHERE table_name = 'LLM_SpendLogs')"))
                .isEqualByComparingTo("2.4");
        assertThat(report.notes()).anyMatch(note -> note.contains("daily totals over there count"));
    }

    @Test
    void aRowThatStartsInTheFutureComesLater() {
        assertThat(target.rows("SELECT 1 FROM llmdb.\"LLM_SpendLogs\" WHERE request_id = 'odd-2999'"))
                .isEmpty();
        assertThat(report.table("LiteLLM_SpendLogs").orElseThrow().skipped())
                .singleElement()
                .satisfies(note -> assertThat(note.reason()).contains("in the future"));
    }

    @Test
    void archivesCome() {
        assertThat(amount(
                        "SELECT total_spend FROM llmdb.\"LLM_DeletedVerificationToken\" WHERE token = ?",
                        LiteLlmSource.hash("deleted")))
                .isEqualByComparingTo("8.08");
        assertThat(target.count("LLM_DeletedTeamTable")).isEqualTo(1);
        assertThat(target.count("LLM_AuditLog")).isEqualTo(2);
        assertThat(target.count("LLM_ErrorLogs")).isEqualTo(2);
    }
}
