package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.move.CopyReport;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.move.FollowReport;
import io.llmdb.move.MoveChoice;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.move.MovePlan;
import io.llmdb.move.MoveProgress;
import io.llmdb.move.MoveStatus;
import io.llmdb.move.PassReport;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Moves a database. */
@Command(
        name = "copy",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        header = "Moves a database to another server or schema while it is in use.",
        synopsisSubcommandLabel = "STEP",
        description = {
            "",
            "Step by step: plan says what would come; start copies one moment of the source, verified; follow lets the source note"
                    + " what changes; pass brings that over, again and again; cut-over fences the old side, brings the rest,"
                    + " verifies and opens the new side. Any step may be broken off and made again; abandon undoes it all before"
                    + " the cut-over is done.",
            "",
            "The database of --database-url, --config or DATABASE_URL is the source. The target's URL stands in the environment"
                    + " (LLMDB_TARGET_DATABASE_URL, or another name by --to-env), or, without a password, in --to-url.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  export DATABASE_URL=postgresql://llm:secret@old/proxy LLMDB_TARGET_DATABASE_URL=postgresql://llm:secret@new/proxy",
            "  llmdb-admin copy plan",
            "  llmdb-admin copy start --logs-from 2026-10-01",
            "  llmdb-admin copy follow && llmdb-admin copy pass && llmdb-admin copy status",
            "  llmdb-admin copy cut-over --moved-to new:5432/proxy",
            "  llmdb-admin copy abandon"
        },
        subcommands = {
            CopyCommand.Plan.class,
            CopyCommand.Start.class,
            CopyCommand.Follow.class,
            CopyCommand.MakePass.class,
            CopyCommand.Status.class,
            CopyCommand.CutOver.class,
            CopyCommand.Abandon.class
        })
final class CopyCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(), "Name the step: plan, start, follow, pass, status, cut-over or abandon");
    }

    /** What all steps have. */
    abstract static class Step implements Callable<Integer> {

        @Mixin
        private DatabaseOptions database = new DatabaseOptions();

        @Option(names = "--to-url", paramLabel = "URL", description = "The target, without a password.")
        private @Nullable String toUrl;

        @Option(
                names = "--to-env",
                paramLabel = "NAME",
                defaultValue = "LLMDB_TARGET_DATABASE_URL",
                description = "The environment variable with the target's URL (default: ${DEFAULT-VALUE}).")
        private String toEnv = "LLMDB_TARGET_DATABASE_URL";

        @Option(
                names = "--to-password-file",
                paramLabel = "FILE",
                description = "A file whose first line is the target's password.")
        private @Nullable Path toPasswordFile;

        @Option(
                names = "--to-schema",
                paramLabel = "NAME",
                description = "The target's schema (default: the source's).")
        private @Nullable String toSchema;

        @Option(
                names = "--without",
                split = ",",
                paramLabel = "PART",
                description = "Leaves behind: ${COMPLETION-CANDIDATES}.")
        private List<Part> without = new ArrayList<>();

        @Option(
                names = "--logs-from",
                paramLabel = "DAY",
                description = "The first day of the logs that is moved, such as 2026-10-01.")
        private @Nullable LocalDate logsFrom;

        @Option(
                names = "--logs-until",
                paramLabel = "DAY",
                description = "The first day of them that is not moved any more.")
        private @Nullable LocalDate logsUntil;

        @Option(names = "--merge", description = "Copies although the target holds other data.")
        private boolean merge;

        @Option(
                names = "--parallel",
                paramLabel = "N",
                defaultValue = "" + DatabaseMove.DEFAULT_PARALLELISM,
                description = "Connections to each side (default: ${DEFAULT-VALUE}).")
        private int parallel = DatabaseMove.DEFAULT_PARALLELISM;

        @Spec
        @SuppressWarnings("NullAway.Init")
        private CommandSpec spec;

        @Override
        public Integer call() {
            try (HikariDataSource source = database.pool(parallel + 4);
                    HikariDataSource target = DatabaseOptions.pool(
                            DatabaseOptions.other(spec, "--to-url", toUrl, toEnv),
                            toPasswordFile == null ? null : DatabaseOptions.firstLine(toPasswordFile),
                            parallel + 4)) {
                String schema = database.schema();
                DatabaseMove.Builder move = DatabaseMove.from(new MoveEndpoint(source, schema, source.getJdbcUrl()))
                        .to(new MoveEndpoint(target, toSchema == null ? schema : toSchema, target.getJdbcUrl()))
                        .choice(choice())
                        .parallelism(parallel);
                if (merge) {
                    move.mergeIntoOtherData();
                }
                FollowMethod method = followMethod();
                if (method != null) {
                    move.followBy(method);
                }
                return run(move.build());
            }
        }

        private MoveChoice choice() {
            return MoveChoice.everything()
                    .withOrganizations(!without.contains(Part.ORGANIZATIONS))
                    .withModels(!without.contains(Part.MODELS))
                    .withSpendLogs(!without.contains(Part.SPEND_LOGS))
                    .withErrorLogs(!without.contains(Part.ERROR_LOGS))
                    .withAuditLog(!without.contains(Part.AUDIT_LOG))
                    .withLogsBetween(logsFrom, logsUntil);
        }

        @Nullable
        FollowMethod followMethod() {
            return null;
        }

        abstract int run(DatabaseMove move);

        void say(String text) {
            spec.commandLine().getOut().println(text);
        }

        CommandSpec spec() {
            return spec;
        }
    }

    /** What may stay behind. */
    enum Part {
        ORGANIZATIONS,
        MODELS,
        SPEND_LOGS,
        ERROR_LOGS,
        AUDIT_LOG
    }

    /** Says what would be done. */
    @Command(
            name = "plan",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Says what a copy would bring, how much it is and why it would be refused; changes nothing.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy plan --without spend_logs --format json")
    static final class Plan extends Step {

        @Option(
                names = "--format",
                defaultValue = "table",
                description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
        private Format format = Format.TABLE;

        @Override
        int run(DatabaseMove move) {
            MovePlan plan = move.plan();
            Rows rows = new Rows("table", "partition", "rows", "bytes");
            plan.tables().forEach(table -> rows.add(table.table(), table.partition(), table.rows(), table.bytes()));
            rows.write(format, spec().commandLine().getOut());
            var err = spec().commandLine().getErr();
            err.println("About " + plan.rows() + " rows, " + plan.bytes() + " bytes, "
                    + plan.estimate().toSeconds() + " s");
            plan.notes().forEach(note -> err.println("Note: " + note));
            plan.problems().forEach(problem -> err.println("Refused: " + problem));
            return plan.problems().isEmpty() ? 0 : Admin.REFUSED;
        }
    }

    /** Copies. */
    @Command(
            name = "start",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header =
                    "Copies one moment of the source and compares it; made again it goes on, or brings the target up to the present.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy start --parallel 8")
    static final class Start extends Step {

        @Option(names = "--dry-run", description = "The same as plan.")
        private boolean dryRun;

        @Override
        int run(DatabaseMove move) {
            if (dryRun) {
                MovePlan plan = move.plan();
                say("Would copy about " + plan.rows() + " rows in "
                        + plan.tables().size() + " tables and partitions");
                plan.problems().forEach(problem -> spec().commandLine().getErr().println("Refused: " + problem));
                return plan.problems().isEmpty() ? 0 : Admin.REFUSED;
            }
            ProgressLine progress = new ProgressLine(spec().commandLine().getErr());
            CopyReport report = move.copy(at -> progress.show(text(at)));
            progress.end();
            say("Copied " + report.rows() + " rows, " + report.bytes() + " bytes in "
                    + report.copying().toMillis() + " ms and compared them in "
                    + report.verifying().toMillis() + " ms");
            return 0;
        }

        private static String text(MoveProgress at) {
            return at.step() + " " + at.table() + ": " + at.unitsDone() + " of " + at.units() + ", " + at.rows()
                    + " rows, "
                    + (at.bytesPerSecond() >> 20) + " MiB/s"
                    + (at.remaining() == null ? "" : ", " + at.remaining().toSeconds() + " s to go");
        }
    }

    /** Follows. */
    @Command(
            name = "follow",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Lets the source note from now on what changes.",
            footerHeading = "%nExample:%n",
            footer = {"  llmdb-admin copy follow", "  llmdb-admin copy follow --by row_versions"})
    static final class Follow extends Step {

        @Option(
                names = "--by",
                paramLabel = "METHOD",
                description =
                        "${COMPLETION-CANDIDATES} (default: logical replication where the server and the role allow it,"
                                + " row versions where they do not).")
        private @Nullable FollowMethod by;

        @Override
        @Nullable
        FollowMethod followMethod() {
            return by;
        }

        @Override
        int run(DatabaseMove move) {
            FollowReport report = move.follow();
            boolean slot = report.method() == FollowMethod.LOGICAL_REPLICATION;
            say("The source is followed by " + (slot ? "logical replication" : "row versions")
                    + (report.reason().isEmpty() ? "" : " (" + report.reason() + ")")
                    + "; next: llmdb-admin copy pass");
            if (slot) {
                say("The server keeps its write-ahead log for slot " + report.slot()
                        + " until a pass has read it: make passes, or abandon.");
            }
            return 0;
        }
    }

    /** Brings over what changed. */
    @Command(
            name = "pass",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Brings over what changed since the last pass.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy pass")
    static final class MakePass extends Step {
        @Override
        int run(DatabaseMove move) {
            PassReport report = move.pass();
            say("Brought " + report.changedRows() + " changed rows, " + report.deletedRows() + " deletions and "
                    + report.logRows() + " log rows in " + report.took().toMillis() + " ms"
                    + (report.heldBytes() == 0
                            ? ""
                            : "; the source keeps " + (report.heldBytes() >> 20)
                                    + " MiB of its write-ahead log for the move"));
            return 0;
        }
    }

    /** Says where it stands. */
    @Command(
            name = "status",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Says where the move stands and what to do next.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy status")
    static final class Status extends Step {
        @Override
        int run(DatabaseMove move) {
            MoveStatus status = move.status();
            say("Phase " + status.phase() + (status.startedAt() == null ? "" : ", begun " + status.startedAt()) + ": "
                    + status.rows() + " rows of " + status.unitsDone() + " tables and partitions, " + status.passes()
                    + " passes. Next: " + status.next());
            return 0;
        }
    }

    /** Cuts over. */
    @Command(
            name = "cut-over",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Fences the old side, brings the rest, verifies, and opens the new side.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy cut-over --moved-to new-host:5432/proxy")
    static final class CutOver extends Step {

        @Option(
                names = "--moved-to",
                required = true,
                paramLabel = "PLACE",
                description = "What the old side's proxies are told, such as new-host:5432/proxy; no password.")
        private String movedTo = "";

        @Override
        int run(DatabaseMove move) {
            CutOverReport report = move.cutOver(movedTo);
            say("The new side is the database. Closed for " + report.closedFor().toMillis() + " ms; "
                    + report.verifiedRows() + " rows were compared");
            return 0;
        }
    }

    /** Undoes it. */
    @Command(
            name = "abandon",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Undoes the move: the old side is open and as it was, the target is empty.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin copy abandon")
    static final class Abandon extends Step {
        @Override
        int run(DatabaseMove move) {
            move.abandon();
            say("Undone");
            return 0;
        }
    }
}
