package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.common.BudgetDuration;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.maintenance.RetentionReport;
import io.llmdb.maintenance.RetentionStep;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Drops old log rows. */
@Command(
        name = "retention",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "Drops log rows that are too old, by whole days.",
        description = {
            "",
            "Without periods it does what the settings in --config say, which running proxies do by themselves too. Daily totals"
                    + " and counters stay for ever. A day goes in one step, and writers notice nothing.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin retention -c proxy_config.yaml --dry-run",
            "  llmdb-admin retention --spend-logs 90d --prompts 7d --dry-run",
            "  llmdb-admin retention --spend-logs 90d --error-logs 30d --audit-logs 12mo"
        })
final class RetentionCommand implements Callable<Integer> {

    @Mixin
    private DatabaseOptions database = new DatabaseOptions();

    @Option(
            names = "--spend-logs",
            paramLabel = "TIME",
            description = "How long spend log rows are kept, such as 90d or 12mo.")
    private @Nullable String spendLogs;

    @Option(names = "--prompts", paramLabel = "TIME", description = "How long messages and answers are kept.")
    private @Nullable String prompts;

    @Option(names = "--error-logs", paramLabel = "TIME", description = "How long error log rows are kept.")
    private @Nullable String errorLogs;

    @Option(names = "--audit-logs", paramLabel = "TIME", description = "How long audit log rows are kept.")
    private @Nullable String auditLogs;

    @Option(names = "--dry-run", description = "Says what would go and changes nothing.")
    private boolean dryRun;

    @Option(
            names = "--format",
            defaultValue = "table",
            description = "How steps are written: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Format format = Format.TABLE;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        ProgressLine progress = new ProgressLine(spec.commandLine().getErr());
        try (HikariDataSource pool = database.pool();
                LlmDb db = database.open(pool)) {
            RetentionReport report = isGiven()
                    ? db.maintenance().applyRetention(policy(), dryRun, step -> progress.show(text(step)))
                    : db.maintenance().applyRetention(dryRun, step -> progress.show(text(step)));
            progress.end();
            Rows rows = new Rows("what", "table", "partition", "before", "rows", "bytes", "failure");
            for (RetentionStep step : report.steps()) {
                rows.add(step.kind(), step.table(), step.name(), step.to(), step.rows(), step.bytes(), step.failure());
            }
            rows.write(format, spec.commandLine().getOut());
            spec.commandLine()
                    .getErr()
                    .println(rows.size() + (dryRun ? " steps would be done" : " steps") + ", "
                            + report.failures().size() + " left to the next run");
            return report.failures().isEmpty() ? 0 : Admin.FAILED;
        }
    }

    private boolean isGiven() {
        return spendLogs != null || prompts != null || errorLogs != null || auditLogs != null;
    }

    private RetentionPolicy policy() {
        return new RetentionPolicy(
                BudgetDuration.parseOptional("--spend-logs", spendLogs),
                BudgetDuration.parseOptional("--prompts", prompts),
                BudgetDuration.parseOptional("--error-logs", errorLogs),
                BudgetDuration.parseOptional("--audit-logs", auditLogs),
                null,
                RetentionPolicy.KEEP_ALL.interval());
    }

    private static String text(RetentionStep step) {
        return step.kind() + " " + step.name();
    }
}
