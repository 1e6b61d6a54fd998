package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.error.LlmDbException;
import io.llmdb.litellm.ImportPart;
import io.llmdb.litellm.ImportProgress;
import io.llmdb.litellm.ImportRefusedException;
import io.llmdb.litellm.ImportReport;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.settings.DatabaseUrl;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

/** Brings other databases in. */
@Command(
        name = "import",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        header = "Brings another system's database in.",
        synopsisSubcommandLabel = "SYSTEM",
        subcommands = ImportCommand.LiteLlm.class)
final class ImportCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name the system: llmdb-admin import litellm");
    }

    /** Brings a LiteLLM database in. */
    @Command(
            name = "litellm",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Brings a LiteLLM database in: keys go on working.",
            description = {
                "",
                "The source is only read, as of one moment, and may stay in use. People, keys, budgets, models, logs and daily totals"
                        + " come; a report says for every table and column what came, what changed in form, and what did not fit"
                        + " and why. May be broken off and run again, and run again later to bring what is new.",
                "",
                "The source's URL stands in the environment (LITELLM_DATABASE_URL, or another name by --source-env), in LiteLLM's"
                        + " own config by --source-config, or, without a password, in --source-url. The salt key stands in"
                        + " LITELLM_SALT_KEY or in a file; our own key for credentials in LLMDB_SALT_KEY.",
                ""
            },
            footerHeading = "%nExamples:%n",
            footer = {
                "  export LITELLM_DATABASE_URL=postgresql://reader:secret@old-host/litellm LITELLM_SALT_KEY=sk-...",
                "  llmdb-admin import litellm --dry-run --report plan.txt",
                "  llmdb-admin import litellm -c proxy_config.yaml",
                "  llmdb-admin import litellm --without spend_logs,error_logs",
                "",
                "Exit codes: 0 imported; 1 it failed on the way: run it again, it goes on; 3 refused, nothing was changed; 4 a",
                "database cannot be reached."
            })
    static final class LiteLlm implements Callable<Integer> {

        @Mixin
        private DatabaseOptions database = new DatabaseOptions();

        @Option(names = "--source-url", paramLabel = "URL", description = "LiteLLM's database, without a password.")
        private @Nullable String sourceUrl;

        @Option(
                names = "--source-env",
                paramLabel = "NAME",
                defaultValue = "LITELLM_DATABASE_URL",
                description = "The environment variable with its URL (default: ${DEFAULT-VALUE}).")
        private String sourceEnv = "LITELLM_DATABASE_URL";

        @Option(
                names = "--source-config",
                paramLabel = "FILE",
                description = "LiteLLM's own YAML with its database_url.")
        private @Nullable Path sourceConfig;

        @Option(
                names = "--source-password-file",
                paramLabel = "FILE",
                description = "A file whose first line is the password.")
        private @Nullable Path sourcePasswordFile;

        @Option(
                names = "--source-schema",
                paramLabel = "NAME",
                defaultValue = LiteLlmImport.DEFAULT_SCHEMA,
                description = "The schema of LiteLLM's tables (default: ${DEFAULT-VALUE}).")
        private String sourceSchema = LiteLlmImport.DEFAULT_SCHEMA;

        @Option(
                names = "--source-salt-key-file",
                paramLabel = "FILE",
                description = "A file whose first line is LiteLLM's salt key, instead of LITELLM_SALT_KEY.")
        private @Nullable Path saltKeyFile;

        @Option(
                names = "--without",
                split = ",",
                paramLabel = "PART",
                description = "Leaves out: ${COMPLETION-CANDIDATES}.")
        private List<ImportPart> without = new ArrayList<>();

        @Option(names = "--prefer-source", description = "Where a row was changed on both sides, the source wins.")
        private boolean preferSource;

        @Option(names = "--merge", description = "Imports although there are other rows here; these stay as they are.")
        private boolean merge;

        @Option(names = "--dry-run", description = "Does everything and keeps nothing of it.")
        private boolean dryRun;

        @Option(
                names = "--report",
                paramLabel = "FILE",
                description = "Writes the report to a file instead of the output.")
        private @Nullable Path reportFile;

        @Spec
        @SuppressWarnings("NullAway.Init")
        private CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            ProgressLine progress = new ProgressLine(spec.commandLine().getErr());
            try (HikariDataSource source =
                            DatabaseOptions.pool(sourceUrl(), sourcePassword(), DatabaseOptions.CONNECTIONS);
                    HikariDataSource pool = database.pool();
                    LlmDb db = dryRun ? database.open(pool) : database.openMigrated(pool)) {
                LiteLlmImport run = db.importFromLiteLlm(source)
                        .sourceSchema(sourceSchema)
                        .without(without.toArray(ImportPart[]::new));
                String saltKey = saltKey();
                if (saltKey != null) {
                    run.saltKey(saltKey);
                }
                if (preferSource) {
                    run.preferringSource();
                }
                if (merge) {
                    run.mergingIntoUsed();
                }
                ImportReport report =
                        dryRun ? run.dryRun(at -> progress.show(text(at))) : run.run(at -> progress.show(text(at)));
                progress.end();
                Path file = reportFile;
                if (file == null) {
                    spec.commandLine().getOut().println(report);
                } else {
                    Files.writeString(file, report + System.lineSeparator());
                    spec.commandLine().getErr().println("The report is in " + file);
                }
                return 0;
            } catch (ImportRefusedException e) {
                throw e;
            } catch (LlmDbException e) {
                progress.end();
                spec.commandLine()
                        .getErr()
                        .println("What was imported so far stays; run it again, it goes on where it was");
                throw e;
            }
        }

        private static String text(ImportProgress at) {
            long seconds = Math.max(1, at.took().toSeconds());
            return at.number() + " of " + at.ofTables() + " tables: " + at.table() + ", " + at.rows() + " rows"
                    + (at.ofRows() > at.rows() ? " of about " + at.ofRows() : "") + ", " + seconds + " s";
        }

        private DatabaseUrl sourceUrl() {
            return sourceConfig == null
                    ? DatabaseOptions.other(spec, "--source-url or --source-config", sourceUrl, sourceEnv)
                    : LlmDbSettings.builder()
                            .yaml(sourceConfig)
                            .environment()
                            .build()
                            .requireDatabaseUrl();
        }

        private @Nullable Secret sourcePassword() {
            return sourcePasswordFile == null ? null : DatabaseOptions.firstLine(sourcePasswordFile);
        }

        private @Nullable String saltKey() {
            if (saltKeyFile != null) {
                return DatabaseOptions.firstLine(saltKeyFile).value();
            }
            String key = System.getenv("LITELLM_SALT_KEY");
            return key == null || key.isEmpty() ? null : key;
        }
    }
}
