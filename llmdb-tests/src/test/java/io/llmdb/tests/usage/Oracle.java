package io.llmdb.tests.usage;

import io.llmdb.spend.SpendEvent;
import io.llmdb.usage.RequestFilter;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import io.llmdb.usage.UsageRow;
import io.llmdb.usage.UsageTotals;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** What reports and pages must say, worked out from the events alone, one by one. */
final class Oracle {

    private static final Comparator<UUID> BY_BYTES = Comparator.comparing(UUID::toString);

    private Oracle() {}

    /** The rows by day and ids, in no order that counts. */
    static Map<List<Object>, UsageTotals> usage(Collection<SpendEvent> events, UsageQuery query) {
        Map<List<Object>, UsageTotals> sums = new HashMap<>();
        for (SpendEvent event : events) {
            LocalDate day = LocalDate.ofInstant(event.startTime(), query.zone());
            if (day.isBefore(query.from()) || day.isAfter(query.to())) {
                continue;
            }
            for (Map<UsageDimension, String> ids : ids(event, query)) {
                if (!query.of().entrySet().stream()
                        .allMatch(one -> one.getValue().equals(ids.get(one.getKey())))) {
                    continue;
                }
                List<Object> key = new ArrayList<>();
                key.add(query.byDay() ? day : "all");
                query.by().stream().sorted().forEach(dimension -> key.add(ids.get(dimension)));
                sums.merge(key, totals(event), Oracle::plus);
            }
        }
        return sums;
    }

    static Map<List<Object>, UsageTotals> rows(List<UsageRow> rows) {
        Map<List<Object>, UsageTotals> sums = new HashMap<>();
        for (UsageRow row : rows) {
            List<Object> key = new ArrayList<>();
            key.add(row.day() == null ? "all" : row.day());
            row.ids().keySet().stream().sorted().forEach(dimension -> key.add(row.id(dimension)));
            if (sums.put(key, normal(row.totals())) != null) {
                throw new AssertionError(key + " comes twice");
            }
        }
        return sums;
    }

    private static List<Map<UsageDimension, String>> ids(SpendEvent event, UsageQuery query) {
        Map<UsageDimension, String> ids = new EnumMap<>(UsageDimension.class);
        ids.put(UsageDimension.KEY, event.keyHash());
        ids.put(UsageDimension.USER, event.userId());
        ids.put(UsageDimension.TEAM, event.teamId());
        ids.put(UsageDimension.ORGANIZATION, event.organizationId());
        ids.put(UsageDimension.MODEL, event.model());
        ids.put(UsageDimension.MODEL_GROUP, event.modelGroup());
        ids.put(UsageDimension.PROVIDER, event.provider());
        ids.put(UsageDimension.END_USER, event.endUser());
        boolean tags = query.by().contains(UsageDimension.TAG) || query.of().containsKey(UsageDimension.TAG);
        boolean endUsers = query.by().contains(UsageDimension.END_USER);
        if (endUsers && event.endUser().isEmpty()) {
            return List.of();
        }
        if (!tags) {
            return List.of(ids);
        }
        List<Map<UsageDimension, String>> each = new ArrayList<>();
        for (String tag : event.tags().stream().distinct().toList()) {
            Map<UsageDimension, String> one = new EnumMap<>(ids);
            one.put(UsageDimension.TAG, tag);
            each.add(one);
        }
        return each;
    }

    private static UsageTotals totals(SpendEvent event) {
        return normal(new UsageTotals(
                event.cost(),
                event.promptTokens(),
                event.completionTokens(),
                1,
                event.isSuccess() ? 1 : 0,
                event.isSuccess() ? 0 : 1));
    }

    private static UsageTotals plus(UsageTotals one, UsageTotals other) {
        return normal(new UsageTotals(
                one.spend().add(other.spend()),
                one.promptTokens() + other.promptTokens(),
                one.completionTokens() + other.completionTokens(),
                one.requests() + other.requests(),
                one.successfulRequests() + other.successfulRequests(),
                one.failedRequests() + other.failedRequests()));
    }

    private static UsageTotals normal(UsageTotals totals) {
        return new UsageTotals(
                totals.spend().signum() == 0 ? BigDecimal.ZERO : totals.spend().stripTrailingZeros(),
                totals.promptTokens(),
                totals.completionTokens(),
                totals.requests(),
                totals.successfulRequests(),
                totals.failedRequests());
    }

    /** The ids of the requests that a filter lets through, the newest first. */
    static List<UUID> requests(Collection<SpendEvent> events, RequestFilter filter) {
        return events.stream()
                .filter(event -> matches(event, filter))
                .sorted(Comparator.comparing(SpendEvent::startTime)
                        .thenComparing(SpendEvent::id, BY_BYTES)
                        .reversed())
                .map(SpendEvent::id)
                .toList();
    }

    private static boolean matches(SpendEvent event, RequestFilter filter) {
        return is(filter.keyHash(), event.keyHash())
                && is(filter.userId(), event.userId())
                && is(filter.teamId(), event.teamId())
                && is(filter.organizationId(), event.organizationId())
                && is(filter.endUser(), event.endUser())
                && is(filter.model(), event.model())
                && is(filter.sessionId(), event.sessionId())
                && is(filter.requestId(), event.requestId())
                && (filter.tag() == null || event.tags().contains(filter.tag()))
                && (filter.successful() == null || filter.successful() == event.isSuccess())
                && (filter.from() == null || !event.startTime().isBefore(filter.from()))
                && (filter.before() == null || event.startTime().isBefore(filter.before()))
                && (filter.costAtLeast() == null || event.cost().compareTo(filter.costAtLeast()) >= 0)
                && (filter.costAtMost() == null || event.cost().compareTo(filter.costAtMost()) <= 0);
    }

    private static boolean is(String wanted, String has) {
        return wanted == null || wanted.equals(has);
    }
}
