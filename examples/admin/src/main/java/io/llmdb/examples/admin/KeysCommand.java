package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.common.RateLimits;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyFilter;
import io.llmdb.keys.KeyRepository;
import io.llmdb.keys.VirtualKey;
import io.llmdb.keys.VirtualKeySpec;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
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

/** Virtual keys. */
@Command(
        name = "keys",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        header = "Makes, lists, blocks, rotates and deletes virtual keys.",
        description = {
            "",
            "A change holds on every proxy within a second. Keys are named by their hash or by alias:NAME; a raw key is shown once,"
                    + " by create and rotate, alone on the output.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin keys create --alias ci --team research --max-budget 5 --budget-duration 30d > ci.key",
            "  llmdb-admin keys list --team research --blocked false --format csv",
            "  llmdb-admin keys info alias:ci",
            "  llmdb-admin keys block alias:ci",
            "  llmdb-admin keys rotate alias:ci --grace 24h > ci.key"
        },
        subcommands = {
            KeysCommand.Create.class,
            KeysCommand.ListKeys.class,
            KeysCommand.Info.class,
            KeysCommand.Block.class,
            KeysCommand.Unblock.class,
            KeysCommand.Rotate.class,
            KeysCommand.Delete.class
        })
final class KeysCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(), "Say what to do: create, list, info, block, unblock, rotate or delete");
    }

    /** What all of them have. */
    abstract static class Base implements Callable<Integer> {

        @Mixin
        private DatabaseOptions database = new DatabaseOptions();

        @Spec
        @SuppressWarnings("NullAway.Init")
        private CommandSpec spec;

        @Override
        public Integer call() {
            try (HikariDataSource pool = database.pool();
                    LlmDb db = database.open(pool)) {
                run(db);
                return 0;
            }
        }

        abstract void run(LlmDb db);

        static KeyRepository keys(LlmDb db) {
            Repositories admin = db.admin(new Actor("llmdb-admin", ""));
            return admin.keys();
        }

        void tell(String text) {
            spec.commandLine().getErr().println(text);
        }

        CommandSpec spec() {
            return spec;
        }
    }

    /** What those have that change one key. */
    abstract static class Change extends Base {

        @Mixin
        private KeyReference key = new KeyReference();

        @Option(names = "--dry-run", description = "Says which key it is and changes nothing.")
        private boolean dryRun;

        @Override
        void run(LlmDb db) {
            VirtualKey found = key.find(db);
            if (dryRun) {
                tell("Would " + verb() + " " + name(found));
            } else {
                change(keys(db), found);
            }
        }

        abstract String verb();

        abstract void change(KeyRepository keys, VirtualKey key);
    }

    static String name(VirtualKey key) {
        String alias = key.spec().alias();
        return "key " + key.hash() + (alias == null ? "" : " (" + alias + ")");
    }

    /** Makes a key. */
    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Makes a key and prints it, once, alone on the output.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  llmdb-admin keys create --alias ci --models gpt-4o,claude-sonnet --max-budget 5 --budget-duration 30d > ci.key",
                "  llmdb-admin keys create --team research --user anna --expires-in 90d --dry-run"
            })
    static final class Create extends Base {

        @Option(names = "--alias", paramLabel = "NAME", description = "A name for people.")
        private @Nullable String alias;

        @Option(names = "--user", paramLabel = "ID", description = "Whose it is.")
        private @Nullable String user;

        @Option(names = "--team", paramLabel = "ID", description = "The team that it belongs to.")
        private @Nullable String team;

        @Option(names = "--organization", paramLabel = "ID", description = "The organization that it belongs to.")
        private @Nullable String organization;

        @Option(
                names = "--models",
                split = ",",
                paramLabel = "NAME",
                description = "Models that it may call (default: all).")
        private List<String> models = new ArrayList<>();

        @Option(names = "--max-budget", paramLabel = "AMOUNT", description = "The most that a window may spend.")
        private @Nullable BigDecimal maxBudget;

        @Option(names = "--soft-budget", paramLabel = "AMOUNT", description = "Where to raise an alert.")
        private @Nullable BigDecimal softBudget;

        @Option(
                names = "--budget-duration",
                paramLabel = "TIME",
                description = "The length of a window, such as 1d or 30d (default: one for ever).")
        private @Nullable String budgetDuration;

        @Option(names = "--budget-id", paramLabel = "ID", description = "The budget row that it shares.")
        private @Nullable String budgetId;

        @Option(names = "--tpm", paramLabel = "N", description = "Tokens per minute.")
        private @Nullable Long tokensPerMinute;

        @Option(names = "--rpm", paramLabel = "N", description = "Requests per minute.")
        private @Nullable Long requestsPerMinute;

        @Option(names = "--parallel", paramLabel = "N", description = "Requests at once.")
        private @Nullable Long parallel;

        @Option(
                names = "--expires-in",
                paramLabel = "TIME",
                description = "When it ends, such as 90d (default: never).")
        private @Nullable String expiresIn;

        @Option(names = "--dry-run", description = "Checks the arguments and makes nothing.")
        private boolean dryRun;

        @Override
        void run(LlmDb db) {
            VirtualKeySpec wanted = VirtualKeySpec.empty()
                    .withAlias(alias)
                    .withUserId(user)
                    .withTeamId(team)
                    .withOrganizationId(organization)
                    .withModels(models)
                    .withBudgetId(budgetId)
                    .withBudget(budget())
                    .withRateLimits(new RateLimits(tokensPerMinute, requestsPerMinute, parallel))
                    .withValidFor(BudgetDuration.parseOptional("--expires-in", expiresIn));
            if (dryRun) {
                tell("Would make a key: " + wanted);
                return;
            }
            IssuedKey made = keys(db).create(wanted);
            spec().commandLine().getOut().println(made.rawKey());
            tell("Made " + name(made.key()) + "; it is shown this once");
        }

        private BudgetTerms budget() {
            return new BudgetTerms(
                    maxBudget,
                    softBudget,
                    BudgetDuration.parseOptional("--budget-duration", budgetDuration),
                    List.of(),
                    java.util.Map.of(),
                    null,
                    null);
        }
    }

    /** Lists keys. */
    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Lists keys by their hashes, with what they spent and may spend.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  llmdb-admin keys list --team research",
                "  llmdb-admin keys list --expired true --format csv > expired.csv",
                "  llmdb-admin keys list --limit 100000 --format json"
            })
    static final class ListKeys extends Base {

        @Option(names = "--user", paramLabel = "ID", description = "Only this user's.")
        private @Nullable String user;

        @Option(names = "--team", paramLabel = "ID", description = "Only this team's.")
        private @Nullable String team;

        @Option(names = "--organization", paramLabel = "ID", description = "Only this organization's.")
        private @Nullable String organization;

        @Option(names = "--alias", paramLabel = "PART", description = "Only with this in the alias.")
        private @Nullable String alias;

        @Option(
                names = "--blocked",
                paramLabel = "true|false",
                arity = "1",
                description = "Only those that are, or are not.")
        private @Nullable Boolean blocked;

        @Option(
                names = "--expired",
                paramLabel = "true|false",
                arity = "1",
                description = "Only those that are, or are not.")
        private @Nullable Boolean expired;

        @Option(
                names = "--limit",
                paramLabel = "N",
                defaultValue = "50",
                description = "At most so many (default: ${DEFAULT-VALUE}).")
        private int limit = 50;

        @Option(
                names = "--format",
                defaultValue = "table",
                description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
        private Format format = Format.TABLE;

        @Override
        void run(LlmDb db) {
            Rows rows = new Rows(
                    "hash",
                    "alias",
                    "user",
                    "team",
                    "spend",
                    "max_budget",
                    "resets",
                    "total_spend",
                    "blocked",
                    "expires",
                    "created");
            KeyRepository keys = keys(db);
            PageRequest page = PageRequest.first(Math.max(1, Math.min(limit, PageRequest.MAX_SIZE)));
            while (true) {
                Page<VirtualKey> found = keys.list(filter(), page);
                for (VirtualKey key : found.items()) {
                    if (rows.size() < limit) {
                        add(rows, key);
                    }
                }
                String next = found.next();
                if (next == null || rows.size() >= limit) {
                    rows.write(format, spec().commandLine().getOut());
                    if (next != null) {
                        tell("There are more: raise --limit");
                    }
                    return;
                }
                page = page.after(next);
            }
        }

        private void add(Rows rows, VirtualKey key) {
            rows.add(
                    format == Format.TABLE
                            ? key.hash().substring(0, Math.min(12, key.hash().length()))
                            : key.hash(),
                    key.spec().alias(),
                    key.spec().userId(),
                    key.spec().teamId(),
                    key.spendState().spend(),
                    key.spec().budget().maxBudget(),
                    key.spendState().resetAt(),
                    key.spendState().totalSpend(),
                    key.spec().blocked(),
                    key.spec().expires(),
                    key.createdAt());
        }

        private KeyFilter filter() {
            KeyFilter filter = KeyFilter.all();
            filter = user == null ? filter : filter.withUserId(user);
            filter = team == null ? filter : filter.withTeamId(team);
            filter = organization == null ? filter : filter.withOrganizationId(organization);
            filter = alias == null ? filter : filter.withAliasPart(alias);
            filter = blocked == null ? filter : filter.withBlocked(blocked);
            return expired == null ? filter : filter.withExpired(expired);
        }
    }

    /** Shows one key. */
    @Command(
            name = "info",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            usageHelpAutoWidth = true,
            header = "Shows all of one key.",
            footerHeading = "%nExamples:%n",
            footer = {"  llmdb-admin keys info alias:ci", "  llmdb-admin keys info - < ci.key"})
    static final class Info extends Base {

        @Mixin
        private KeyReference key = new KeyReference();

        @Option(
                names = "--format",
                defaultValue = "table",
                description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
        private Format format = Format.TABLE;

        @Override
        void run(LlmDb db) {
            VirtualKey found = key.find(db);
            VirtualKeySpec terms = found.spec();
            Rows rows = new Rows("what", "value");
            rows.add("hash", found.hash());
            rows.add("name", found.keyName());
            rows.add("alias", terms.alias());
            rows.add("user", terms.userId());
            rows.add("team", terms.teamId());
            rows.add("organization", terms.organizationId());
            rows.add("models", terms.models().isEmpty() ? "all" : String.join(", ", terms.models()));
            rows.add("spend", found.spendState().spend());
            rows.add("max_budget", terms.budget().maxBudget());
            rows.add("soft_budget", terms.budget().softBudget());
            rows.add("budget_duration", terms.budget().duration());
            rows.add("budget_id", terms.budgetId());
            rows.add("resets", found.spendState().resetAt());
            rows.add("total_spend", found.spendState().totalSpend());
            rows.add("tokens_per_minute", terms.rateLimits().tokensPerMinute());
            rows.add("requests_per_minute", terms.rateLimits().requestsPerMinute());
            rows.add("parallel_requests", terms.rateLimits().maxParallelRequests());
            rows.add("blocked", terms.blocked());
            rows.add("expires", terms.expires());
            rows.add("rotations", found.rotationCount());
            rows.add("last_active", found.lastActive());
            rows.add("created", found.createdAt());
            rows.add("created_by", found.createdBy());
            rows.write(format, spec().commandLine().getOut());
        }
    }

    /** Blocks a key. */
    @Command(
            name = "block",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Refuses a key everywhere, within a second.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin keys block alias:ci")
    static final class Block extends Change {
        @Override
        String verb() {
            return "block";
        }

        @Override
        void change(KeyRepository keys, VirtualKey key) {
            tell("Blocked " + name(keys.block(key.hash())));
        }
    }

    /** Unblocks a key. */
    @Command(
            name = "unblock",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Lets a blocked key in again.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin keys unblock alias:ci")
    static final class Unblock extends Change {
        @Override
        String verb() {
            return "unblock";
        }

        @Override
        void change(KeyRepository keys, VirtualKey key) {
            tell("Unblocked " + name(keys.unblock(key.hash())));
        }
    }

    /** Rotates a key. */
    @Command(
            name = "rotate",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Gives a key a new secret and prints it, once, alone on the output.",
            description = {"", "Spend, budget and links stay. The old secret works until the grace is over.", ""},
            footerHeading = "%nExamples:%n",
            footer = {
                "  llmdb-admin keys rotate alias:ci --grace 24h > ci.key",
                "  llmdb-admin keys rotate alias:ci            the old one stops at once"
            })
    static final class Rotate extends Change {

        @Option(
                names = "--grace",
                paramLabel = "TIME",
                description = "How long the old secret works on, such as 24h (default: not at all).")
        private @Nullable String grace;

        @Override
        String verb() {
            return "rotate";
        }

        @Override
        void change(KeyRepository keys, VirtualKey key) {
            BudgetDuration length = BudgetDuration.parseOptional("--grace", grace);
            Duration time =
                    length == null ? Duration.ZERO : Duration.between(Instant.EPOCH, length.after(Instant.EPOCH));
            IssuedKey made = keys.rotate(key.hash(), time);
            spec().commandLine().getOut().println(made.rawKey());
            tell("Rotated " + name(key) + " to " + made.key().hash() + "; the new secret is shown this once");
        }
    }

    /** Deletes a key. */
    @Command(
            name = "delete",
            mixinStandardHelpOptions = true,
            usageHelpAutoWidth = true,
            header = "Deletes a key and keeps its row in the archive.",
            footerHeading = "%nExample:%n",
            footer = "  llmdb-admin keys delete alias:ci --dry-run")
    static final class Delete extends Change {
        @Override
        String verb() {
            return "delete";
        }

        @Override
        void change(KeyRepository keys, VirtualKey key) {
            keys.delete(key.hash());
            tell("Deleted " + name(key));
        }
    }
}
