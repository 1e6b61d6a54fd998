package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.usage.LoggedRequest;
import io.llmdb.usage.RequestFilter;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Everything that an admin page asks: each report, and the first and the thousandth page of each list. */
final class ReportQuestions {

    private static final int PAGE = 50;

    private ReportQuestions() {}

    static Map<String, Consumer<LlmDb>> all(LlmDb db, Instant now) {
        LocalDate to = LocalDate.ofInstant(now, ZoneOffset.UTC);
        LocalDate from = to.minusDays(ReportsBenchmark.DAYS - 1L);
        UsageQuery month = UsageQuery.of(from, to);
        List<LoggedRequest> sample = db.requestLog()
                .list(RequestFilter.all().withSuccessful(true), PageRequest.first(1000))
                .items();
        LoggedRequest some = sample.stream()
                .filter(one -> one.endUser() != null
                        && !one.tags().isEmpty()
                        && !one.requestId().isEmpty())
                .findFirst()
                .orElseThrow();
        String topKey = top(db, UsageDimension.KEY, from, to, 1);
        String rareKey = top(db, UsageDimension.KEY, from, to, 1000);
        String topTeam = top(db, UsageDimension.TEAM, from, to, 1);
        String topModel = top(db, UsageDimension.MODEL, from, to, 1);
        String topEndUser = top(db, UsageDimension.END_USER, from, to, 1);
        String topUser = top(db, UsageDimension.USER, from, to, 1);
        String provider = top(db, UsageDimension.PROVIDER, from, to, 1);
        String organization = top(db, UsageDimension.ORGANIZATION, from, to, 1);
        ZoneId newYork = ZoneId.of("America/New_York");
        ZoneId kolkata = ZoneId.of("Asia/Kolkata");

        Map<String, Consumer<LlmDb>> questions = new LinkedHashMap<>();
        questions.put("usage by day", one -> one.reports().usage(month.daily()));
        for (UsageDimension dimension : UsageDimension.values()) {
            questions.put(
                    "usage by day and " + dimension,
                    one -> one.reports().usage(month.daily().by(dimension).top(UsageQuery.Order.SPEND, 1000)));
            questions.put("top 20 of " + dimension, one -> one.reports().topBySpend(dimension, from, to, 20));
        }
        questions.put(
                "by day in New York",
                one -> one.reports().usage(month.in(newYork).daily()));
        questions.put(
                "by day and model in Kolkata",
                one -> one.reports().usage(month.in(kolkata).daily().by(UsageDimension.MODEL)));
        questions.put(
                "by day and team in New York",
                one -> one.reports().usage(month.in(newYork).daily().by(UsageDimension.TEAM)));
        questions.put(
                "a usual key by day in New York",
                one -> one.reports().usage(month.in(newYork).daily().only(UsageDimension.KEY, rareKey)));
        questions.put(
                "the top key by day in New York",
                one -> one.reports().usage(month.in(newYork).daily().only(UsageDimension.KEY, topKey)));
        questions.put(
                "the top key by day in Kolkata",
                one -> one.reports().usage(month.in(kolkata).daily().only(UsageDimension.KEY, topKey)));
        questions.put(
                "the top end user by day in New York",
                one -> one.reports().usage(month.in(newYork).daily().only(UsageDimension.END_USER, topEndUser)));
        questions.put(
                "by model of a team",
                one -> one.reports()
                        .usage(month.only(UsageDimension.TEAM, topTeam).by(UsageDimension.MODEL)));
        questions.put(
                "by key of a team",
                one -> one.reports()
                        .usage(month.only(UsageDimension.TEAM, topTeam).by(UsageDimension.KEY)));
        questions.put(
                "by day of a provider",
                one -> one.reports()
                        .usage(month.only(UsageDimension.PROVIDER, provider).daily()));
        questions.put(
                "by team of an organization",
                one -> one.reports()
                        .usage(month.only(UsageDimension.ORGANIZATION, organization)
                                .by(UsageDimension.TEAM)));
        questions.put("all about the top key", one -> one.reports().of(UsageDimension.KEY, topKey, from, to));
        questions.put("all about the top user", one -> one.reports().of(UsageDimension.USER, topUser, from, to));
        questions.put("errors by model and type", one -> one.reports().errors(from, to, 100));
        questions.put("one request by id", one -> one.requestLog().find(some.id()));
        questions.put("one request by request id", one -> one.requestLog().findByRequestId(some.requestId()));
        RequestFilter any = RequestFilter.all();
        Instant noon = to.minusDays(10).atTime(12, 0).toInstant(ZoneOffset.UTC);
        Map<String, RequestFilter> filters = new LinkedHashMap<>();
        filters.put("all", any);
        filters.put("the top key", any.withKeyHash(topKey));
        filters.put("a usual key", any.withKeyHash(rareKey));
        filters.put("the top user", any.withUserId(topUser));
        filters.put("the top team", any.withTeamId(topTeam));
        filters.put("an organization", any.withOrganizationId(organization));
        filters.put("an end user", any.withEndUser(some.endUser()));
        filters.put("the top model", any.withModel(topModel));
        filters.put("a tag", any.withTag(some.tags().get(0)));
        filters.put("failures", any.withSuccessful(false));
        filters.put("failures of the top team", any.withTeamId(topTeam).withSuccessful(false));
        filters.put("a session", any.withSessionId(some.sessionId() == null ? "none" : some.sessionId()));
        filters.put("an hour of ten days ago", any.within(noon, noon.plusSeconds(3600)));
        filters.put("cost of at least 3", any.withCost(new BigDecimal("3"), null));
        filters.put("a key that is not there", any.withKeyHash("nobody"));
        filters.put("a model of a usual key", any.withKeyHash(rareKey).withModel(topModel));
        filters.forEach((name, filter) -> {
            questions.put("page 1 of " + name, one -> one.requestLog().list(filter, PageRequest.first(PAGE)));
            PageRequest thousandth = page(db, filter, 1000);
            if (thousandth != null) {
                questions.put("page 1000 of " + name, one -> one.requestLog().list(filter, thousandth));
            }
        });
        return questions;
    }

    private static @Nullable PageRequest page(LlmDb db, RequestFilter filter, int number) {
        // In larger steps, to the same place.
        PageRequest request = PageRequest.first(PageRequest.MAX_SIZE);
        for (int skipped = 0; skipped < (number - 1) * PAGE; skipped += request.size()) {
            int step = Math.min(PageRequest.MAX_SIZE, (number - 1) * PAGE - skipped);
            request = new PageRequest(step, request.after());
            Page<LoggedRequest> page = db.requestLog().list(filter, request);
            if (page.next() == null) {
                return null;
            }
            request = request.after(page.next());
        }
        return new PageRequest(PAGE, request.after());
    }

    private static String top(LlmDb db, UsageDimension dimension, LocalDate from, LocalDate to, int place) {
        var rows = db.reports().usage(UsageQuery.of(from, to).by(dimension).top(UsageQuery.Order.REQUESTS, place));
        String id = rows.get(rows.size() / 2 * (place > 1 ? 1 : 0)).id(dimension);
        return id == null ? "" : id;
    }
}
