package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Call;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.SchemaException;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.schema.SchemaReport;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.JournalException;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Opening a database: the first time, many at once, beside others, and where it cannot be. */
class OpeningTest {

    private final TestDatabase database = PostgresServer.shared().newEmptyDatabase("llmdb");

    @AfterEach
    void drop() {
        database.close();
    }

    private LlmDbSettings.Builder settings() {
        return LlmDbSettings.builder()
                .environment(java.util.Map.of())
                .connection(connection ->
                        connection.databaseUrl(database.databaseUrl()).poolLimit(3));
    }

    /** The smallest proxy there is, on a database that nobody has migrated. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void fewConnectionsAreEnough(int limit) {
        LlmDbSettings few = settings()
                .connection(connection -> connection.poolLimit(limit).connectionTimeout(Duration.ofSeconds(5)))
                .build();
        try (LlmDb db = LlmDb.open(few)) {
            World world = World.company(db);
            world.traffic(5).take(50).parallelStream().forEach(db.spend()::record);
            assertThat(db.authenticate(world.rawKey())).isNotNull();
            db.budgets()
                    .admit(db.authenticate(world.rawKey()), Call.of("gpt-4o").withEstimate(new BigDecimal("0.01")))
                    .release();
            assertThat(database.value(Long.class, """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'llmdb'""")).isLessThanOrEqualTo(limit);
        }
        assertThat(database.books()).agree().reserveNothing().haveRequests(50);
    }

    @Test
    void tenProcessesMakeOneHistory() {
        List<ChildJvm> children = new ArrayList<>();
        try {
            for (int i = 0; i < 10; i++) {
                children.add(ChildJvm.of(OpenAndClose.class)
                        .arguments(database.databaseUrl(), "llmdb")
                        .jvmOptions("-Xmx96m", "-XX:TieredStopAtLevel=1")
                        .start());
            }
            for (ChildJvm child : children) {
                assertThat(child.awaitExit(Duration.ofMinutes(3)))
                        .as("%s", child.output())
                        .isZero();
                assertThat(child.output()).contains("open 0");
            }
        } finally {
            children.forEach(ChildJvm::close);
        }
        SchemaReport report = SchemaMigrator.of(database.dataSource(), "llmdb").inspect();
        assertThat(report.isCurrent()).isTrue();
        assertThat(database.value(
                        Long.class, "SELECT count(*) FROM llmdb.llmdb_schema_history WHERE success AND type = 'SQL'"))
                .isEqualTo(report.applied().size());
        assertThat(database.value(Long.class, "SELECT count(*) FROM llmdb.llmdb_schema_history WHERE NOT success"))
                .isZero();
    }

    @Test
    void leavesOtherPeoplesTablesAlone() {
        database.execute("CREATE SCHEMA shop");
        database.execute("CREATE TABLE shop.\"LLM_TeamTable\" (theirs int)");
        database.execute("INSERT INTO shop.\"LLM_TeamTable\" VALUES (42)");
        database.execute("CREATE TABLE shop.flyway_schema_history (theirs int)");
        try (LlmDb db = LlmDb.open(settings()
                .connection(connection -> connection.schema("shop-2$b"))
                .build())) {
            assertThat(db.budgets().openAdmissions()).isZero();
        }
        // In the very schema of others, too.
        database.execute("CREATE SCHEMA mixed");
        database.execute("CREATE TABLE mixed.orders (id int PRIMARY KEY)");
        database.execute("INSERT INTO mixed.orders VALUES (7)");
        LlmDb.open(settings()
                        .connection(connection -> connection.schema("mixed"))
                        .build())
                .close();
        assertThat(database.value(Integer.class, "SELECT theirs FROM shop.\"LLM_TeamTable\""))
                .isEqualTo(42);
        assertThat(database.value(Integer.class, "SELECT id FROM mixed.orders")).isEqualTo(7);
        assertThat(database.value(Long.class, "SELECT count(*) FROM pg_tables WHERE schemaname = 'shop'"))
                .isEqualTo(2);
    }

    @Test
    void refusesASchemaThatIsNewer() {
        LlmDb.open(settings().build()).close();
        database.execute(
                "INSERT INTO llmdb.llmdb_schema_history (installed_rank, version, description, type, script, checksum, installed_by,"
                        + " execution_time, success) VALUES (900, '900', 'from the future', 'SQL', 'V900__from_the_future.sql', 1, 'x', 1, true)");
        assertThatThrownBy(() -> LlmDb.open(settings().build()))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("900 from the future")
                .hasMessageContaining("use the version that made it, or a newer one");
    }

    @Test
    void refusesAHalfAppliedStep() {
        LlmDb.open(settings().build()).close();
        database.execute("UPDATE llmdb.llmdb_schema_history SET success = false WHERE version = '3'");
        assertThatThrownBy(() -> LlmDb.open(settings().build()))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("half applied")
                .hasMessageContaining("restore the schema from a backup");
    }

    @Test
    void refusesAStepThatWasEdited() {
        LlmDb.open(settings().build()).close();
        database.execute("UPDATE llmdb.llmdb_schema_history SET checksum = 12345 WHERE version = '2'");
        assertThatThrownBy(() -> LlmDb.open(settings().build()))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("edited after it was applied");
    }

    @Test
    void saysWhatIsPendingWhereItMayNotMigrate() {
        assertThatThrownBy(() ->
                        LlmDb.builder(settings().build()).withoutMigration().open())
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("are pending; migrate it first");
    }

    @Test
    void saysThatItMayNotCreateTheSchema() throws SQLException {
        asAdmin("CREATE ROLE \"guest_" + database.name() + "\" LOGIN PASSWORD 'guest'");
        try {
            String url = database.databaseUrl().replaceFirst("//[^@]*@", "//guest_" + database.name() + ":guest@");
            assertThatThrownBy(() -> LlmDb.open(settings()
                            .connection(connection -> connection.databaseUrl(url))
                            .build()))
                    .isInstanceOf(SchemaException.class)
                    .hasMessageContaining("Schema \"llmdb\" could not be created")
                    .hasMessageContaining("grant CREATE on the database")
                    .hasMessageNotContaining("guest:guest");
        } finally {
            asAdmin("DROP ROLE \"guest_" + database.name() + "\"");
        }
    }

    @Test
    void oneJournalIsOneInstances(@TempDir Path directory) {
        LlmDbSettings journal = settings()
                .delivery(delivery -> delivery.mode(DeliveryMode.JOURNAL).journalDirectory(directory.resolve("a/b")))
                .build();
        try (LlmDb db = LlmDb.open(journal)) {
            assertThatThrownBy(() -> LlmDb.open(journal))
                    .isInstanceOf(JournalException.class)
                    .hasMessageContaining("used by another instance")
                    .hasMessageContaining("llmdb.journal_directory");
            assertThat(db.budgets().openAdmissions()).isZero();
        }
        LlmDb.open(journal).close();
    }

    @Test
    void saysThatNobodyListens() {
        assertThatThrownBy(() -> LlmDb.open(settings()
                        .connection(connection -> connection
                                .databaseUrl("postgresql://nobody:hush@127.0.0.1:1/none")
                                .connectionTimeout(Duration.ofSeconds(1)))
                        .build()))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageContaining("cannot be reached")
                .hasMessageNotContaining("hush");
    }

    @Test
    void refusesASchemaNameThatIsNone() {
        assertThatThrownBy(() -> SchemaMigrator.of(database.dataSource(), "a\"; DROP SCHEMA x; --"))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("is no name for a schema");
    }

    @Test
    void joinsOnlyAnOpenTransaction() throws SQLException {
        try (LlmDb db = LlmDb.open(settings().build());
                Connection connection = database.dataSource().getConnection()) {
            assertThatThrownBy(() -> db.joining(connection))
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("auto-commit is on");
            connection.setAutoCommit(false);
            db.joining(connection).teams().create(io.llmdb.identity.TeamSpec.of("research"));
            assertThat(database.count("LLM_TeamTable")).isZero();
            connection.commit();
            assertThat(database.count("LLM_TeamTable")).isEqualTo(1);
        }
    }

    private void asAdmin(String sql) throws SQLException {
        try (Connection connection = database.adminDataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
