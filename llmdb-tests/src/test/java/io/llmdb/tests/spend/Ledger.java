package io.llmdb.tests.spend;

import io.llmdb.spend.CounterId;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The books as a flat list of figures: once as they follow from the events by the plainest code, once as they stand in
 * the database. Keys say what a figure is, such as {@code counter team t1}.
 */
final class Ledger {

    private static final String ID = " | ";

    private Ledger() {}

    /** What the database must hold when exactly these events are booked, each once, and no window has ended. */
    static Map<String, String> of(Collection<SpendEvent> events) {
        Map<String, BigDecimal[]> sums = new TreeMap<>();
        Map<String, String> books = new TreeMap<>();
        for (SpendEvent event : events) {
            books.put("log " + event.id(), event.keyHash() + ID + plain(event.cost()) + ID + event.model());
            for (CounterId counter : counters(event)) {
                add(sums, "counter " + name(counter), event.cost(), event.cost());
            }
            LocalDate day = LocalDate.ofInstant(event.startTime(), ZoneOffset.UTC);
            daily(
                    sums,
                    "day " + day + ID + event.keyHash() + ID + event.userId() + ID + event.teamId() + ID
                            + event.organizationId() + ID + event.model() + ID + event.modelGroup() + ID
                            + event.provider(),
                    event);
            if (!event.endUser().isEmpty()) {
                daily(sums, "end user's day " + day + ID + event.endUser() + ID + event.model(), event);
            }
            for (String tag : new TreeSet<>(event.tags())) {
                daily(sums, "tag's day " + day + ID + tag + ID + event.model(), event);
            }
            RequestError error = event.error();
            if (error != null) {
                books.put("error " + event.id(), error.type());
                add(
                        sums,
                        "errors of day " + day + ID + event.model() + ID + event.modelGroup() + ID + error.type() + ID
                                + error.statusCode(),
                        BigDecimal.ONE);
            }
        }
        sums.forEach((key, figures) -> {
            if (!key.startsWith("counter ") || figures[0].signum() != 0) {
                books.put(key, join(figures));
            }
        });
        return books;
    }

    /** What the database holds. Counters that nothing was booked on are left out. */
    static Map<String, String> in(TestDatabase database) {
        Map<String, String> books = new TreeMap<>();
        collect(database, books, """
                SELECT 'log ' || id AS name, api_key || ' | ' || trim_scale(spend) || ' | ' || model AS figure FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'error ' || id, exception_type FROM ${llmdb}."LLM_ErrorLogs"
                UNION ALL SELECT 'dead letter ' || id, reason FROM ${llmdb}."LLM_DeadLetter" WHERE replayed_at IS NULL AND discarded_at IS NULL""");
        collect(database, books, """
                SELECT concat_ws(' | ', 'counter ' || scope, scope_id, parent_id, model, budget_duration) AS name,
                       trim_scale(spend) || ' | ' || trim_scale(total_spend) AS figure
                FROM ${llmdb}.llmdb_counter WHERE spend <> 0 OR total_spend <> 0""");
        String figures = """
                 trim_scale(spend) || concat_ws(' | ', '', prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)""";
        collect(
                database,
                books,
                "SELECT concat_ws(' | ', 'day ' || day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider) AS name, "
                        + figures + " AS figure FROM ${llmdb}.\"LLM_DailySpend\""
                        + " UNION ALL SELECT concat_ws(' | ', 'end user''s day ' || day, end_user, model), " + figures
                        + " FROM ${llmdb}.\"LLM_DailyEndUserSpend\""
                        + " UNION ALL SELECT concat_ws(' | ', 'tag''s day ' || day, tag, model), " + figures
                        + " FROM ${llmdb}.\"LLM_DailyTagSpend\"");
        collect(database, books, """
                SELECT concat_ws(' | ', 'errors of day ' || day, model, model_group, exception_type, status_code) AS name, failed_requests::text AS figure
                FROM ${llmdb}."LLM_DailyErrors\"""");
        return books;
    }

    /** What the database holds otherwise than expected, in words; empty where all is equal. */
    static List<String> differences(Map<String, String> expected, TestDatabase database) {
        Map<String, String> actual = in(database);
        Set<String> names = new TreeSet<>(expected.keySet());
        names.addAll(actual.keySet());
        return names.stream()
                .filter(name -> !Objects.equals(expected.get(name), actual.get(name)))
                .map(name -> name + ": expected " + expected.get(name) + ", found " + actual.get(name))
                .limit(20)
                .toList();
    }

    private static void collect(TestDatabase database, Map<String, String> books, String sql) {
        for (Map<String, Object> row : database.rows(sql)) {
            Object[] values = row.values().toArray();
            String before = books.put(String.valueOf(values[0]), String.valueOf(values[1]));
            if (before != null) {
                throw new AssertionError("Twice in the books: " + values[0]);
            }
        }
    }

    /** Written without a look at how the library finds them. */
    private static Set<CounterId> counters(SpendEvent event) {
        Set<CounterId> counters = new LinkedHashSet<>(event.furtherCounters());
        counters.add(new CounterId(Scope.PROXY, "", "", "", ""));
        single(counters, Scope.KEY, event.keyHash());
        single(counters, Scope.USER, event.userId());
        single(counters, Scope.TEAM, event.teamId());
        single(counters, Scope.ORGANIZATION, event.organizationId());
        single(counters, Scope.END_USER, event.endUser());
        event.tags().forEach(tag -> single(counters, Scope.TAG, tag));
        member(counters, Scope.TEAM_MEMBER, event.userId(), event.teamId());
        member(counters, Scope.ORGANIZATION_MEMBER, event.userId(), event.organizationId());
        return counters;
    }

    private static void single(Set<CounterId> counters, Scope scope, String id) {
        if (!id.isEmpty()) {
            counters.add(new CounterId(scope, id, "", "", ""));
        }
    }

    private static void member(Set<CounterId> counters, Scope scope, String id, String parent) {
        if (!id.isEmpty() && !parent.isEmpty()) {
            counters.add(new CounterId(scope, id, parent, "", ""));
        }
    }

    private static String name(CounterId counter) {
        return counter.scope().sqlName()
                + ID
                + counter.id()
                + ID
                + counter.parentId()
                + ID
                + counter.model()
                + ID
                + counter.duration();
    }

    private static void daily(Map<String, BigDecimal[]> sums, String key, SpendEvent event) {
        BigDecimal success = event.error() == null ? BigDecimal.ONE : BigDecimal.ZERO;
        add(
                sums,
                key,
                event.cost(),
                BigDecimal.valueOf(event.promptTokens()),
                BigDecimal.valueOf(event.completionTokens()),
                BigDecimal.ONE,
                success,
                BigDecimal.ONE.subtract(success));
    }

    private static void add(Map<String, BigDecimal[]> sums, String key, BigDecimal... figures) {
        sums.merge(key, figures, (one, other) -> {
            BigDecimal[] sum = one.clone();
            for (int i = 0; i < sum.length; i++) {
                sum[i] = sum[i].add(other[i]);
            }
            return sum;
        });
    }

    private static String join(BigDecimal[] figures) {
        StringBuilder text = new StringBuilder();
        for (BigDecimal figure : figures) {
            text.append(text.length() == 0 ? "" : ID).append(plain(figure));
        }
        return text.toString();
    }

    private static String plain(BigDecimal value) {
        return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
    }
}
