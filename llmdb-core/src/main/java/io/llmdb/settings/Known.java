package io.llmdb.settings;

import io.llmdb.budgets.UnknownPrice;
import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.WhenFull;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Every setting there is; the only place that knows their names. */
final class Known {

    // ConnectionSettings

    static final Setting<DatabaseUrl> DATABASE_URL = Setting.optional(
                    Section.GENERAL, "database_url", Types.databaseUrl(), null)
            .orFrom("DATABASE_URL");

    static final Setting<Integer> POOL_LIMIT = Setting.of(
            Section.GENERAL,
            "database_connection_pool_limit",
            Types.number(1, 10_000),
            ConnectionSettings.DEFAULT_POOL_LIMIT);

    static final Setting<Duration> CONNECTION_TIMEOUT = Setting.of(
            Section.GENERAL,
            "database_connection_timeout",
            Types.seconds(Duration.ofMillis(250), Duration.ofHours(1)),
            ConnectionSettings.DEFAULT_CONNECTION_TIMEOUT);

    static final Setting<String> SCHEMA =
            Setting.of(Section.LLMDB, "schema", Types.schemaName(), ConnectionSettings.DEFAULT_SCHEMA);

    static final Setting<Duration> STATEMENT_TIMEOUT = Setting.optional(
            Section.LLMDB,
            "statement_timeout",
            Types.duration(Duration.ofSeconds(1), Duration.ofDays(1)),
            ConnectionSettings.DEFAULT_STATEMENT_TIMEOUT);

    // LogSettings

    static final Setting<Boolean> DISABLE_SPEND_LOGS =
            Setting.of(Section.GENERAL, "disable_spend_logs", Types.flag(), LogSettings.DEFAULT_DISABLE_SPEND_LOGS);

    static final Setting<Boolean> DISABLE_ERROR_LOGS =
            Setting.of(Section.GENERAL, "disable_error_logs", Types.flag(), LogSettings.DEFAULT_DISABLE_ERROR_LOGS);

    static final Setting<Boolean> DISABLE_SPEND_UPDATES = Setting.of(
            Section.GENERAL, "disable_spend_updates", Types.flag(), LogSettings.DEFAULT_DISABLE_SPEND_UPDATES);

    static final Setting<Boolean> STORE_PROMPTS =
            Setting.of(Section.GENERAL, "store_prompts_in_spend_logs", Types.flag(), LogSettings.DEFAULT_STORE_PROMPTS);

    static final Setting<BudgetDuration> RETENTION_PERIOD =
            Setting.optional(Section.GENERAL, "maximum_spend_logs_retention_period", Types.period(), null);

    static final Setting<Duration> RETENTION_INTERVAL = Setting.of(
            Section.GENERAL,
            "maximum_spend_logs_retention_interval",
            Types.duration(Duration.ofSeconds(1), Duration.ofDays(366)),
            LogSettings.DEFAULT_RETENTION_INTERVAL);

    static final Setting<BudgetDuration> PROMPTS_RETENTION_PERIOD =
            Setting.optional(Section.LLMDB, "prompts_retention_period", Types.period(), null);

    static final Setting<BudgetDuration> ERROR_LOGS_RETENTION_PERIOD =
            Setting.optional(Section.LLMDB, "error_logs_retention_period", Types.period(), null);

    static final Setting<BudgetDuration> AUDIT_LOGS_RETENTION_PERIOD =
            Setting.optional(Section.LLMDB, "audit_logs_retention_period", Types.period(), null);

    static final Setting<BudgetDuration> RECEIPTS_RETENTION_PERIOD =
            Setting.optional(Section.LLMDB, "receipts_retention_period", Types.period(), null);

    // DeliverySettings

    static final Setting<DeliveryMode> DELIVERY_MODE =
            Setting.of(Section.LLMDB, "delivery_mode", Types.choice(DeliveryMode.class), DeliverySettings.DEFAULT_MODE);

    static final Setting<Path> JOURNAL_DIRECTORY =
            Setting.optional(Section.LLMDB, "journal_directory", Types.directory(), null);

    static final Setting<Long> MAX_JOURNAL_BYTES = Setting.of(
            Section.LLMDB,
            "max_journal_bytes",
            Types.bytes(1L << 20, 1L << 50),
            DeliverySettings.DEFAULT_MAX_JOURNAL_BYTES);

    static final Setting<Integer> MAX_QUEUED_ROWS = Setting.of(
            Section.LLMDB, "max_queued_rows", Types.number(1, 100_000_000), DeliverySettings.DEFAULT_MAX_QUEUED_ROWS);

    static final Setting<Long> MAX_QUEUED_BYTES = Setting.of(
            Section.LLMDB,
            "max_queued_bytes",
            Types.bytes(64L << 10, 1L << 40),
            DeliverySettings.DEFAULT_MAX_QUEUED_BYTES);

    static final Setting<WhenFull> FULL_QUEUE_POLICY = Setting.of(
            Section.LLMDB,
            "full_queue_policy",
            Types.choice(WhenFull.class),
            DeliverySettings.DEFAULT_FULL_QUEUE_POLICY);

    static final Setting<Duration> FULL_QUEUE_BLOCK_TIME = Setting.of(
            Section.LLMDB,
            "full_queue_block_time",
            Types.duration(Duration.ofMillis(1), Duration.ofHours(1)),
            DeliverySettings.DEFAULT_FULL_QUEUE_BLOCK_TIME);

    static final Setting<Duration> LONGEST_WAIT = Setting.of(
                    Section.GENERAL,
                    "proxy_batch_write_at",
                    Types.seconds(Duration.ofMillis(1), Duration.ofHours(1)),
                    DeliverySettings.DEFAULT_LONGEST_WAIT)
            .orFrom("PROXY_BATCH_WRITE_AT");

    static final Setting<Integer> MAX_BATCH_ROWS = Setting.of(
            Section.LLMDB, "max_batch_rows", Types.number(1, 1_000_000), DeliverySettings.DEFAULT_MAX_BATCH_ROWS);

    // BudgetSettings

    static final Setting<BigDecimal> MAX_BUDGET = Setting.optional(Section.LLM, "max_budget", Types.money(), null);

    static final Setting<BudgetDuration> BUDGET_DURATION =
            Setting.optional(Section.LLM, "budget_duration", Types.period(), null);

    static final Setting<BigDecimal> SOFT_BUDGET = Setting.optional(Section.LLMDB, "soft_budget", Types.money(), null);

    static final Setting<ZoneId> TIME_ZONE =
            Setting.of(Section.LLM, "timezone", Types.zone(), BudgetSettings.DEFAULT_TIME_ZONE);

    static final Setting<LocalTime> RESET_TIME =
            Setting.of(Section.LLM, "budget_reset_time", Types.timeOfDay(), BudgetSettings.DEFAULT_RESET_TIME);

    static final Setting<Boolean> ROLLOVER =
            Setting.of(Section.LLM, "budget_rollover", Types.flag(), BudgetSettings.DEFAULT_ROLLOVER);

    static final Setting<String> END_USER_BUDGET_ID =
            Setting.optional(Section.LLM, "max_end_user_budget_id", Types.text(), null);

    static final Setting<Boolean> COUNT_USER_BUDGET_ON_TEAM_KEYS = Setting.of(
            Section.LLMDB,
            "count_user_budget_on_team_keys",
            Types.flag(),
            BudgetSettings.DEFAULT_COUNT_USER_BUDGET_ON_TEAM_KEYS);

    static final Setting<UnknownPrice> UNKNOWN_PRICE_POLICY = Setting.of(
            Section.LLMDB,
            "unknown_price_policy",
            Types.choice(UnknownPrice.class),
            BudgetSettings.DEFAULT_UNKNOWN_PRICE_POLICY);

    static final Setting<BigDecimal> UNKNOWN_PRICE =
            Setting.optional(Section.LLMDB, "unknown_price", Types.money(), null);

    static final Setting<Boolean> ALLOW_ON_DB_UNAVAILABLE = Setting.of(
            Section.GENERAL,
            "allow_requests_on_db_unavailable",
            Types.flag(),
            BudgetSettings.DEFAULT_ALLOW_REQUESTS_ON_DB_UNAVAILABLE);

    static final Setting<Duration> LEASE_TIME = Setting.of(
            Section.LLMDB,
            "lease_time",
            Types.duration(Duration.ofSeconds(2), Duration.ofHours(1)),
            BudgetSettings.DEFAULT_LEASE_TIME);

    static final Setting<Duration> RESERVATION_TIME = Setting.of(
            Section.LLMDB,
            "reservation_time",
            Types.duration(Duration.ofSeconds(1), Duration.ofDays(7)),
            BudgetSettings.DEFAULT_RESERVATION_TIME);

    static final Setting<Duration> RESCHEDULER_MIN_TIME = Setting.of(
                    Section.GENERAL,
                    "proxy_budget_rescheduler_min_time",
                    Types.seconds(Duration.ofSeconds(1), Duration.ofDays(1)),
                    BudgetSettings.DEFAULT_RESCHEDULER_MIN_TIME)
            .orFrom("PROXY_BUDGET_RESCHEDULER_MIN_TIME");

    static final Setting<Duration> RESCHEDULER_MAX_TIME = Setting.of(
                    Section.GENERAL,
                    "proxy_budget_rescheduler_max_time",
                    Types.seconds(Duration.ofSeconds(1), Duration.ofDays(1)),
                    BudgetSettings.DEFAULT_RESCHEDULER_MAX_TIME)
            .orFrom("PROXY_BUDGET_RESCHEDULER_MAX_TIME");

    // CacheSettings

    static final Setting<Integer> CALLER_CACHE_SIZE = Setting.of(
            Section.LLMDB, "caller_cache_size", Types.number(0, 100_000_000), CacheSettings.DEFAULT_CALLER_SIZE);

    static final Setting<Duration> CALLER_CACHE_AGE = Setting.of(
            Section.LLMDB,
            "caller_cache_age",
            Types.duration(Duration.ZERO, Duration.ofDays(1)),
            CacheSettings.DEFAULT_CALLER_AGE);

    static final Setting<Integer> UNKNOWN_KEY_CACHE_SIZE = Setting.of(
            Section.LLMDB,
            "unknown_key_cache_size",
            Types.number(0, 100_000_000),
            CacheSettings.DEFAULT_UNKNOWN_KEY_SIZE);

    static final Setting<Duration> UNKNOWN_KEY_CACHE_AGE = Setting.of(
            Section.LLMDB,
            "unknown_key_cache_age",
            Types.duration(Duration.ZERO, Duration.ofHours(1)),
            CacheSettings.DEFAULT_UNKNOWN_KEY_AGE);

    static final Setting<Duration> CHANGE_POLL_INTERVAL = Setting.of(
            Section.LLMDB,
            "change_poll_interval",
            Types.duration(Duration.ofMillis(10), Duration.ofMinutes(1)),
            CacheSettings.DEFAULT_CHANGE_POLL_INTERVAL);

    // ModelSettings

    static final Setting<Boolean> STORE_MODEL_IN_DB = Setting.of(
                    Section.GENERAL, "store_model_in_db", Types.flag(), ModelSettings.DEFAULT_STORE_MODEL_IN_DB)
            .orFrom("STORE_MODEL_IN_DB");

    static final Setting<Secret> SALT_KEY = Setting.optional(Section.ENVIRONMENT, "salt_key", Types.secret(), null)
            .orFrom("LITELLM_SALT_KEY");

    static final Setting<Secret> EARLIER_SALT_KEY =
            Setting.optional(Section.ENVIRONMENT, "earlier_salt_key", Types.secret(), null);

    // AuditSettings

    static final Setting<Boolean> STORE_AUDIT_LOGS =
            Setting.of(Section.LLM, "store_audit_logs", Types.flag(), AuditSettings.DEFAULT_STORE_AUDIT_LOGS);

    /** All of them, in the order in which they are shown. */
    static final List<Setting<?>> ALL = List.of(
            DATABASE_URL,
            POOL_LIMIT,
            CONNECTION_TIMEOUT,
            SCHEMA,
            STATEMENT_TIMEOUT,
            DISABLE_SPEND_LOGS,
            DISABLE_ERROR_LOGS,
            DISABLE_SPEND_UPDATES,
            STORE_PROMPTS,
            RETENTION_PERIOD,
            RETENTION_INTERVAL,
            PROMPTS_RETENTION_PERIOD,
            ERROR_LOGS_RETENTION_PERIOD,
            AUDIT_LOGS_RETENTION_PERIOD,
            RECEIPTS_RETENTION_PERIOD,
            DELIVERY_MODE,
            JOURNAL_DIRECTORY,
            MAX_JOURNAL_BYTES,
            MAX_QUEUED_ROWS,
            MAX_QUEUED_BYTES,
            FULL_QUEUE_POLICY,
            FULL_QUEUE_BLOCK_TIME,
            LONGEST_WAIT,
            MAX_BATCH_ROWS,
            MAX_BUDGET,
            BUDGET_DURATION,
            SOFT_BUDGET,
            TIME_ZONE,
            RESET_TIME,
            ROLLOVER,
            END_USER_BUDGET_ID,
            COUNT_USER_BUDGET_ON_TEAM_KEYS,
            UNKNOWN_PRICE_POLICY,
            UNKNOWN_PRICE,
            ALLOW_ON_DB_UNAVAILABLE,
            LEASE_TIME,
            RESERVATION_TIME,
            RESCHEDULER_MIN_TIME,
            RESCHEDULER_MAX_TIME,
            CALLER_CACHE_SIZE,
            CALLER_CACHE_AGE,
            UNKNOWN_KEY_CACHE_SIZE,
            UNKNOWN_KEY_CACHE_AGE,
            CHANGE_POLL_INTERVAL,
            STORE_MODEL_IN_DB,
            SALT_KEY,
            EARLIER_SALT_KEY,
            STORE_AUDIT_LOGS);

    private Known() {}

    /** The names of a section's settings. */
    static List<String> names(Section section) {
        return ALL.stream()
                .filter(setting -> setting.section() == section)
                .map(Setting::name)
                .toList();
    }

    static @Nullable Setting<?> named(Section section, String name) {
        for (Setting<?> setting : ALL) {
            if (setting.section() == section && setting.name().equals(name)) {
                return setting;
            }
        }
        return null;
    }

    /** The setting of this name wherever it belongs. */
    static @Nullable Setting<?> named(String name) {
        for (Setting<?> setting : ALL) {
            if (setting.name().equals(name)) {
                return setting;
            }
        }
        return null;
    }
}
