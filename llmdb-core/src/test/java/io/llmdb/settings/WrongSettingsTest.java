package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;

/** Every wrong setting gives the error that a person would want: which, its value, where, and what is allowed. */
class WrongSettingsTest {

    private static final String BOOLEAN = "must be true or false";

    static final List<Arguments> WRONG_LINES = List.of(
            // booleans
            wrong("general_settings", "disable_spend_logs: maybe", "\"maybe\" " + BOOLEAN),
            wrong("general_settings", "disable_spend_logs: 1", "\"1\" " + BOOLEAN),
            wrong("general_settings", "disable_error_logs: \"\"", "\"\" " + BOOLEAN),
            wrong("general_settings", "disable_spend_updates: [true]", BOOLEAN + ", but is a list"),
            wrong("general_settings", "store_model_in_db: {enabled: true}", BOOLEAN + ", but is a mapping"),
            wrong("general_settings", "store_prompts_in_spend_logs: none", "\"none\" " + BOOLEAN),
            wrong("general_settings", "allow_requests_on_db_unavailable: ja", "\"ja\" " + BOOLEAN),
            wrong("litellm_settings", "store_audit_logs: tru", "\"tru\" " + BOOLEAN),
            wrong("llm_settings", "budget_rollover: 0", "\"0\" " + BOOLEAN),
            wrong("llmdb", "count_user_budget_on_team_keys: both", "\"both\" " + BOOLEAN),
            // whole numbers
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: 0",
                    "\"0\" must be a whole number from 1 to 10000"),
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: -5",
                    "\"-5\" must be a whole number from 1 to 10000"),
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: 10.5",
                    "\"10.5\" must be a whole number from 1 to 10000"),
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: ten",
                    "\"ten\" must be a whole number from 1 to 10000"),
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: true",
                    "\"true\" must be a whole number from 1 to 10000"),
            wrong(
                    "general_settings",
                    "database_connection_pool_limit: 99999999999999999999",
                    "\"99999999999999999999\" must be a whole number from 1 to 10000"),
            wrong("llmdb", "max_queued_rows: 0", "\"0\" must be a whole number from 1 to 100000000"),
            wrong("llmdb", "max_batch_rows: 2000000", "\"2000000\" must be a whole number from 1 to 1000000"),
            wrong("llmdb", "caller_cache_size: -1", "\"-1\" must be a whole number from 0 to 100000000"),
            wrong("llmdb", "unknown_key_cache_size: lots", "\"lots\" must be a whole number from 0 to 100000000"),
            // sizes
            wrong("llmdb", "max_queued_bytes: 64 megs", "\"64 megs\" must be a size from 64KiB to 1024GiB"),
            wrong("llmdb", "max_queued_bytes: 10", "\"10\" must be a size from 64KiB to 1024GiB"),
            wrong("llmdb", "max_journal_bytes: 99999999999999999GB", "must be a size from 1MiB to 1048576GiB"),
            wrong("llmdb", "max_journal_bytes: -1GiB", "\"-1GiB\" must be a size"),
            // lengths of time
            wrong(
                    "general_settings",
                    "database_connection_timeout: 0",
                    "\"0\" must be a number of seconds or a duration"),
            wrong(
                    "general_settings",
                    "database_connection_timeout: -1",
                    "\"-1\" must be a number of seconds or a duration"),
            wrong("general_settings", "database_connection_timeout: 2h", "from 250ms to 1h"),
            wrong(
                    "general_settings",
                    "database_connection_timeout: soon",
                    "\"soon\" must be a number of seconds or a duration"),
            wrong(
                    "general_settings",
                    "proxy_batch_write_at: 10 s",
                    "\"10 s\" must be a number of seconds or a duration"),
            wrong(
                    "general_settings",
                    "proxy_batch_write_at: 1.2345",
                    "\"1.2345\" must be a number of seconds or a duration"),
            wrong(
                    "llmdb",
                    "lease_time: 30",
                    "\"30\" has no unit; must be a duration such as 500ms, 30s, 15m or 12h, from 2s to 1h"),
            wrong(
                    "llmdb",
                    "lease_time: 500ms",
                    "\"500ms\" must be a duration such as 500ms, 30s, 15m or 12h, from 2s to 1h"),
            wrong("llmdb", "lease_time: 0s", "from 2s to 1h"),
            wrong("llmdb", "lease_time: 30sec", "\"30sec\" must be a duration"),
            wrong("llmdb", "reservation_time: 8d", "from 1s to 7d"),
            wrong("llmdb", "statement_timeout: 1.5s", "\"1.5s\" must be a duration"),
            wrong("llmdb", "statement_timeout: 999ms", "from 1s to 1d"),
            wrong("llmdb", "full_queue_block_time: none", "\"none\" must be a duration"),
            wrong("llmdb", "change_poll_interval: 2m", "from 10ms to 1m"),
            wrong("llmdb", "caller_cache_age: 999999999999w", "from 0s to 1d"),
            wrong("general_settings", "maximum_spend_logs_retention_interval: true", "\"true\" must be a duration"),
            // periods of the calendar
            wrong(
                    "general_settings",
                    "maximum_spend_logs_retention_period: 30",
                    "\"30\" must be a whole number of at least 1 with s, m, h, d, w or mo"),
            wrong(
                    "general_settings",
                    "maximum_spend_logs_retention_period: 0d",
                    "\"0d\" must be a whole number of at least 1"),
            wrong(
                    "general_settings",
                    "maximum_spend_logs_retention_period: -7d",
                    "\"-7d\" must be a whole number of at least 1"),
            wrong(
                    "general_settings",
                    "maximum_spend_logs_retention_period: 30 days",
                    "\"30 days\" must be a whole number of at least 1"),
            wrong("litellm_settings", "budget_duration: monthly", "\"monthly\" must be a whole number of at least 1"),
            wrong("litellm_settings", "budget_duration: 500ms", "\"500ms\" must be a whole number of at least 1"),
            wrong("llm_settings", "budget_duration: 99999999y", "\"99999999y\" must be a whole number of at least 1"),
            wrong("llmdb", "prompts_retention_period: 1M", "\"1M\" must be a whole number of at least 1"),
            wrong("llmdb", "error_logs_retention_period: 999999mo", "not longer than a thousand years"),
            wrong("llmdb", "audit_logs_retention_period: false", "\"false\" must be a whole number of at least 1"),
            // money
            wrong("litellm_settings", "max_budget: -1", "\"-1\" must be an amount of at least 0"),
            wrong("litellm_settings", "max_budget: $100", "\"$100\" must be an amount of at least 0"),
            wrong("litellm_settings", "max_budget: .nan", "\".nan\" must be an amount of at least 0"),
            wrong("litellm_settings", "max_budget: 1e40", "at most 30 digits before the point"),
            wrong(
                    "litellm_settings",
                    "max_budget: {monthly: 100}",
                    "must be an amount of at least 0, such as 100 or 0.25, but is a mapping"),
            wrong("llmdb", "soft_budget: 1,000", "\"1,000\" must be an amount of at least 0"),
            wrong("llmdb", "unknown_price: free", "\"free\" must be an amount of at least 0"),
            // names, zones, times
            wrong(
                    "litellm_settings",
                    "timezone: Europe/Berln",
                    "\"Europe/Berln\" must be a time zone of the IANA database, such as UTC or "
                            + "Europe/Berlin; did you mean Europe/Berlin?"),
            wrong("litellm_settings", "timezone: \"+02:00\"", "\"+02:00\" must be a time zone of the IANA database"),
            wrong("litellm_settings", "timezone: CEST", "\"CEST\" must be a time zone of the IANA database"),
            wrong(
                    "litellm_settings",
                    "budget_reset_time: noon",
                    "\"noon\" must be a time of day from 00:00 to 23:59:59, such as \"06:30\""),
            wrong("litellm_settings", "budget_reset_time: 24:00", "\"24:00\" must be a time of day"),
            wrong("litellm_settings", "budget_reset_time: 720", "\"720\" must be a time of day"),
            wrong("litellm_settings", "max_end_user_budget_id: true", "\"true\" must be a text of 1 to 255 characters"),
            wrong(
                    "litellm_settings",
                    "max_end_user_budget_id: [a, b]",
                    "must be a text of 1 to 255 characters, but is a list"),
            wrong("llmdb", "schema: 2many", "\"2many\" must be a schema name: a letter or underscore"),
            wrong("llmdb", "schema: pg_llmdb", "\"pg_llmdb\" must be a schema name"),
            wrong("llmdb", "schema: 'a\"; DROP TABLE x; --'", "must be a schema name"),
            wrong("llmdb", "schema: \"\"", "\"\" must be a schema name"),
            // choices
            wrong("llmdb", "delivery_mode: async", "\"async\" must be one of booked, synchronous, journal, memory"),
            wrong("llmdb", "delivery_mode: true", "\"true\" must be one of booked, synchronous, journal, memory"),
            wrong("llmdb", "full_queue_policy: drop", "\"drop\" must be one of block, refuse, spill"),
            wrong("llmdb", "unknown_price_policy: zero", "\"zero\" must be one of refuse, allow, fixed"),
            // values elsewhere
            wrong(
                    "general_settings",
                    "database_url: os.environ/NO_SUCH_URL",
                    "\"os.environ/NO_SUCH_URL\" names an environment variable that is not set"),
            wrong(
                    "general_settings",
                    "database_url: os.environ/EMPTY",
                    "\"os.environ/EMPTY\" names an environment variable that is empty"),
            wrong("general_settings", "database_url: [a]", "but is a list"),
            wrong("general_settings", "disable_spend_logs: os.environ/WORD", "\"word\" " + BOOLEAN),
            // settings that do not go together
            wrong("llmdb", "delivery_mode: journal", "\"journal\" needs llmdb.journal_directory"),
            wrong("llmdb", "full_queue_policy: spill", "\"spill\" needs llmdb.journal_directory"),
            wrong("llmdb", "unknown_price_policy: fixed", "\"fixed\" needs llmdb.unknown_price"),
            wrong(
                    "llmdb",
                    "max_batch_rows: 200000",
                    "llmdb.max_batch_rows 200000 must be at most llmdb.max_queued_rows 100000"),
            wrong(
                    "general_settings",
                    "proxy_budget_rescheduler_max_time: 60",
                    "proxy_budget_rescheduler_min_time 597s must be at most general_settings.proxy_budget_rescheduler_max_time 1m"));

    private static Arguments wrong(String section, String line, String message) {
        return Arguments.of(section, line, message);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @FieldSource("WRONG_LINES")
    void wrongLine(String section, String line, String message) {
        InvalidSettingsException wrong = refused("model_list: []\n" + section + ":\n  " + line + "\n");

        assertThat(wrong.problems()).singleElement().satisfies(problem -> {
            String name = line.substring(0, line.indexOf(':'));
            String source = line.contains("WORD") || line.contains("os.environ/W") ? " (environment WORD)" : "";
            // What does not go together is told by the setting's usual name.
            assertThat(problem.toString())
                    .startsWith("proxy.yaml:3" + source + ": ")
                    .contains("." + name + ": ")
                    .contains(message);
            assertThat(problem.source().line()).isEqualTo(3);
        });
        assertThat(wrong).hasMessageContaining(message);
    }

    static final List<Arguments> WRONG_VARIABLES = List.of(
            Arguments.of(
                    "LLMDB_LEASE_TIME", "30", "environment LLMDB_LEASE_TIME: llmdb.lease_time: \"30\" has no unit"),
            Arguments.of(
                    "STORE_MODEL_IN_DB",
                    "1",
                    "environment STORE_MODEL_IN_DB: general_settings.store_model_in_db: \"1\" " + BOOLEAN),
            Arguments.of(
                    "PROXY_BATCH_WRITE_AT",
                    "often",
                    "environment PROXY_BATCH_WRITE_AT: general_settings.proxy_batch_write_at: \"often\" must be"),
            Arguments.of(
                    "DATABASE_URL",
                    "mysql://root:hush@db/x",
                    "environment DATABASE_URL: general_settings.database_url: \"mysql://***@db/x\" must be like"),
            Arguments.of(
                    "LLMDB_TIMEZONE",
                    "Mars/Olympus",
                    "environment LLMDB_TIMEZONE: llm_settings.timezone: \"Mars/Olympus\" must be"));

    @ParameterizedTest(name = "{0}={1}")
    @FieldSource("WRONG_VARIABLES")
    void wrongVariable(String variable, String value, String message) {
        InvalidSettingsException wrong = refused(LlmDbSettings.builder().environment(Map.of(variable, value)));

        assertThat(wrong.problems())
                .singleElement()
                .satisfies(problem -> assertThat(problem.toString()).startsWith(message));
    }

    static final List<Arguments> WRONG_CALLS = List.of(
            call(
                    "pool of none",
                    builder -> builder.connection(c -> c.poolLimit(0)),
                    "database_connection_pool_limit: \"0\" must be a whole number"),
            call(
                    "no time to connect",
                    builder -> builder.connection(c -> c.connectionTimeout(Duration.ZERO)),
                    "database_connection_timeout: \"0s\" must be"),
            call(
                    "schema",
                    builder -> builder.connection(c -> c.schema("no space")),
                    "llmdb.schema: \"no space\" must be"),
            call(
                    "URL",
                    builder -> builder.connection(c -> c.databaseUrl("db.example.com")),
                    "database_url: \"db.example.com\" must be like"),
            call(
                    "negative budget",
                    builder -> builder.budgets(b -> b.maxBudget(new BigDecimal("-0.01"))),
                    "max_budget: \"-0.01\" must be"),
            call(
                    "zone by offset",
                    builder -> builder.budgets(b -> b.timeZone(ZoneOffset.ofHours(2))),
                    "timezone: \"+02:00\" must be"),
            call(
                    "time with nanoseconds",
                    builder -> builder.budgets(b -> b.resetTime(LocalTime.of(1, 2, 3, 4))),
                    "budget_reset_time: \"01:02:03.000000004\" must be a time of day in whole seconds"),
            call(
                    "blank secret",
                    builder -> builder.models(m -> m.saltKey(Secret.of("  "))),
                    "salt_key: \"***\" must be a secret"),
            call(
                    "models without a key",
                    builder -> builder.models(m -> m.storeModelInDb(true)),
                    "store_model_in_db: \"true\" is on, but neither LLMDB_SALT_KEY nor LITELLM_SALT_KEY is set"),
            call(
                    "nothing but the earlier key",
                    builder -> builder.models(m -> m.earlierSaltKey(Secret.of("0123456789abcdef"))),
                    "earlier_salt_key: \"***\" decrypts only: set LLMDB_SALT_KEY"),
            call(
                    "short lease",
                    builder -> builder.budgets(b -> b.leaseTime(Duration.ofNanos(5))),
                    "llmdb.lease_time: \"PT0.000000005S\" must be a duration"),
            call(
                    "tiny queue",
                    builder -> builder.delivery(d -> d.maxQueuedBytes(-1)),
                    "llmdb.max_queued_bytes: \"-1B\" must be a size"));

    private static Arguments call(String what, Consumer<LlmDbSettings.Builder> call, String message) {
        return Arguments.of(what, call, message);
    }

    @ParameterizedTest(name = "{0}")
    @FieldSource("WRONG_CALLS")
    void wrongCall(String what, Consumer<LlmDbSettings.Builder> call, String message) {
        LlmDbSettings.Builder builder = LlmDbSettings.builder();
        call.accept(builder);

        assertThat(refused(builder).problems())
                .singleElement()
                .satisfies(problem ->
                        assertThat(problem.toString()).startsWith("builder: ").contains(message));
    }

    static final List<Arguments> WRONG_FILES = List.of(
            Arguments.of("general_settings:\n  a: [1, 2\n", "proxy.yaml:3: is not valid YAML: "),
            Arguments.of("general_settings:\n\tdisable_spend_logs: true\n", "proxy.yaml:2: is not valid YAML: "),
            Arguments.of("general_settings: {}\n---\nllmdb: {}\n", "proxy.yaml:2: is not valid YAML: "),
            Arguments.of(
                    "llmdb: &me {<<: *me}\n",
                    "proxy.yaml:1: is not valid YAML: an alias stands within what it is an alias of"),
            Arguments.of("llmdb:\n  <<: 5\n", "proxy.yaml:3: is not valid YAML: Expected mapping node"),
            Arguments.of(
                    "x: 1\nllmdb: {schema: \"\b\"}\n",
                    "proxy.yaml:2: is not valid YAML: it must not contain the character U+0008"),
            Arguments.of("general_settings: *base\n", "proxy.yaml:1: is not valid YAML: "),
            Arguments.of(
                    "- general_settings\n",
                    "proxy.yaml:1: must be a mapping of sections such as general_settings, but is a list"),
            Arguments.of(
                    "just text\n",
                    "proxy.yaml:1: must be a mapping of sections such as general_settings, but is a single value"),
            Arguments.of(
                    "general_settings:\n  - disable_spend_logs: true\n",
                    "proxy.yaml:1: general_settings: must be a mapping of names to values, but is a list"),
            Arguments.of(
                    "llmdb: on\n", "proxy.yaml:1: llmdb: must be a mapping of names to values, but is a single value"),
            Arguments.of(
                    "general_settings: {}\nllmdb: {}\ngeneral_settings: {}\n",
                    "proxy.yaml:3: general_settings: stands twice, first in line 1"),
            Arguments.of(
                    "llmdb:\n  schema: a\n  lease_time: 30s\n  schema: a\n",
                    "proxy.yaml:4: llmdb.schema: stands twice, first in line 2"),
            Arguments.of(
                    "include: model_config.yaml\n",
                    "proxy.yaml:1: include: must be a list of files, but is a single value"));

    @ParameterizedTest
    @FieldSource("WRONG_FILES")
    void wrongFile(String yaml, String message) {
        assertThat(refused(yaml).problems())
                .singleElement()
                .satisfies(problem -> assertThat(problem.toString()).startsWith(message));
    }

    @Test
    void everythingWrongIsToldAtOnceInTheOrderOfTheFile() {
        InvalidSettingsException wrong = refused(LlmDbSettings.builder()
                .yaml("""
                                llmdb:
                                  lease_tiem: 30s
                                  delivery_mode: quick
                                  full_queue_policy: spill
                                litellm_settings:
                                  max_budget: -3
                                general_settings:
                                  disable_spend_logs: nope
                                  database_url: postgresql://me:hush@db:port/llm
                                """, "proxy.yaml")
                .environment(Map.of("LLMDB_TIMEZONE", "Nowhere"))
                .caches(caches -> caches.callerSize(-1)));

        assertThat(wrong.problems())
                .extracting(problem -> problem.source() + " " + problem.setting())
                .containsExactly(
                        "proxy.yaml:3 llmdb.delivery_mode",
                        "proxy.yaml:6 litellm_settings.max_budget",
                        "proxy.yaml:8 general_settings.disable_spend_logs",
                        "proxy.yaml:9 general_settings.database_url",
                        "environment LLMDB_TIMEZONE llm_settings.timezone",
                        "builder llmdb.caller_cache_size");
        assertThat(wrong)
                .hasMessageStartingWith(
                        "6 settings are wrong:\n  - proxy.yaml:3: llmdb.delivery_mode: \"quick\" must be one of ")
                .hasMessageEndingWith(
                        "\nBeside that:\n  - proxy.yaml:2: llmdb.lease_tiem: is not a known setting; did you mean lease_time?")
                .hasMessageNotContaining("hush");
    }

    @Test
    void whatGoesWithAWrongSettingIsNotHeldAgainstIt() {
        // The directory's own mistake is the only one: nobody is told that it is not set.
        assertThat(refused("llmdb: {delivery_mode: journal, journal_directory: [a]}")
                        .problems())
                .hasSize(1);
        assertThat(refused("llmdb: {max_queued_rows: x, max_batch_rows: 500000}")
                        .problems())
                .hasSize(1);
        assertThat(refused("llmdb: {unknown_price_policy: fixed, unknown_price: x}")
                        .problems())
                .hasSize(1);
    }

    @Test
    void filesThatCannotBeRead(@TempDir Path directory) throws Exception {
        Path latin1 = Files.write(directory.resolve("latin1.yaml"), new byte[] {'a', ':', ' ', (byte) 0xe4});
        Path including = Files.writeString(directory.resolve("including.yaml"), "x: 1\ninclude:\n  - gone.yaml\n");

        assertThat(refused(LlmDbSettings.builder().yaml(directory.resolve("none.yaml"))))
                .hasMessage("A setting is wrong: none.yaml: "
                        + directory.resolve("none.yaml").toAbsolutePath() + " does not exist");
        assertThat(refused(LlmDbSettings.builder().yaml(directory)))
                .hasMessageContaining(directory + " is a directory");
        assertThat(refused(LlmDbSettings.builder().yaml(latin1))).hasMessageContaining("latin1.yaml is no UTF-8 text");
        assertThat(refused(LlmDbSettings.builder().yaml(including)))
                .hasMessageContaining("including.yaml:2: include: ")
                .hasMessageContaining("gone.yaml does not exist");
    }

    @Test
    void aSyntaxErrorShowsNoLineOfTheFile() {
        assertThat(refused("general_settings:\n  database_url: \"postgresql://me:hush@db/llm\n"))
                .hasMessageContaining("is not valid YAML")
                .hasMessageNotContaining("hush");
    }

    @Test
    void aMissingUrlIsToldWhenItIsNeeded() {
        LlmDbSettings settings = LlmDbSettings.builder().build();

        InvalidSettingsException wrong =
                catchThrowableOfType(InvalidSettingsException.class, settings::requireDatabaseUrl);
        assertThat(wrong)
                .hasMessageContaining("general_settings.database_url: is not set")
                .hasMessageContaining("DATABASE_URL");
    }

    private static InvalidSettingsException refused(String yaml) {
        return refused(
                LlmDbSettings.builder().yaml(yaml, "proxy.yaml").environment(Map.of("EMPTY", "", "WORD", "word")));
    }

    private static InvalidSettingsException refused(LlmDbSettings.Builder builder) {
        InvalidSettingsException wrong = catchThrowableOfType(InvalidSettingsException.class, builder::build);
        assertThat(wrong).as("refusal").isNotNull();
        return wrong;
    }
}
