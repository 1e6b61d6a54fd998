package io.llmdb.examples.admin;

import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.error.SchemaException;
import io.llmdb.litellm.ImportRefusedException;
import io.llmdb.settings.InvalidSettingsException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command. */
@Command(
        name = "llmdb-admin",
        mixinStandardHelpOptions = true,
        version = "llmdb-admin",
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "Looks after an llmdb database: its schema, its books, its keys and what was spent.",
        synopsisSubcommandLabel = "COMMAND",
        description = {
            "",
            "Every command says with --help what it does, with examples. Which database: --database-url without a password,"
                    + " or --config with the proxy's YAML, or DATABASE_URL in the environment. A password comes from there, from"
                    + " --password-file, or is asked for with --ask-password; never from the command line, which others can see.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  export DATABASE_URL=postgresql://llm:secret@localhost/proxy",
            "  llmdb-admin migrate --dry-run           which migrations are pending",
            "  llmdb-admin verify                      do the books agree",
            "  llmdb-admin keys create --alias ci --team research --max-budget 5 --budget-duration 30d",
            "  llmdb-admin spend --by model --from 2026-11-01",
            "  llmdb-admin import litellm --dry-run    what would come from a LiteLLM database",
            "  llmdb-admin copy plan                   what a move to another server would bring",
            "",
            "Exit codes: 0 done; 1 it failed, or the books do not agree; 2 wrong arguments or settings; 3 refused, and",
            "nothing was changed; 4 the database cannot be reached."
        },
        subcommands = {
            MigrateCommand.class,
            CopyCommand.class,
            ImportCommand.class,
            VerifyCommand.class,
            RetentionCommand.class,
            KeysCommand.class,
            SpendCommand.class,
            DeadLettersCommand.class
        })
public final class Admin implements Runnable {

    static final int FAILED = 1;
    static final int WRONG_ARGUMENTS = 2;
    static final int REFUSED = 3;
    static final int UNREACHABLE = 4;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    private Admin() {}

    /**
     * Runs the command and ends this JVM with its exit code.
     *
     * @param arguments the arguments; {@code --help} explains them
     */
    public static void main(String[] arguments) {
        // jOOQ greets at its first use; on a command line that is in the way.
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
        System.exit(command().execute(arguments));
    }

    static CommandLine command() {
        return new CommandLine(new Admin())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    if (e instanceof ParameterException wrong) {
                        throw wrong;
                    }
                    String message = e.getMessage() == null ? e.toString() : e.getMessage();
                    command.getErr().println(command.getColorScheme().errorText("llmdb-admin: " + message));
                    return exitCode(e, command.getCommandSpec().userObject());
                });
    }

    private static int exitCode(Exception e, Object command) {
        if (e instanceof DatabaseUnavailableException) {
            return UNREACHABLE;
        }
        if (e instanceof InvalidSettingsException || e instanceof InvalidArgumentException) {
            return WRONG_ARGUMENTS;
        }
        if (e instanceof ImportRefusedException || e instanceof SchemaException || e instanceof NotFoundException) {
            return REFUSED;
        }
        // A command on keys is one transaction. An import has committed what came before.
        boolean isConflict = e instanceof ConflictException || e instanceof AlreadyExistsException;
        return isConflict && command instanceof KeysCommand.Base ? REFUSED : FAILED;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
