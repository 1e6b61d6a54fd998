package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.schema.SchemaReport;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Migrates the schema. */
@Command(
        name = "migrate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "Brings the schema to what this version of llmdb needs.",
        description = {
            "",
            "Safe while proxies run, and from several places at once: one migrates, the others wait. A proxy migrates at its"
                    + " start too; do it here where the proxy's role may not.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin migrate --dry-run           which migrations are pending; changes nothing",
            "  llmdb-admin migrate -c proxy_config.yaml",
            "  llmdb-admin migrate --schema llm_test   makes the schema where there is none"
        })
final class MigrateCommand implements Callable<Integer> {

    @Mixin
    private DatabaseOptions database = new DatabaseOptions();

    @Option(names = "--dry-run", description = "Says what is pending and changes nothing.")
    private boolean dryRun;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        try (HikariDataSource pool = database.pool()) {
            SchemaMigrator migrator = SchemaMigrator.of(pool, database.schema());
            SchemaReport before = migrator.inspect();
            if (!before.problems().isEmpty()) {
                before.problems().forEach(problem -> spec.commandLine().getErr().println(problem));
                return Admin.REFUSED;
            }
            if (before.pending().isEmpty()) {
                out.println("Schema \"" + before.schema() + "\" is up to date at version " + before.version());
                return 0;
            }
            if (dryRun) {
                out.println("Schema \"" + before.schema() + "\" is at version "
                        + (before.version() == null ? "none" : before.version()) + "; pending: "
                        + String.join(", ", before.pending()));
                return 0;
            }
            SchemaReport after = migrator.migrate();
            out.println("Schema \"" + after.schema() + "\" was migrated to version " + after.version() + ": "
                    + String.join(", ", before.pending()));
            return 0;
        }
    }
}
