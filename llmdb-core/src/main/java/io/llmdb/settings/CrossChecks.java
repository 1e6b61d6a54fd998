package io.llmdb.settings;

import io.llmdb.budgets.UnknownPrice;
import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.WhenFull;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is wrong or odd about settings together; where one of them is wrong by itself, that is enough to say. */
final class CrossChecks {

    /** More would break the promise that a change holds everywhere within a second. */
    private static final Duration LONGEST_GOOD_POLL = Duration.ofMillis(800);

    private static final int SHORTEST_GOOD_SALT_KEY = 16;

    private static final long SECONDS_OF_A_DAY = 86_400;

    private final Values values;
    private final List<SettingProblem> problems;
    private final List<SettingProblem> warnings;

    private CrossChecks(Values values, List<SettingProblem> problems, List<SettingProblem> warnings) {
        this.values = values;
        this.problems = problems;
        this.warnings = warnings;
    }

    static void run(Values values, List<SettingProblem> problems, List<SettingProblem> warnings) {
        CrossChecks checks = new CrossChecks(values, problems, warnings);
        checks.databaseUrl();
        checks.delivery();
        checks.budgets();
        checks.retention();
        checks.models();
        if (values.get(Known.CHANGE_POLL_INTERVAL).compareTo(LONGEST_GOOD_POLL) > 0) {
            checks.warn(
                    Known.CHANGE_POLL_INTERVAL,
                    "is so long that a change made on one instance may take longer than 1 s to hold on all");
        }
    }

    private void databaseUrl() {
        DatabaseUrl url = values.find(Known.DATABASE_URL);
        if (url != null) {
            url.notes()
                    .forEach(note -> warnings.add(new SettingProblem(
                            Known.DATABASE_URL.qualifiedName(), null, values.source(Known.DATABASE_URL), note)));
        }
    }

    private void delivery() {
        DeliveryMode mode = values.get(Known.DELIVERY_MODE);
        WhenFull policy = values.get(Known.FULL_QUEUE_POLICY);
        boolean hasDirectory = values.find(Known.JOURNAL_DIRECTORY) != null;
        boolean isBroken = values.isAnyBroken(Known.DELIVERY_MODE, Known.FULL_QUEUE_POLICY, Known.JOURNAL_DIRECTORY);
        if (!isBroken && !hasDirectory && mode == DeliveryMode.JOURNAL) {
            fail(
                    Known.DELIVERY_MODE,
                    "needs llmdb.journal_directory, a directory of this instance's own, which is not set");
        }
        if (!isBroken && !hasDirectory && policy == WhenFull.SPILL) {
            fail(
                    Known.FULL_QUEUE_POLICY,
                    "needs llmdb.journal_directory, a directory of this instance's own, which is not set");
        }
        if (!isBroken && hasDirectory && mode != DeliveryMode.JOURNAL && policy != WhenFull.SPILL) {
            warn(
                    Known.JOURNAL_DIRECTORY,
                    "is not used: llmdb.delivery_mode is not journal and llmdb.full_queue_policy is not spill");
        }
        if (!values.isAnyBroken(Known.MAX_BATCH_ROWS, Known.MAX_QUEUED_ROWS)
                && values.isSet(Known.MAX_BATCH_ROWS)
                && values.get(Known.MAX_BATCH_ROWS) > values.get(Known.MAX_QUEUED_ROWS)) {
            Setting<?> culprit = values.isSet(Known.MAX_QUEUED_ROWS) ? Known.MAX_QUEUED_ROWS : Known.MAX_BATCH_ROWS;
            fail(
                    culprit,
                    "does not go together: llmdb.max_batch_rows " + values.get(Known.MAX_BATCH_ROWS)
                            + " must be at most llmdb.max_queued_rows " + values.get(Known.MAX_QUEUED_ROWS));
        }
    }

    private void budgets() {
        if (!values.isAnyBroken(Known.RESCHEDULER_MIN_TIME, Known.RESCHEDULER_MAX_TIME)
                && values.get(Known.RESCHEDULER_MIN_TIME).compareTo(values.get(Known.RESCHEDULER_MAX_TIME)) > 0) {
            Setting<?> culprit =
                    values.isSet(Known.RESCHEDULER_MAX_TIME) ? Known.RESCHEDULER_MAX_TIME : Known.RESCHEDULER_MIN_TIME;
            fail(
                    culprit,
                    "does not go together: general_settings.proxy_budget_rescheduler_min_time "
                            + Durations.format(values.get(Known.RESCHEDULER_MIN_TIME))
                            + " must be at most general_settings.proxy_budget_rescheduler_max_time "
                            + Durations.format(values.get(Known.RESCHEDULER_MAX_TIME)));
        }
        unknownPrice();
        if (values.isAnyBroken(
                Known.MAX_BUDGET, Known.BUDGET_DURATION, Known.SOFT_BUDGET, Known.DISABLE_SPEND_UPDATES)) {
            return;
        }
        BigDecimal most = values.find(Known.MAX_BUDGET);
        BigDecimal soft = values.find(Known.SOFT_BUDGET);
        if (most != null && most.signum() == 0) {
            warn(
                    Known.MAX_BUDGET,
                    "blocks every request that costs something; for no limit, leave it out or write none");
        }
        if (most != null && soft != null && soft.compareTo(most) > 0) {
            warn(
                    Known.SOFT_BUDGET,
                    "is above llm_settings.max_budget " + most.toPlainString() + " and will hardly be reached");
        }
        if (most == null && soft == null && values.find(Known.BUDGET_DURATION) != null) {
            warn(Known.BUDGET_DURATION, "has no effect without llm_settings.max_budget or llmdb.soft_budget");
        }
        if (values.get(Known.DISABLE_SPEND_UPDATES)) {
            warn(Known.DISABLE_SPEND_UPDATES, "stops all counters: no budget holds");
        }
    }

    private void unknownPrice() {
        if (values.isAnyBroken(Known.UNKNOWN_PRICE_POLICY, Known.UNKNOWN_PRICE)) {
            return;
        }
        boolean isFixed = values.get(Known.UNKNOWN_PRICE_POLICY) == UnknownPrice.FIXED;
        boolean hasPrice = values.find(Known.UNKNOWN_PRICE) != null;
        if (isFixed && !hasPrice) {
            fail(Known.UNKNOWN_PRICE_POLICY, "needs llmdb.unknown_price, an amount of at least 0, which is not set");
        }
        if (hasPrice && !isFixed) {
            warn(Known.UNKNOWN_PRICE, "is not used: llmdb.unknown_price_policy is not fixed");
        }
    }

    private void retention() {
        BudgetDuration rows = values.find(Known.RETENTION_PERIOD);
        BudgetDuration prompts = values.find(Known.PROMPTS_RETENTION_PERIOD);
        for (Setting<BudgetDuration> setting : List.of(
                Known.RETENTION_PERIOD,
                Known.PROMPTS_RETENTION_PERIOD,
                Known.ERROR_LOGS_RETENTION_PERIOD,
                Known.AUDIT_LOGS_RETENTION_PERIOD)) {
            BudgetDuration period = values.find(setting);
            if (period != null && period.toSecondsAtMost() < SECONDS_OF_A_DAY) {
                warn(setting, "keeps less than a day; m means minutes and mo months");
            }
        }
        if (rows != null && prompts != null && prompts.toSecondsAtMost() > rows.toSecondsAtMost()) {
            warn(
                    Known.PROMPTS_RETENTION_PERIOD,
                    "is longer than general_settings.maximum_spend_logs_retention_period " + rows
                            + ", after which prompts go with their rows");
        }
    }

    private void models() {
        Secret key = values.find(Known.SALT_KEY);
        Secret earlier = values.find(Known.EARLIER_SALT_KEY);
        if (key == null && earlier != null && !values.isAnyBroken(Known.SALT_KEY, Known.EARLIER_SALT_KEY)) {
            fail(Known.EARLIER_SALT_KEY, "decrypts only: set LLMDB_SALT_KEY, which encrypts, beside it");
        }
        if (!values.isAnyBroken(Known.SALT_KEY, Known.STORE_MODEL_IN_DB)
                && key == null
                && values.get(Known.STORE_MODEL_IN_DB)) {
            fail(
                    Known.STORE_MODEL_IN_DB,
                    "is on, but neither LLMDB_SALT_KEY nor LITELLM_SALT_KEY is set: models in the database need a key "
                            + "for their credentials");
        }
        if (key != null && key.value().length() < SHORTEST_GOOD_SALT_KEY) {
            warn(
                    Known.SALT_KEY,
                    "is short enough to be guessed: use at least " + SHORTEST_GOOD_SALT_KEY + " random characters");
        }
    }

    private <T> void fail(Setting<T> setting, String message) {
        problems.add(problem(setting, message));
    }

    private <T> void warn(Setting<T> setting, String message) {
        warnings.add(problem(setting, message));
    }

    private <T> SettingProblem problem(Setting<T> setting, String message) {
        @Nullable T value = values.find(setting);
        return new SettingProblem(
                setting.qualifiedName(), value == null ? null : setting.format(value), values.source(setting), message);
    }
}
