package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.spend.DeadLetter;
import io.llmdb.spend.DeadLetters;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Events that could not be booked. */
@Command(
        name = "deadletters",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        header = "Lists, books and gives up events that could not be booked.",
        description = {"", "They wait with the reason why, and are on no counter until they are replayed.", ""},
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin deadletters list --format json",
            "  llmdb-admin deadletters replay 0191f0c2-7c1a-7b3e-9d41-2f6f0a7c5e11",
            "  llmdb-admin deadletters discard 0191f0c2-7c1a-7b3e-9d41-2f6f0a7c5e11 --dry-run"
        },
        subcommands = {
            DeadLettersCommand.ListLetters.class,
            DeadLettersCommand.Replay.class,
            DeadLettersCommand.Discard.class
        })
final class DeadLettersCommand implements Runnable {

    private static final int PAGE = 500;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Say what to do: list, replay or discard");
    }

    /** Lists those that wait. */
    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Lists the events that wait, the oldest request first.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin deadletters list --format csv")
    static final class ListLetters implements Callable<Integer> {

        @Mixin
        private DatabaseOptions database = new DatabaseOptions();

        @Option(
                names = "--format",
                defaultValue = "table",
                description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
        private Format format = Format.TABLE;

        @Spec
        @SuppressWarnings("NullAway.Init")
        private CommandSpec spec;

        @Override
        public Integer call() {
            try (HikariDataSource pool = database.pool();
                    LlmDb db = database.open(pool)) {
                Rows rows = new Rows("id", "waits_since", "started", "model", "spend", "sql_state", "reason");
                PageRequest page = PageRequest.first(PAGE);
                Page<DeadLetter> letters = db.spend().deadLetters().list(page);
                add(rows, letters);
                while (letters.next() != null) {
                    letters = db.spend().deadLetters().list(page.after(letters.next()));
                    add(rows, letters);
                }
                rows.write(format, spec.commandLine().getOut());
                return 0;
            }
        }

        private static void add(Rows rows, Page<DeadLetter> letters) {
            for (DeadLetter letter : letters.items()) {
                rows.add(
                        letter.id(),
                        letter.createdAt(),
                        letter.event().startTime(),
                        letter.event().model(),
                        letter.event().cost(),
                        letter.sqlState(),
                        letter.reason());
            }
        }
    }

    /** What those have that change one letter. */
    abstract static class Change implements Callable<Integer> {

        @Mixin
        private DatabaseOptions database = new DatabaseOptions();

        @Parameters(paramLabel = "ID", description = "The letter's id, from deadletters list.")
        @SuppressWarnings("NullAway.Init")
        private UUID id;

        @Option(names = "--dry-run", description = "Changes nothing.")
        private boolean dryRun;

        @Spec
        @SuppressWarnings("NullAway.Init")
        private CommandSpec spec;

        @Override
        public Integer call() {
            try (HikariDataSource pool = database.pool();
                    LlmDb db = database.open(pool)) {
                if (!dryRun) {
                    change(db.spend().deadLetters(), id);
                }
                spec.commandLine().getErr().println((dryRun ? "Would be " : "") + done() + ": " + id);
                return 0;
            }
        }

        abstract void change(DeadLetters letters, UUID id);

        abstract String done();
    }

    /** Books one. */
    @Command(
            name = "replay",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Books an event that waits, once.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin deadletters replay 0191f0c2-7c1a-7b3e-9d41-2f6f0a7c5e11")
    static final class Replay extends Change {
        @Override
        void change(DeadLetters letters, UUID id) {
            letters.replay(id);
        }

        @Override
        String done() {
            return "booked";
        }
    }

    /** Gives one up. */
    @Command(
            name = "discard",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Gives an event up: it is never booked; its row stays for the record.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin deadletters discard 0191f0c2-7c1a-7b3e-9d41-2f6f0a7c5e11")
    static final class Discard extends Change {
        @Override
        void change(DeadLetters letters, UUID id) {
            letters.discard(id);
        }

        @Override
        String done() {
            return "given up";
        }
    }
}
