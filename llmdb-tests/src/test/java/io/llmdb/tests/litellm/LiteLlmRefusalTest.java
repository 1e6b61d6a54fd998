package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.litellm.ImportPart;
import io.llmdb.litellm.ImportRefusedException;
import io.llmdb.litellm.ImportReport;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** What an import does not begin with, what it says then, and that nothing is half done; and older versions. */
class LiteLlmRefusalTest {

    private TestDatabase target;
    private LlmDb db;

    @BeforeEach
    void open() {
        target = PostgresServer.shared().newDatabase("llmdb");
        db = LiteLlmImportTest.open(target);
    }

    @AfterEach
    void close() {
        db.close();
        target.close();
    }

    private void nothingWasDone() {
        for (String table : new String[] {"Import", "ImportRow", "UserTable", "ProxyModelTable", "SpendLogs"}) {
            assertThat(target.count("LLM_" + table)).as(table).isZero();
        }
    }

    @Test
    void aWrongOrMissingSaltKey() {
        try (LiteLlmSource source = LiteLlmSource.withOddValues()) {
            assertThatThrownBy(() -> db.importFromLiteLlm(source.dataSource())
                            .saltKey("sk-another")
                            .run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContainingAll("does not decrypt", "LITELLM_SALT_KEY")
                    .hasMessageNotContaining("sk-another");
            assertThatThrownBy(() -> db.importFromLiteLlm(source.dataSource()).run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContainingAll("no salt key is given", "LITELLM_SALT_KEY");
            nothingWasDone();

            ImportReport report = db.importFromLiteLlm(source.dataSource())
                    .without(ImportPart.MODELS, ImportPart.SPEND_LOGS)
                    .run();

            assertThat(report.table("LiteLLM_ProxyModelTable").orElseThrow().skipped())
                    .singleElement()
                    .satisfies(note -> assertThat(note.reason()).contains("left out"));
            assertThat(target.count("LLM_SpendLogs")).isZero();
            assertThat(db.usage().verify())
                    .matches(found -> found.agrees(), db.usage().verify().toString());
        }
    }

    @Test
    void onlySecretBoxesUnderAnotherKey() {
        try (LiteLlmSource source = LiteLlmSource.ofVersion("1_50")) {
            source.execute(
                    "INSERT INTO \"LiteLLM_ProxyModelTable\" (model_id, model_name, litellm_params, created_by, updated_by)"
                            + " VALUES ('m', 'm', '{\"model\": \"${box openai/gpt-4o}\"}', '', '')");

            assertThatThrownBy(() -> db.importFromLiteLlm(source.dataSource())
                            .saltKey("sk-another")
                            .run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContaining("model \"m\"");
            nothingWasDone();
        }
    }

    @Test
    void whatIsNoLiteLlmDatabase() {
        try (TestDatabase empty = PostgresServer.shared().newEmptyDatabase("none")) {
            assertThatThrownBy(() -> db.importFromLiteLlm(empty.dataSource()).run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContaining("holds no LiteLLM tables");
            empty.execute("CREATE SCHEMA proxy");
            empty.execute("CREATE TABLE proxy.\"LiteLLM_VerificationToken\" (token text PRIMARY KEY)");
            assertThatThrownBy(() -> db.importFromLiteLlm(empty.dataSource()).run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContaining("\"proxy\"");
            nothingWasDone();
            assertThat(db.importFromLiteLlm(empty.dataSource())
                            .sourceSchema("proxy")
                            .run()
                            .tables())
                    .anyMatch(table -> table.table().equals("LiteLLM_VerificationToken"));
        }
    }

    @Test
    void aRoleThatMayNotRead() throws SQLException {
        try (LiteLlmSource source = LiteLlmSource.ofVersion("1_50", "1_70")) {
            String role = "reader_" + source.database.name();
            try (Connection admin = source.database.adminDataSource().getConnection();
                    Statement statement = admin.createStatement()) {
                statement.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'p'");
                try {
                    statement.execute("GRANT SELECT ON \"LiteLLM_VerificationToken\" TO " + role);
                    LiteLlmImport run = db.importFromLiteLlm(as(source.database, role));
                    assertThatThrownBy(run::run)
                            .isInstanceOf(ImportRefusedException.class)
                            .hasMessageContainingAll("may not read", "GRANT SELECT ON ALL TABLES", role);
                    nothingWasDone();
                    statement.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role);
                    assertThat(run.run().run()).isEqualTo(1);
                } finally {
                    statement.execute("DROP OWNED BY " + role);
                    statement.execute("DROP ROLE " + role);
                }
            }
        }
    }

    private static DataSource as(TestDatabase database, String role) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(database.jdbcUrl());
        source.setUser(role);
        source.setPassword("p");
        return source;
    }

    @Test
    void aTargetThatIsInUse() {
        try (LiteLlmSource source = LiteLlmSource.withOddValues();
                LiteLlmSource another = LiteLlmSource.ofVersion("1_50")) {
            db.admin().keys().create(VirtualKeySpec.of("ours"));
            assertThatThrownBy(() -> LiteLlmImportTest.importer(db, source).run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContainingAll("in use already", "LLM_VerificationToken");
            assertThat(target.count("LLM_VerificationToken")).isEqualTo(1);
            nothingWasDone();

            LiteLlmImportTest.importer(db, source).mergingIntoUsed().run();

            assertThat(target.count("LLM_VerificationToken")).isEqualTo(10);
            assertThat(db.usage().verify())
                    .matches(found -> found.agrees(), db.usage().verify().toString());
            assertThatThrownBy(() -> LiteLlmImportTest.importer(db, another).run())
                    .isInstanceOf(ImportRefusedException.class)
                    .hasMessageContaining("one LiteLLM database only");
        }
    }

    @Test
    void twoAtOnce() {
        try (LiteLlmSource source = LiteLlmSource.withOddValues()) {
            boolean[] refused = new boolean[1];
            LiteLlmImportTest.importer(db, source).run(progress -> {
                if (!refused[0]) {
                    assertThatThrownBy(
                                    () -> LiteLlmImportTest.importer(db, source).run())
                            .isInstanceOf(ImportRefusedException.class)
                            .hasMessageContaining("is running");
                    refused[0] = true;
                }
            });
            assertThat(refused[0]).isTrue();
        }
    }

    @Test
    void olderVersionsLackColumnsAndTables() {
        for (String[] version : new String[][] {{"1_50"}, {"1_50", "1_70"}}) {
            try (LiteLlmSource source = LiteLlmSource.ofVersion(version);
                    TestDatabase fresh = PostgresServer.shared().newDatabase("llmdb");
                    LlmDb opened = LiteLlmImportTest.open(fresh)) {
                source.execute("""
                        INSERT INTO "LiteLLM_VerificationToken" (token, spend, max_budget, models, added_by_somebody) VALUES ('${anna}', 1.1, 2, '{gpt-4o}', 'kept');
                        INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime") VALUES ('r', 'x', '${anna}', 0.1, now(), now());
                        INSERT INTO "LiteLLM_TeamTable" (team_id, members_with_roles) VALUES ('t', '{"role": "admin", "user_id": "only-here"}')""".replaceFirst(
                                "^", "ALTER TABLE \"LiteLLM_VerificationToken\" ADD added_by_somebody text;\n"));

                ImportReport report = LiteLlmImportTest.importer(opened, source).run();

                assertThat(opened.authenticate("sk-anna-0000000000000001")
                                .key()
                                .spec()
                                .metadata()
                                .toString())
                        .contains("added_by_somebody=kept");
                assertThat(report.table("LiteLLM_VerificationToken")
                                .orElseThrow()
                                .column("added_by_somebody")
                                .orElseThrow()
                                .changed())
                        .singleElement()
                        .satisfies(note -> assertThat(note.reason()).contains("no such column"));
                assertThat(fresh.value(String.class, "SELECT role FROM llmdb.\"LLM_TeamMembership\""))
                        .isEqualTo("admin");
                assertThat(opened.usage().verify())
                        .matches(
                                found -> found.agrees(), opened.usage().verify().toString());
            }
        }
    }
}
