package io.llmdb.examples.admin;

import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import io.llmdb.usage.UsageRow;
import io.llmdb.usage.UsageTotals;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Reports of what was spent. */
@Command(
        name = "spend",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        header = "Says what was spent, by day, key, user, team, organization, model, provider, end user or tag.",
        description = {
            "",
            "From the daily totals, which are exact and stay when log rows are dropped. Amounts have all their digits in every"
                    + " format.",
            ""
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  llmdb-admin spend --by day --from 2026-11-01",
            "  llmdb-admin spend --by team,model --from 2026-11-01 --to 2026-11-30 --format csv > november.csv",
            "  llmdb-admin spend --by day --team research --format json",
            "  llmdb-admin spend --by tag --top 20"
        })
final class SpendCommand implements Callable<Integer> {

    /** What a report can be by. */
    enum By {
        DAY(null),
        KEY(UsageDimension.KEY),
        USER(UsageDimension.USER),
        TEAM(UsageDimension.TEAM),
        ORGANIZATION(UsageDimension.ORGANIZATION),
        MODEL(UsageDimension.MODEL),
        MODEL_GROUP(UsageDimension.MODEL_GROUP),
        PROVIDER(UsageDimension.PROVIDER),
        END_USER(UsageDimension.END_USER),
        TAG(UsageDimension.TAG);

        private final @Nullable UsageDimension dimension;

        By(@Nullable UsageDimension dimension) {
            this.dimension = dimension;
        }
    }

    private static final int DAYS = 30;

    @Mixin
    private DatabaseOptions database = new DatabaseOptions();

    @Option(
            names = "--by",
            split = ",",
            paramLabel = "WHAT",
            description = "One or several of ${COMPLETION-CANDIDATES}, in this order (default: day).")
    private List<By> by = new ArrayList<>();

    @Option(
            names = "--from",
            paramLabel = "DAY",
            description = "The first day, such as 2026-11-01 (default: 30 days up to --to).")
    private @Nullable LocalDate from;

    @Option(names = "--to", paramLabel = "DAY", description = "The last day (default: today).")
    private @Nullable LocalDate to;

    @Option(
            names = "--zone",
            paramLabel = "NAME",
            description = "Where days are days, such as Europe/Berlin (default: UTC).")
    private @Nullable ZoneId zone;

    @Option(names = "--key", paramLabel = "HASH", description = "Only this key's.")
    private @Nullable String key;

    @Option(names = "--user", paramLabel = "ID", description = "Only this user's.")
    private @Nullable String user;

    @Option(names = "--team", paramLabel = "ID", description = "Only this team's.")
    private @Nullable String team;

    @Option(names = "--organization", paramLabel = "ID", description = "Only this organization's.")
    private @Nullable String organization;

    @Option(names = "--model", paramLabel = "NAME", description = "Only this model's.")
    private @Nullable String model;

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "Only the N with the highest spend, highest first (default: all, in order).")
    private @Nullable Integer top;

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
        List<By> wanted = by.isEmpty() ? List.of(By.DAY) : by;
        try (HikariDataSource pool = database.pool();
                LlmDb db = database.open(pool)) {
            List<String> names = wanted.stream()
                    .map(one -> one.name().toLowerCase(Locale.ROOT))
                    .collect(Collectors.toCollection(ArrayList::new));
            names.addAll(List.of("spend", "requests", "failed", "prompt_tokens", "completion_tokens"));
            Rows rows = new Rows(names);
            for (UsageRow row : db.reports().usage(query(wanted))) {
                List<@Nullable Object> values = new ArrayList<>();
                for (By one : wanted) {
                    values.add(one.dimension == null ? row.day() : row.id(one.dimension));
                }
                UsageTotals totals = row.totals();
                values.addAll(List.of(
                        totals.spend(),
                        totals.requests(),
                        totals.failedRequests(),
                        totals.promptTokens(),
                        totals.completionTokens()));
                rows.add(values.toArray());
            }
            rows.write(format, spec.commandLine().getOut());
            return 0;
        }
    }

    private UsageQuery query(List<By> wanted) {
        ZoneId days = zone == null ? ZoneOffset.UTC : zone;
        LocalDate last = to == null ? LocalDate.now(days) : to;
        LocalDate first = from == null ? last.minusDays(DAYS - 1) : from;
        UsageQuery query = UsageQuery.of(first, last)
                .in(days)
                .by(wanted.stream()
                        .map(one -> one.dimension)
                        .filter(Objects::nonNull)
                        .toArray(UsageDimension[]::new));
        query = wanted.contains(By.DAY) ? query.daily() : query;
        query = only(query, UsageDimension.KEY, key);
        query = only(query, UsageDimension.USER, user);
        query = only(query, UsageDimension.TEAM, team);
        query = only(query, UsageDimension.ORGANIZATION, organization);
        query = only(query, UsageDimension.MODEL, model);
        return top == null
                ? query.top(UsageQuery.Order.DAY, UsageQuery.MAX_ROWS)
                : query.top(UsageQuery.Order.SPEND, top);
    }

    private static UsageQuery only(UsageQuery query, UsageDimension dimension, @Nullable String id) {
        return id == null ? query : query.only(dimension, id);
    }
}
