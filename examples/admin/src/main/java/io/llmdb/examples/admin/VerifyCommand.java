package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.common.Actor;
import io.llmdb.usage.Difference;
import io.llmdb.usage.Repair;
import io.llmdb.usage.Verification;
import java.time.LocalDate;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Checks the books. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "Proves that counters, log and daily totals agree, to the last digit.",
        description = {
            "",
            "Reads everything in one snapshot of the live database; nobody waits for it. Ends with 0 where the books agree and"
                    + " with 1 where they do not, so that a monitor can call it.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin verify",
            "  llmdb-admin verify --format csv > differences.csv",
            "  llmdb-admin verify --log-from 2026-03-30   a quick look at the last days",
            "  llmdb-admin verify --repair --dry-run   what a repair would set",
            "  llmdb-admin verify --repair             sets wrong counters and totals to what the log says"
        })
final class VerifyCommand implements Callable<Integer> {

    @Mixin
    private DatabaseOptions database = new DatabaseOptions();

    @Option(
            names = "--repair",
            description = "Sets counters and daily totals that are wrong to what the log rows add up to.")
    private boolean repair;

    @Option(names = "--dry-run", description = "With --repair: changes nothing.")
    private boolean dryRun;

    @Option(
            names = "--log-from",
            paramLabel = "DATE",
            description = "Reads the log from this UTC day on only; the daily totals of earlier days are believed.")
    private LocalDate logFrom = LocalDate.MIN;

    @Option(
            names = "--format",
            defaultValue = "table",
            description = "How differences are written: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Format format = Format.TABLE;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (repair && !logFrom.equals(LocalDate.MIN)) {
            throw new ParameterException(
                    spec.commandLine(), "--log-from goes without --repair: what is believed cannot be repaired");
        }
        ProgressLine progress = new ProgressLine(spec.commandLine().getErr());
        try (HikariDataSource pool = database.pool();
                LlmDb db = database.open(pool)) {
            if (repair && !dryRun) {
                Repair repaired = db.usage().repair(new Actor("llmdb-admin", ""));
                spec.commandLine().getOut().println(repaired);
                return repaired.left().isEmpty() ? 0 : Admin.FAILED;
            }
            Verification found = db.usage()
                    .verify(logFrom, step -> progress.show(step.done() + " of " + step.total() + ": " + step.step()));
            progress.end();
            write(found);
            if (repair && !found.agrees()) {
                spec.commandLine().getErr().println("A repair would look at these and set what the log proves wrong");
            }
            return found.agrees() ? 0 : Admin.FAILED;
        }
    }

    private void write(Verification found) {
        if (format == Format.TABLE) {
            spec.commandLine().getOut().println(found);
            return;
        }
        Rows rows = new Rows("kind", "where", "what", "expected", "found", "difference");
        for (Difference difference : found.differences()) {
            rows.add(
                    difference.kind(),
                    difference.where(),
                    difference.what(),
                    difference.expected(),
                    difference.found(),
                    difference.difference());
        }
        rows.write(format, spec.commandLine().getOut());
    }
}
