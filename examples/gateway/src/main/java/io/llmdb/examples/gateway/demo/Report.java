package io.llmdb.examples.gateway.demo;

import io.llmdb.budgets.BudgetState;
import io.llmdb.examples.gateway.proxy.Latencies;
import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.spend.SpendEvent;
import io.llmdb.usage.Verification;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Says what happened, as tables. */
final class Report {

    private static final int MOST_PROBLEMS = 20;
    private static final BigDecimal NEARLY = new BigDecimal("0.75");

    private final PrintStream out;
    private final Company company;

    Report(PrintStream out, Company company) {
        this.out = out;
        this.company = company;
    }

    void requests(Collection<Reply> replies, List<SpendEvent> tape) {
        Map<String, String> apps = company.appsByHash();
        Map<String, Sum> spend = by(tape, event -> apps.getOrDefault(event.keyHash(), "?"));
        Map<String, Map<Kind, Long>> kinds = new TreeMap<>();
        for (Reply reply : replies) {
            kinds.computeIfAbsent(reply.request().app(), any -> new LinkedHashMap<>())
                    .merge(reply.kind(), 1L, Long::sum);
        }
        Table table = new Table(
                "key",
                "team",
                ">requests",
                ">answered",
                ">refused",
                ">failed",
                ">left",
                ">prompt",
                ">answer",
                ">spend");
        for (List<App> some : List.of(App.WORKING, App.ODD)) {
            for (App app : some) {
                Map<Kind, Long> of = kinds.getOrDefault(app.name(), Map.of());
                if (!of.isEmpty()) {
                    row(
                            table,
                            app.name(),
                            app.team() == null ? "-" : app.team(),
                            of,
                            spend.getOrDefault(app.name(), Sum.NONE));
                }
            }
        }
        Map<Kind, Long> all = new LinkedHashMap<>();
        replies.forEach(reply -> all.merge(reply.kind(), 1L, Long::sum));
        row(table, "all", "", all, tape.stream().map(Sum::of).reduce(Sum.NONE, Sum::plus));
        print("Requests and spend by key (tokens of prompts and answers)", table);
    }

    private static void row(Table table, String name, String team, Map<Kind, Long> kinds, Sum spend) {
        LongSupplier all =
                () -> kinds.values().stream().mapToLong(Long::longValue).sum();
        table.row(
                name,
                team,
                all.getAsLong(),
                kinds.getOrDefault(Kind.ANSWERED, 0L),
                kinds.getOrDefault(Kind.REFUSED, 0L),
                kinds.getOrDefault(Kind.FAILED, 0L) + kinds.getOrDefault(Kind.BROKEN, 0L),
                kinds.getOrDefault(Kind.LEFT, 0L),
                spend.promptTokens(),
                spend.completionTokens(),
                Table.money(spend.spend()));
    }

    void refusals(Collection<Reply> replies) {
        Map<String, Map<String, Long>> reasons = new TreeMap<>();
        for (Reply reply : replies) {
            if (reply.kind() != Kind.ANSWERED && reply.kind() != Kind.LEFT) {
                boolean midway = reply.status() == 200;
                String reason = reply.status() + "\t" + reply.code() + (midway ? ", within a stream" : "") + "\t"
                        + reply.scope().replace('_', ' ');
                reasons.computeIfAbsent(reason, any -> new TreeMap<>())
                        .merge(reply.request().app(), 1L, Long::sum);
            }
        }
        Table table = new Table(">status", "error", "budget of", ">requests", "keys");
        reasons.forEach((reason, apps) -> {
            String[] parts = reason.split("\t", -1);
            table.row(
                    parts[0],
                    parts[1],
                    parts[2],
                    apps.values().stream().mapToLong(Long::longValue).sum(),
                    String.join(", ", apps.keySet()));
        });
        if (table.isEmpty()) {
            out.println();
            out.println("No request was refused and none failed.");
            return;
        }
        print("Refused and failed", table);
    }

    void spend(List<SpendEvent> tape) {
        Table teams = new Table("team", ">requests", ">spend");
        by(tape, event -> event.teamId().isEmpty() ? "(personal)" : company.plain(event.teamId()))
                .forEach((team, sum) -> teams.row(team, sum.requests(), Table.money(sum.spend())));
        print("Spend by team", teams);
        Table models = new Table("model", ">requests", ">prompt", ">answer", ">spend");
        by(tape, SpendEvent::model)
                .forEach((model, sum) -> models.row(
                        model, sum.requests(), sum.promptTokens(), sum.completionTokens(), Table.money(sum.spend())));
        print("Spend by model", models);
    }

    /** Those budgets alone that are about used up: of an ample one there is nothing to say. */
    void budgets(Collection<BudgetState> states) {
        Table table = new Table("budget of", ">spent", ">limit", ">used");
        Map<String, String> apps = company.appsByHash();
        for (BudgetState state : states) {
            BigDecimal limit = state.limit();
            if (limit != null && state.spent().compareTo(limit.multiply(NEARLY)) >= 0) {
                String name = String.valueOf(state.counter());
                for (Map.Entry<String, String> app : apps.entrySet()) {
                    name = name.replace(app.getKey(), app.getValue());
                }
                table.row(
                        name.replace("-" + company.run(), ""),
                        Table.money(state.spent()),
                        Table.money(limit),
                        limit.signum() == 0
                                ? "-"
                                : String.format(
                                        Locale.ROOT,
                                        "%.1f %%",
                                        100 * state.spent().doubleValue() / limit.doubleValue()));
            }
        }
        if (!table.isEmpty()) {
            print("Budgets of which three quarters or more are spent", table);
        }
    }

    void latencies(Collection<Reply> replies, Latencies overhead) {
        Latencies whole = new Latencies();
        Latencies streams = new Latencies();
        Latencies firstParts = new Latencies();
        Latencies refusals = new Latencies();
        for (Reply reply : replies) {
            switch (reply.kind()) {
                case ANSWERED -> (reply.request().stream() ? streams : whole).add(reply.nanos());
                case REFUSED -> refusals.add(reply.nanos());
                default -> {}
            }
            if (reply.firstPartNanos() > 0) {
                firstParts.add(reply.firstPartNanos());
            }
        }
        Table table = new Table("", ">requests", ">p50", ">p95", ">p99", ">most");
        row(table, "whole answers", whole);
        row(table, "streams, to the end", streams);
        row(table, "streams, to the first part", firstParts);
        row(table, "refusals", refusals);
        row(table, "gateway itself: authenticate, admit, book", overhead);
        print("Latency", table);
    }

    private static void row(Table table, String name, Latencies latencies) {
        if (latencies.count() > 0) {
            table.row(
                    name,
                    latencies.count(),
                    Table.millis(latencies.millis(50)),
                    Table.millis(latencies.millis(95)),
                    Table.millis(latencies.millis(99)),
                    Table.millis(latencies.maxMillis()));
        }
    }

    void books(BooksCheck check, Verification verification) {
        Table table = new Table("", ">requests", ">prompt", ">answer", ">spend", "");
        for (BooksCheck.Line line : check.lines()) {
            table.row(
                    line.what(),
                    line.moneyOnly()
                            ? Table.count(line.sum().requests())
                                    + (line.sum().requests() == 1 ? " counter" : " counters")
                            : Table.count(line.sum().requests()),
                    line.moneyOnly() ? "" : Table.count(line.sum().promptTokens()),
                    line.moneyOnly() ? "" : Table.count(line.sum().completionTokens()),
                    Table.exact(line.sum().spend()),
                    line.verdict());
        }
        print("The books", table);
        out.println();
        out.println("verify, the library's own check of the whole database, says:");
        verification.toString().lines().forEach(line -> out.println("  " + line));
        out.println();
        if (check.problems().isEmpty()) {
            out.println("The books agree.");
            return;
        }
        out.println("THE BOOKS DO NOT AGREE:");
        check.problems().stream().limit(MOST_PROBLEMS).forEach(problem -> out.println("  " + problem));
        if (check.problems().size() > MOST_PROBLEMS) {
            out.println("  and " + (check.problems().size() - MOST_PROBLEMS) + " more");
        }
    }

    private static Map<String, Sum> by(List<SpendEvent> tape, Function<SpendEvent, String> group) {
        Map<String, Sum> sums = new TreeMap<>();
        tape.forEach(event -> sums.merge(group.apply(event), Sum.of(event), Sum::plus));
        return sums;
    }

    private void print(String title, Table table) {
        out.println();
        out.println(title);
        table.print(out);
    }
}
