package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.budgets.UnknownPrice;
import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.WhenFull;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where values come from and which one wins: builder, YAML, environment, default. */
class SettingsSourcesTest {

    @Test
    void nothingSetIsTheDefaults() {
        LlmDbSettings settings = LlmDbSettings.builder().environment(Map.of()).build();

        assertThat(settings.connection())
                .isEqualTo(new ConnectionSettings(null, 10, Duration.ofSeconds(60), "llmdb", Duration.ofSeconds(60)));
        assertThat(settings.logs())
                .isEqualTo(
                        new LogSettings(false, false, false, false, null, Duration.ofDays(1), null, null, null, null));
        assertThat(settings.delivery())
                .isEqualTo(new DeliverySettings(
                        DeliveryMode.BOOKED,
                        null,
                        10L << 30,
                        100_000,
                        64L << 20,
                        WhenFull.BLOCK,
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(10),
                        20_000));
        assertThat(settings.budgets())
                .isEqualTo(new BudgetSettings(
                        null,
                        null,
                        null,
                        ZoneId.of("UTC"),
                        LocalTime.MIDNIGHT,
                        false,
                        null,
                        false,
                        UnknownPrice.REFUSE,
                        null,
                        false,
                        Duration.ofSeconds(30),
                        Duration.ofMinutes(10),
                        Duration.ofSeconds(597),
                        Duration.ofSeconds(605)));
        assertThat(settings.caches())
                .isEqualTo(new CacheSettings(
                        100_000, Duration.ofSeconds(60), 100_000, Duration.ofSeconds(5), Duration.ofMillis(250)));
        assertThat(settings.models()).isEqualTo(new ModelSettings(false, null, null));
        assertThat(settings.audit()).isEqualTo(new AuditSettings(false));
        assertThat(settings.warnings()).isEmpty();
        assertThat(settings.effective()).allMatch(setting -> setting.source().kind() == SettingSource.Kind.DEFAULT);
    }

    @Test
    void theBuilderWinsOverTheFileTheFileOverTheEnvironmentThatOverTheDefault() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml(
                        "general_settings:\n  database_connection_pool_limit: 20\n  store_model_in_db: false\nllmdb:\n  schema: file\n",
                        "p.yaml")
                .environment(Map.of(
                        "LLMDB_DATABASE_CONNECTION_POOL_LIMIT", "30",
                        "LLMDB_SCHEMA", "environment",
                        "STORE_MODEL_IN_DB", "True",
                        "LLMDB_LEASE_TIME", "45s"))
                .connection(connection -> connection.poolLimit(40))
                .build();

        assertThat(settings.connection().poolLimit()).isEqualTo(40);
        assertThat(settings.connection().schema()).isEqualTo("file");
        assertThat(settings.models().storeModelInDb()).isFalse();
        assertThat(settings.budgets().leaseTime()).isEqualTo(Duration.ofSeconds(45));
        assertThat(settings.effective())
                .extracting(EffectiveSetting::toString)
                .contains(
                        "general_settings.database_connection_pool_limit = 40 (builder)",
                        "llmdb.schema = file (p.yaml:5)",
                        "llmdb.lease_time = 45s (environment LLMDB_LEASE_TIME)",
                        "llmdb.reservation_time = 10m (default)");
        assertThat(settings)
                .hasToString(
                        "LlmDbSettings[general_settings.database_connection_pool_limit = 40 (builder), llmdb.schema = file (p.yaml:5), "
                                + "llmdb.lease_time = 45s (environment LLMDB_LEASE_TIME), general_settings.store_model_in_db = false (p.yaml:3)]");
    }

    @Test
    void noneAndNullAreNotTheSame() {
        LlmDbSettings.Builder builder = LlmDbSettings.builder()
                .environment(Map.of("LLMDB_MAX_BUDGET", "5", "LLMDB_STATEMENT_TIMEOUT", "9s"))
                .yaml("llm_settings: {max_budget: none}\nllmdb: {statement_timeout: null}", "p.yaml");

        assertThat(builder.build().budgets().maxBudget()).isNull();
        assertThat(builder.build().connection().statementTimeout()).isEqualTo(Duration.ofSeconds(9));
        assertThat(builder.connection(c -> c.statementTimeout(null))
                        .build()
                        .connection()
                        .statementTimeout())
                .isNull();
    }

    @Test
    void theBuilderSetsAllOfIt() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .connection(
                        c -> c.databaseUrl("postgresql://a:b@c/d").schema("s").statementTimeout(Duration.ofSeconds(2)))
                .logs(l -> l.disableSpendLogs(true)
                        .disableErrorLogs(true)
                        .storePrompts(true)
                        .retentionPeriod(BudgetDuration.parse("", "30d"))
                        .retentionInterval(Duration.ofHours(1)))
                .delivery(d -> d.mode(DeliveryMode.JOURNAL)
                        .journalDirectory(Path.of("j"))
                        .longestWait(Duration.ofMillis(50)))
                .budgets(b -> b.maxBudget(BigDecimal.TEN)
                        .budgetDuration(BudgetDuration.parse("", "1mo"))
                        .timeZone(ZoneOffset.UTC)
                        .resetTime(LocalTime.of(6, 30))
                        .unknownPricePolicy(UnknownPrice.FIXED)
                        .unknownPrice(new BigDecimal("0.01")))
                .caches(c -> c.callerSize(0).callerAge(Duration.ZERO))
                .models(m -> m.storeModelInDb(true).saltKey(Secret.of("0123456789abcdef")))
                .audit(a -> a.storeAuditLogs(true))
                .build();

        assertThat(settings.requireDatabaseUrl().jdbcUrl()).isEqualTo("jdbc:postgresql://c/d");
        assertThat(settings.logs().retentionPeriod()).hasToString("30d");
        assertThat(settings.delivery().journalDirectory()).isEqualTo(Path.of("j"));
        assertThat(settings.delivery().longestWait()).isEqualTo(Duration.ofMillis(50));
        assertThat(settings.budgets().timeZone()).isEqualTo(ZoneId.of("UTC"));
        assertThat(settings.budgets().unknownPrice()).isEqualByComparingTo("0.01");
        assertThat(settings.caches().callerSize()).isZero();
        assertThat(settings.models().saltKey()).isEqualTo(Secret.of("0123456789abcdef"));
        assertThat(settings.audit().storeAuditLogs()).isTrue();
        assertThat(settings.warnings()).isEmpty();
    }

    @Test
    void nullWhereSomethingMustBeIsRefusedAtOnce() {
        // As a caller without nullness checks would.
        @SuppressWarnings("NullAway")
        String nothing = null;

        assertThatThrownBy(() -> LlmDbSettings.builder().connection(c -> c.schema(nothing)))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("llmdb.schema");
    }

    @ParameterizedTest
    @CsvSource({
        "true, true",
        "True, true",
        "TRUE, true",
        "'\"true\"', true",
        "'''True''', true",
        "yes, true",
        "on, true",
        "false, false",
        "False, false",
        "'\"false\"', false",
        "no, false",
        "Off, false",
        "os.environ/YES, true"
    })
    void booleansAsYamlHasThem(String text, boolean value) {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml("general_settings:\n  disable_spend_logs: " + text + "\n", "p.yaml")
                .environment(Map.of("YES", " True "))
                .build();

        assertThat(settings.logs().disableSpendLogs()).isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({"60, PT1M", "0.5, PT0.5S", "500ms, PT0.5S", "30s, PT30S", "15m, PT15M", "1h, PT1H", "'\"90\"', PT1M30S"
    })
    void lengthsOfTimeThatLiteLlmGivesInSeconds(String text, Duration value) {
        assertThat(yaml("general_settings:\n  database_connection_timeout: " + text)
                        .connection()
                        .connectionTimeout())
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({"1h, PT1H", "2w, PT336H", "1mo, PT744H", "86400s, P1D"})
    void lengthsOfTimeWithUnits(String text, Duration value) {
        assertThat(yaml("general_settings:\n  maximum_spend_logs_retention_interval: " + text)
                        .logs()
                        .retentionInterval())
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({"70000, 70000", "64KiB, 65536", "64 MB, 64000000", "1gib, 1073741824", "1_000_000, 1000000"})
    void sizes(String text, long value) {
        assertThat(yaml("llmdb:\n  max_queued_bytes: " + text).delivery().maxQueuedBytes())
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({"06:30, 06:30", "'\"06:30:15\"', 06:30:15", "23:59, 23:59"})
    void timesOfDay(String text, LocalTime value) {
        assertThat(yaml("llm_settings:\n  budget_reset_time: " + text).budgets().resetTime())
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({"100, 100", "1e2, 100", "0.000000000123, 0.000000000123", "'\"12.5\"', 12.5", "1_000.5, 1000.5"})
    void amountsAreExact(String text, BigDecimal value) {
        assertThat(yaml("litellm_settings:\n  max_budget: " + text).budgets().maxBudget())
                .isEqualByComparingTo(value);
    }

    @Test
    void valuesFromTheEnvironmentByReference() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml("x: 1\ngeneral_settings:\n  database_url: os.environ/MY_URL\n", "p.yaml")
                .environment(
                        Map.of("MY_URL", "postgres://me:hush@db:6432/llm", "DATABASE_URL", "postgres://other/other"))
                .build();

        assertThat(settings.requireDatabaseUrl().jdbcUrl()).isEqualTo("jdbc:postgresql://db:6432/llm");
        assertThat(settings.effective())
                .extracting(EffectiveSetting::toString)
                .contains(
                        "general_settings.database_url = jdbc:postgresql://db:6432/llm user=me password=*** (p.yaml:3 (environment MY_URL))");
    }

    @Test
    void aReferenceToNothingDoesNotMatterWhereTheBuilderWins() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml("general_settings: {database_url: os.environ/NO_SUCH_URL}", "p.yaml")
                .environment(Map.of())
                .connection(connection -> connection.databaseUrl("postgresql://c/d"))
                .build();

        assertThat(settings.requireDatabaseUrl().jdbcUrl()).isEqualTo("jdbc:postgresql://c/d");
    }

    @Test
    void theFilesOwnVariablesStandBehindTheRealOnes() {
        LlmDbSettings.Builder builder = LlmDbSettings.builder().yaml("""
                        environment_variables:
                          MY_SCHEMA: from_file
                          STORE_MODEL_IN_DB: true
                          LITELLM_SALT_KEY: 0123456789abcdef
                        llmdb:
                          schema: os.environ/MY_SCHEMA
                        """, "p.yaml");

        LlmDbSettings settings = builder.environment(Map.of()).build();
        assertThat(settings.connection().schema()).isEqualTo("from_file");
        assertThat(settings.models().storeModelInDb()).isTrue();
        assertThat(settings.effective())
                .extracting(EffectiveSetting::toString)
                .contains("general_settings.store_model_in_db = true (p.yaml:3 (environment STORE_MODEL_IN_DB))");
        assertThat(builder.environment(Map.of("MY_SCHEMA", "from_environment"))
                        .build()
                        .connection()
                        .schema())
                .isEqualTo("from_environment");
    }

    @Test
    void theEnvironmentIsReadOnlyWhereItIsAskedFor() {
        // The test's own process has a PATH, so the process's environment is what references are looked up in.
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml("llmdb: {journal_directory: os.environ/PATH, delivery_mode: journal}", "p.yaml")
                .build();

        assertThat(settings.delivery().journalDirectory()).isEqualTo(Path.of(System.getenv("PATH")));
    }

    @Test
    void theDatabaseInParts() {
        Map<String, String> parts = Map.of(
                "DATABASE_HOST", "db.example.com",
                "DATABASE_PORT", "6432",
                "DATABASE_USERNAME", "me",
                "DATABASE_PASSWORD", "p@ss/w:rd%",
                "DATABASE_NAME", "llm");

        DatabaseUrl url = LlmDbSettings.builder().environment(parts).build().requireDatabaseUrl();

        assertThat(url.jdbcUrl()).isEqualTo("jdbc:postgresql://db.example.com:6432/llm");
        assertThat(url.user()).isEqualTo("me");
        assertThat(url.password()).isEqualTo(Secret.of("p@ss/w:rd%"));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {"new-new-new-new-, old-old-old-old-, new-new-new-new-", "-, old-old-old-old-, old-old-old-old-"})
    void theSaltKey(String ours, String theirs, String expected) {
        Map<String, String> environment = ours == null
                ? Map.of("LITELLM_SALT_KEY", theirs)
                : Map.of("LLMDB_SALT_KEY", ours, "LITELLM_SALT_KEY", theirs);

        assertThat(LlmDbSettings.builder()
                        .environment(environment)
                        .build()
                        .models()
                        .saltKey())
                .isEqualTo(Secret.of(expected));
    }

    @Test
    void anIncludedFilesSectionTakesThePlaceOfTheSameSection(@TempDir Path directory) throws Exception {
        Path main = Files.writeString(
                directory.resolve("proxy_config.yaml"),
                "include:\n  - more/general.yaml\ngeneral_settings:\n  disable_spend_logs: true\nllmdb:\n  schema: main\n");
        Files.createDirectory(directory.resolve("more"));
        Files.writeString(directory.resolve("more/general.yaml"), "general_settings:\n  disable_error_logs: true\n");

        LlmDbSettings settings =
                LlmDbSettings.builder().yaml(main).environment(Map.of()).build();

        assertThat(settings.logs().disableSpendLogs()).isFalse();
        assertThat(settings.logs().disableErrorLogs()).isTrue();
        assertThat(settings.connection().schema()).isEqualTo("main");
        assertThat(settings.effective())
                .extracting(EffectiveSetting::toString)
                .contains("general_settings.disable_error_logs = true (more/general.yaml:2)");
    }

    @Test
    void anchorsAndMergesAreFollowed() {
        LlmDbSettings settings = yaml("""
                x-defaults: &defaults
                  disable_spend_logs: true
                  disable_error_logs: true
                general_settings:
                  <<: *defaults
                  disable_error_logs: false
                x-limit: &limit 7
                llm_settings:
                  max_budget: *limit
                """);

        assertThat(settings.logs().disableSpendLogs()).isTrue();
        assertThat(settings.logs().disableErrorLogs()).isFalse();
        assertThat(settings.budgets().maxBudget()).isEqualByComparingTo("7");
        assertThat(settings.effective())
                .extracting(EffectiveSetting::toString)
                .contains("general_settings.disable_spend_logs = true (p.yaml:2)");
    }

    @Test
    void readersAndByteOrderMarks(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("bom.yaml"), "\uFEFFllmdb: {schema: with_bom}\n");

        assertThat(LlmDbSettings.fromYaml(file).connection().schema()).isEqualTo("with_bom");
        assertThat(LlmDbSettings.fromYaml(new StringReader("llmdb: {schema: read}"), "r")
                        .connection()
                        .schema())
                .isEqualTo("read");
    }

    private static LlmDbSettings yaml(String text) {
        return LlmDbSettings.builder()
                .yaml(text, "p.yaml")
                .environment(Map.of())
                .build();
    }
}
