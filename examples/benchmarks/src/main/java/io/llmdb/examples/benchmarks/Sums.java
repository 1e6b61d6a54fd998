package io.llmdb.examples.benchmarks;

import io.llmdb.spend.SpendEvent;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a rival adds to its counters and daily totals for a batch: each once, sorted, so that it cannot deadlock. */
final class Sums {

    record Counter(String scope, String id) {}

    record Day(LocalDate day, String apiKey, String user, String team, String model) {}

    record Total(BigDecimal spend, long prompt, long completion, long requests) {

        Total plus(Total more) {
            return new Total(
                    spend.add(more.spend),
                    prompt + more.prompt,
                    completion + more.completion,
                    requests + more.requests);
        }
    }

    private Sums() {}

    static Map<Counter, BigDecimal> counters(List<SpendEvent> events) {
        Map<Counter, BigDecimal> sums =
                new TreeMap<>(Comparator.comparing(Counter::scope).thenComparing(Counter::id));
        for (SpendEvent event : events) {
            add(sums, "key", event.keyHash(), event);
            add(sums, "user", event.userId(), event);
            add(sums, "team", event.teamId(), event);
            add(sums, "member", event.userId() + " " + event.teamId(), event);
            add(sums, "organization", event.organizationId(), event);
            add(sums, "end_user", event.endUser(), event);
            event.tags().forEach(tag -> add(sums, "tag", tag, event));
            add(sums, "proxy", "all", event);
        }
        return sums;
    }

    private static void add(Map<Counter, BigDecimal> sums, String scope, String id, SpendEvent event) {
        if (!id.isEmpty()) {
            sums.merge(new Counter(scope, id), event.cost(), BigDecimal::add);
        }
    }

    static Map<Day, Total> days(List<SpendEvent> events) {
        Map<Day, Total> sums = new TreeMap<>(Comparator.comparing(Day::day)
                .thenComparing(Day::apiKey)
                .thenComparing(Day::user)
                .thenComparing(Day::team)
                .thenComparing(Day::model));
        for (SpendEvent event : events) {
            Day day = new Day(JdbcRival.day(event), event.keyHash(), event.userId(), event.teamId(), event.model());
            sums.merge(day, new Total(event.cost(), event.promptTokens(), event.completionTokens(), 1), Total::plus);
        }
        return sums;
    }

    static String json(List<String> texts) {
        return texts.stream().map(text -> '"' + text + '"').collect(Collectors.joining(", ", "[", "]"));
    }
}
