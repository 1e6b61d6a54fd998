package io.llmdb.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamSpec;
import io.llmdb.keys.KeyHash;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands, run in this process on a database of their own. */
@LlmDbTest
class AdminTest {

    /** What a command did. */
    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private Path config;

    @BeforeEach
    void writeConfig(TestDatabase database) throws IOException {
        config = folder.resolve("proxy_config.yaml");
        Files.writeString(config, "general_settings:\n  database_url: \"" + database.databaseUrl() + "\"\n");
    }

    private Outcome run(String... arguments) {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        if (!all.contains("--help") && !all.contains("--config") && !all.contains("--database-url")) {
            all.add("--config");
            all.add(config.toString());
        }
        return plain(all.toArray(String[]::new));
    }

    private static Outcome plain(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Admin.command()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    private static JsonNode json(Outcome outcome) {
        return JsonMapper.shared().readTree(outcome.out());
    }

    @Test
    void everyCommandTeachesItself() {
        for (String[] command : new String[][] {
            {},
            {"migrate"},
            {"import", "litellm"},
            {"verify"},
            {"retention"},
            {"keys"},
            {"keys", "create"},
            {"keys", "list"},
            {"keys", "info"},
            {"keys", "block"},
            {"keys", "unblock"},
            {"keys", "rotate"},
            {"keys", "delete"},
            {"spend"},
            {"deadletters"},
            {"deadletters", "list"}
        }) {
            List<String> arguments = new ArrayList<>(Arrays.asList(command));
            arguments.add("--help");

            Outcome help = plain(arguments.toArray(String[]::new));

            assertThat(help.exitCode()).isZero();
            assertThat(help.out())
                    .as(String.join(" ", command))
                    .containsPattern("Examples?:")
                    .contains("llmdb-admin ")
                    .doesNotContain("\u001B");
        }
    }

    @Test
    void migrates() throws IOException {
        try (TestDatabase empty = PostgresServer.shared().newEmptyDatabase("llmdb")) {
            Files.writeString(config, "general_settings:\n  database_url: \"" + empty.databaseUrl() + "\"\n");

            assertThat(run("verify").exitCode()).isEqualTo(Admin.REFUSED);
            assertThat(run("migrate", "--dry-run").out()).contains("pending: 1");
            assertThat(empty.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'llmdb'"))
                    .isEmpty();
            assertThat(run("migrate").out()).contains("was migrated to version");
            assertThat(run("migrate").out()).contains("is up to date");
            assertThat(run("verify").exitCode()).isZero();
        }
    }

    @Test
    void leavesTheProxysJournalAlone(@TempDir Path proxys) throws IOException {
        Path journal = proxys.resolve("journal");
        Files.writeString(
                config,
                Files.readString(config) + "llmdb:\n  delivery_mode: journal\n  journal_directory: \"" + journal
                        + "\"\n  full_queue_policy: spill\n");

        assertThat(run("keys", "list").exitCode()).isZero();
        assertThat(journal).doesNotExist();
    }

    @Test
    void aKeyFromItsMakingToItsEnd(LlmDb db) {
        Outcome dry = run("keys", "create", "--alias", "ci", "--max-budget", "0.10", "--dry-run");
        assertThat(dry.out()).isEmpty();
        assertThat(json(run("keys", "list", "--format", "json"))).isEmpty();

        Outcome made = run(
                "keys",
                "create",
                "--alias",
                "ci",
                "--models",
                "gpt-4o,claude",
                "--max-budget",
                "0.10",
                "--budget-duration",
                "30d");
        String rawKey = made.out().strip();
        assertThat(made.exitCode()).isZero();
        assertThat(rawKey).matches("sk-[A-Za-z0-9_-]{43}");
        assertThat(made.err()).contains(KeyHash.of(rawKey)).doesNotContain(rawKey);
        assertThat(db.authenticate(rawKey).key().spec().models()).containsExactly("gpt-4o", "claude");

        assertThat(run("keys", "list", "--alias", "ci").out())
                .contains("ci", "0.1")
                .doesNotContain(rawKey);
        JsonNode listed = json(run("keys", "list", "--format", "json")).get(0);
        assertThat(listed.get("hash").asString()).isEqualTo(KeyHash.of(rawKey));
        assertThat(listed.get("max_budget").decimalValue()).isEqualByComparingTo(new BigDecimal("0.10"));
        assertThat(run("keys", "info", "alias:ci").out()).contains("gpt-4o, claude");

        assertThat(run("keys", "block", "alias:ci", "--dry-run").err()).contains("Would block");
        assertThat(db.admin().keys().require(KeyHash.of(rawKey)).spec().blocked())
                .isFalse();
        assertThat(run("keys", "block", "alias:ci").exitCode()).isZero();
        assertThat(db.admin().keys().require(KeyHash.of(rawKey)).spec().blocked())
                .isTrue();
        assertThat(run("keys", "unblock", KeyHash.of(rawKey)).exitCode()).isZero();

        String second = run("keys", "rotate", "alias:ci", "--grace", "1h").out().strip();
        assertThat(second).startsWith("sk-").isNotEqualTo(rawKey);
        db.catchUp();
        assertThat(db.authenticate(rawKey).key().hash()).isEqualTo(KeyHash.of(second));
        assertThat(run("keys", "delete", "alias:ci").exitCode()).isZero();
        assertThat(run("keys", "info", "alias:ci").exitCode()).isEqualTo(Admin.REFUSED);
    }

    @Test
    void aKeyForATeamOfAnotherOrganizationIsRefused(LlmDb db) {
        db.admin().organizations().create(OrganizationSpec.of("Theirs"), "theirs");
        db.admin().organizations().create(OrganizationSpec.of("Ours"), "ours");
        db.admin().teams().create(TeamSpec.of("Research").withOrganizationId("theirs"), "research");

        Outcome refused = run("keys", "create", "--team", "research", "--organization", "ours");

        assertThat(refused.exitCode()).isEqualTo(Admin.REFUSED);
        assertThat(refused.err()).contains("belongs to organization_id");
        assertThat(json(run("keys", "list", "--format", "json"))).isEmpty();
    }

    @Test
    void aRawKeyComesByTheInputOnly() {
        String rawKey = run("keys", "create", "--alias", "in").out().strip();
        Outcome refused = run("keys", "info", rawKey);
        assertThat(refused.exitCode()).isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(refused.err()).contains("A raw key was given").doesNotContain(rawKey);

        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream((rawKey + "\n").getBytes(StandardCharsets.UTF_8)));
        try {
            assertThat(run("keys", "info", "-").out())
                    .contains(KeyHash.of(rawKey))
                    .doesNotContain(rawKey);
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void reportsWhatWasSpent(LlmDb db, TestDatabase database) {
        Instant now = database.clock().now();
        for (int i = 0; i < 6; i++) {
            db.spend()
                    .record(SpendEvent.builder(now.minusSeconds(i + 1))
                            .model(i % 2 == 0 ? "gpt-4o" : "a,\"b\"")
                            .teamId("research")
                            .endUser("e")
                            .tags(List.of("prod"))
                            .cost(new BigDecimal("0.1"))
                            .tokens(10, 5)
                            .build());
        }

        JsonNode byModel = json(run("spend", "--by", "model", "--format", "json"));
        assertThat(byModel).hasSize(2);
        assertThat(byModel.get(0).get("spend").decimalValue()).isEqualByComparingTo("0.3");
        assertThat(run("spend", "--by", "model", "--format", "csv").out())
                .isEqualTo("model,spend,requests,failed,prompt_tokens,completion_tokens\r\n"
                        + "\"a,\"\"b\"\"\",0.3,3,0,30,15\r\ngpt-4o,0.3,3,0,30,15\r\n");
        assertThat(run("spend", "--by", "team", "--top", "1").out()).contains("research", "0.6");
        assertThat(json(run("spend", "--by", "tag", "--format", "json"))
                        .get(0)
                        .get("spend")
                        .decimalValue())
                .isEqualByComparingTo("0.6");
        assertThat(json(run("spend", "--by", "end_user,model", "--format", "json")))
                .hasSize(2);
        assertThat(run("spend", "--by", "tag,team").exitCode()).isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(json(run("spend", "--to", "2001-01-01", "--format", "json"))).isEmpty();
    }

    @Test
    void verifySaysByItsExitCodeWhetherTheBooksAgree(LlmDb db, TestDatabase database) {
        String rawKey = run("keys", "create", "--alias", "v").out().strip();
        assertThat(run("verify").exitCode()).isZero();

        database.execute(
                "UPDATE llmdb.\"LLM_VerificationToken\" SET spend = 1, total_spend = 1 WHERE token = ?",
                KeyHash.of(rawKey));

        assertThat(run("verify").exitCode()).isEqualTo(Admin.FAILED);
        assertThat(json(run("verify", "--format", "json"))).hasSize(2);
        assertThat(run("verify", "--repair", "--dry-run").exitCode()).isEqualTo(Admin.FAILED);
        assertThat(run("verify", "--repair").exitCode()).isZero();
        assertThat(run("verify").exitCode()).isZero();
    }

    @Test
    void retentionSaysWhatWouldGo(LlmDb db, TestDatabase database) {
        db.spend()
                .record(SpendEvent.builder(database.clock().now().minusSeconds(5))
                        .model("m")
                        .cost(BigDecimal.ONE)
                        .build());

        assertThat(run("retention", "--spend-logs", "1d", "--dry-run").exitCode())
                .isZero();
        assertThat(json(run("deadletters", "list", "--format", "json"))).isEmpty();
        assertThat(run("deadletters", "replay", "0191f0c2-7c1a-7b3e-9d41-2f6f0a7c5e11")
                        .exitCode())
                .isEqualTo(Admin.REFUSED);
        assertThat(run("retention", "--spend-logs", "soon", "--dry-run").exitCode())
                .isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(database.count("LLM_SpendLogs")).isEqualTo(1);
    }

    @Test
    void importsALiteLlmDatabase(TestDatabase target) throws IOException {
        try (TestDatabase source = PostgresServer.shared().newEmptyDatabase("none")) {
            source.execute(
                    "CREATE TABLE \"LiteLLM_VerificationToken\" (token text PRIMARY KEY, key_alias text, spend double precision, max_budget double precision)");
            source.execute(
                    "INSERT INTO \"LiteLLM_VerificationToken\" VALUES (?, 'from there', 0.1, 5)",
                    KeyHash.of("sk-from-there-0000001"));
            Path litellm = folder.resolve("litellm.yaml");
            Files.writeString(litellm, "general_settings:\n  database_url: \"" + source.databaseUrl() + "\"\n");
            Path report = folder.resolve("report.txt");

            assertThat(run("import", "litellm", "--source-config", litellm.toString(), "--dry-run")
                            .out())
                    .contains("LiteLLM_VerificationToken", "nothing was kept");
            assertThat(target.count("LLM_VerificationToken")).isZero();
            assertThat(run("import", "litellm", "--source-config", litellm.toString(), "--report", report.toString())
                            .exitCode())
                    .isZero();
            assertThat(Files.readString(report)).contains("LiteLLM_VerificationToken");
            assertThat(run("keys", "list").out()).contains("from there", "0.1");
            assertThat(run("verify").exitCode()).isZero();
            Outcome refused = run("import", "litellm", "--source-config", config.toString());
            assertThat(refused.exitCode()).isEqualTo(Admin.REFUSED);
            assertThat(refused.err()).contains("holds no LiteLLM tables");
        }
    }

    @Test
    void movesADatabase() throws IOException {
        String rawKey = run("keys", "create", "--alias", "moved").out().strip();
        try (TestDatabase target = PostgresServer.shared().newEmptyDatabase("llmdb")) {
            Path password = folder.resolve("password");
            Files.writeString(password, target.password());
            String url = target.databaseUrl().replaceFirst("//([^:/@]+):[^@]*@", "//$1@");
            String[] to = {"--to-url", url, "--to-password-file", password.toString()};

            assertThat(json(copy(to, "plan", "--format", "json"))).isNotEmpty();
            assertThat(copy(to, "start", "--dry-run").out()).contains("Would copy");
            assertThat(copy(to, "start").out()).contains("Copied");
            assertThat(copy(to, "status").out()).contains("Next:");
            assertThat(copy(to, "follow").exitCode()).isZero();
            assertThat(copy(to, "pass").out()).contains("Brought");
            assertThat(copy(to, "cut-over", "--moved-to", "there").out()).contains("The new side is the database");
            assertThat(target.value(
                            Long.class,
                            "SELECT count(*) FROM llmdb.\"LLM_VerificationToken\" WHERE token = ?",
                            KeyHash.of(rawKey)))
                    .isEqualTo(1);
        }
    }

    private Outcome copy(String[] to, String... step) {
        List<String> arguments = new ArrayList<>(List.of("copy"));
        arguments.addAll(Arrays.asList(step));
        arguments.addAll(Arrays.asList(to));
        return run(arguments.toArray(String[]::new));
    }

    @Test
    void troublesHaveExitCodesAndNoSecrets() {
        Outcome withPassword = plain("verify", "--database-url", "postgresql://u:very-secret@localhost/x");
        assertThat(withPassword.exitCode()).isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(withPassword.err()).contains("others on this machine").doesNotContain("very-secret");
        assertThat(plain("verify", "--database-url", "postgresql://u@127.0.0.1:1/x")
                        .exitCode())
                .isEqualTo(Admin.UNREACHABLE);
        assertThat(plain("keys").exitCode()).isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(plain("nonsense").exitCode()).isEqualTo(Admin.WRONG_ARGUMENTS);
        assertThat(plain().out()).contains("Exit codes");
    }
}
