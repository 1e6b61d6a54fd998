package io.llmdb.examples.gateway.demo;

import io.llmdb.examples.gateway.demo.BookReader.LogRow;
import io.llmdb.examples.gateway.proxy.PriceTable;
import io.llmdb.examples.gateway.traffic.PlannedRequest;
import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import java.math.BigDecimal;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Whether the books agree: what the clients saw, what the sink heard, the rows of the log, the daily totals and every
 * counter, request by request and to the last digit.
 */
final class BooksCheck {

    /** Refusals after which it is known who called and what for; the others leave no row. */
    private static final Set<String> LOGGED_REFUSALS = Set.of("budget_exceeded", "model_not_allowed");

    private final PriceTable prices;
    private final boolean spendLogKept;
    private final boolean errorLogKept;
    private final boolean freshDatabase;
    private final List<Line> lines = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();

    BooksCheck(PriceTable prices, boolean spendLogKept, boolean errorLogKept, boolean freshDatabase) {
        this.prices = prices;
        this.spendLogKept = spendLogKept;
        this.errorLogKept = errorLogKept;
        this.freshDatabase = freshDatabase;
    }

    /** A line of the comparison. */
    record Line(String what, Sum sum, boolean moneyOnly, String verdict) {}

    List<Line> lines() {
        return lines;
    }

    List<String> problems() {
        return problems;
    }

    void run(Workload workload, Collection<Reply> replies, List<SpendEvent> tape, Company company, BookReader reader)
            throws SQLException {
        Map<String, Reply> byId = new HashMap<>();
        replies.forEach(reply -> byId.put(reply.request().id(), reply));
        Map<String, SpendEvent> booked = byRequest(tape);
        replies.stream()
                .filter(reply -> reply.kind() == Kind.BROKEN)
                .forEach(reply ->
                        problem(reply.request().id() + " ended with status " + reply.status() + ": " + reply.code()));

        // What the clients know, request by request.
        Map<Kind, Sum> seen = new EnumMap<>(Kind.class);
        for (Reply reply : byId.values()) {
            SpendEvent event = booked.get(reply.request().id());
            compare(reply, event);
            Usage usage = reply.usage();
            Sum sum = usage == null
                    ? event == null ? Sum.NONE : Sum.of(event)
                    : new Sum(
                            1,
                            usage.promptTokens(),
                            usage.completionTokens(),
                            price(reply.request().model(), usage));
            seen.merge(reply.kind(), sum, Sum::plus);
        }
        booked.keySet().stream()
                .filter(id -> !byId.containsKey(id))
                .forEach(id -> problem("The books have " + id + ", which nobody has sent"));

        Sum expected = Sum.NONE;
        for (Map.Entry<Kind, Sum> entry : seen.entrySet()) {
            if (entry.getValue().requests() > 0) {
                lines.add(new Line(words(entry.getKey()), entry.getValue(), false, ""));
                expected = expected.plus(entry.getValue());
            }
        }
        lines.add(new Line("= must be in the books", expected, false, ""));
        if (!workload.generated()) {
            compare("the trace by the price formula", planned(workload), expected);
        }
        compare("what the sink heard", sum(tape), expected);

        List<LogRow> log = reader.log(company.hashes());
        compareLog(log, booked);
        if (spendLogKept) {
            compare("spend log", log.stream().map(LogRow::sum).reduce(Sum.NONE, Sum::plus), expected);
        } else {
            lines.add(new Line("spend log, switched off", new Sum(log.size(), 0, 0, BigDecimal.ZERO), false, ""));
        }
        compare("daily totals", reader.daily(company.hashes()), expected);
        compareErrors(tape, reader);
        compareCounters(tape, reader);
    }

    private Map<String, SpendEvent> byRequest(List<SpendEvent> tape) {
        Map<String, SpendEvent> events = new HashMap<>();
        for (SpendEvent event : tape) {
            if (events.put(event.requestId(), event) != null) {
                problem(event.requestId() + " was booked twice");
            }
        }
        return events;
    }

    /** One client's view of one request against what was booked for it. */
    private void compare(Reply reply, @Nullable SpendEvent event) {
        String id = reply.request().id();
        boolean mustBeBooked = reply.kind() != Kind.REFUSED || LOGGED_REFUSALS.contains(reply.code());
        if (event == null) {
            if (mustBeBooked && reply.kind() != Kind.BROKEN) {
                problem(id + " is not in the books, but was " + words(reply.kind()));
            }
            return;
        }
        Usage usage = new Usage(event.promptTokens(), event.completionTokens());
        if (event.cost().compareTo(price(event.model(), usage)) != 0) {
            problem(id + " was booked with " + Table.exact(event.cost()) + ", but " + usage + " cost "
                    + Table.exact(price(event.model(), usage)));
        }
        switch (reply.kind()) {
            case ANSWERED -> {
                if (!event.isSuccess() || !usage.equals(reply.usage())) {
                    problem(id + " was answered with " + reply.usage() + ", but booked as " + event);
                }
            }
            case REFUSED -> {
                if (event.isSuccess() || event.cost().signum() != 0 || !mustBeBooked) {
                    problem(id + " was refused, but booked as " + event);
                }
            }
            case FAILED -> {
                if (event.isSuccess()) {
                    problem(id + " failed, but was booked as " + event);
                }
            }
            // Who leaves late enough has been answered in full.
            case LEFT, BROKEN -> {}
        }
    }

    private void compareLog(List<LogRow> log, Map<String, SpendEvent> booked) {
        Set<String> seen = new HashSet<>();
        for (LogRow row : log) {
            SpendEvent event = booked.get(row.requestId());
            if (!seen.add(row.requestId())) {
                problem("The log has two rows of " + row.requestId());
            } else if (event == null
                    || !Sum.of(event).agreesWith(row.sum())
                    || event.isSuccess() != row.success()
                    || !event.keyHash().equals(row.keyHash())
                    || !event.model().equals(row.model())) {
                problem("The log has " + row + ", but booked was " + event);
            }
        }
    }

    private void compareErrors(List<SpendEvent> tape, BookReader reader) throws SQLException {
        List<SpendEvent> failed =
                tape.stream().filter(event -> !event.isSuccess()).toList();
        long rows = reader.errors(failed.stream().map(SpendEvent::id).toList());
        long expected = errorLogKept ? failed.size() : 0;
        boolean agrees = rows == expected;
        if (!agrees) {
            problem("The error log has " + rows + " rows, but should have " + expected);
        }
        lines.add(new Line(
                errorLogKept ? "error log" : "error log, switched off",
                new Sum(rows, 0, 0, BigDecimal.ZERO),
                false,
                agrees ? "agrees" : "DIFFERS"));
    }

    private void compareCounters(List<SpendEvent> tape, BookReader reader) throws SQLException {
        Map<CounterId, BigDecimal> expected = new LinkedHashMap<>();
        for (SpendEvent event : tape) {
            for (CounterId counter : counters(event)) {
                expected.merge(counter, event.cost(), BigDecimal::add);
            }
        }
        Map<CounterId, BigDecimal> actual = reader.counters(
                expected.keySet().stream().map(CounterId::id).distinct().toList());
        Map<String, List<CounterId>> groups = new TreeMap<>();
        for (CounterId counter : expected.keySet()) {
            String name = counter.scope().words() + (counter.model().isEmpty() ? "" : " and model");
            groups.computeIfAbsent(
                            counter.scope().ordinal() + (counter.model().isEmpty() ? "a" : "b") + name,
                            any -> new ArrayList<>())
                    .add(counter);
        }
        groups.forEach((name, members) -> {
            boolean agrees = true;
            BigDecimal sum = BigDecimal.ZERO;
            for (CounterId counter : members) {
                BigDecimal found = actual.getOrDefault(counter, BigDecimal.ZERO);
                BigDecimal wanted = expected.getOrDefault(counter, BigDecimal.ZERO);
                sum = sum.add(found);
                if (found.compareTo(wanted) != 0) {
                    agrees = false;
                    problem("The counter of " + counter + " is " + Table.exact(found) + ", but its requests cost "
                            + Table.exact(wanted));
                }
            }
            lines.add(new Line(
                    "counters by " + name.substring(2),
                    new Sum(members.size(), 0, 0, sum),
                    true,
                    agrees ? "agrees" : "DIFFERS"));
        });
    }

    /** The counters that a request counts on, from what the request says alone. */
    private Set<CounterId> counters(SpendEvent event) {
        Set<CounterId> counters = new HashSet<>(event.furtherCounters());
        counters.add(CounterId.of(Scope.KEY, event.keyHash()));
        counters.add(CounterId.of(Scope.ORGANIZATION, event.organizationId()));
        counters.add(CounterId.of(Scope.USER, event.userId()));
        counters.add(CounterId.member(Scope.ORGANIZATION_MEMBER, event.userId(), event.organizationId()));
        if (!event.teamId().isEmpty()) {
            counters.add(CounterId.of(Scope.TEAM, event.teamId()));
            counters.add(CounterId.member(Scope.TEAM_MEMBER, event.userId(), event.teamId()));
        }
        if (!event.endUser().isEmpty()) {
            counters.add(CounterId.of(Scope.END_USER, event.endUser()));
        }
        event.tags().forEach(tag -> counters.add(CounterId.of(Scope.TAG, tag)));
        if (freshDatabase) {
            counters.add(CounterId.of(Scope.PROXY, ""));
        }
        return counters;
    }

    private void compare(String what, Sum sum, Sum expected) {
        boolean agrees = sum.agreesWith(expected);
        if (!agrees) {
            problem(what + ": " + sum + ", but must be " + expected);
        }
        lines.add(new Line(what, sum, false, agrees ? "agrees" : "DIFFERS"));
    }

    private Sum planned(Workload workload) {
        Sum sum = Sum.NONE;
        for (PlannedRequest request : workload.requests()) {
            sum = sum.plus(new Sum(1, request.promptTokens(), request.maxTokens(), Workload.most(prices, request)));
        }
        return sum;
    }

    private BigDecimal price(String model, Usage usage) {
        return prices.find(model)
                .map(price -> price.of(usage))
                .orElseThrow(() ->
                        new IllegalStateException("A request was answered by \"" + model + "\", which has no price"));
    }

    private static Sum sum(List<SpendEvent> events) {
        return events.stream().map(Sum::of).reduce(Sum.NONE, Sum::plus);
    }

    private static String words(Kind kind) {
        return switch (kind) {
            case ANSWERED -> "answered, as the clients saw it";
            case LEFT -> "left by the client midway";
            case FAILED -> "failed upstream";
            case REFUSED -> "refused for known callers";
            case BROKEN -> "broken off";
        };
    }

    void problem(String text) {
        problems.add(text);
    }
}
