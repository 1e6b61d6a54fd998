package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * One question for usage as one statement: facts from wherever they are cheapest, then summed up. One statement sees
 * one snapshot, so what is reopened or summed up meanwhile counts once.
 */
final class UsageStatement {

    static final String MEASURES =
            "spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests";

    static final String LOG_MEASURES = """
            l.spend, l.prompt_tokens, l.completion_tokens, 1::bigint AS api_requests, \
            (CASE WHEN l.status = 'failure' THEN 0 ELSE 1 END)::bigint AS successful_requests, \
            (CASE WHEN l.status = 'failure' THEN 1 ELSE 0 END)::bigint AS failed_requests""";

    static final String LOG_SUMS = """
            sum(l.spend) AS spend, sum(l.prompt_tokens)::bigint AS prompt_tokens, sum(l.completion_tokens)::bigint AS completion_tokens, \
            count(*) AS api_requests, count(*) FILTER (WHERE l.status IS DISTINCT FROM 'failure') AS successful_requests, \
            count(*) FILTER (WHERE l.status = 'failure') AS failed_requests""";

    private static final String OPEN_DAYS = """
            ARRAY(SELECT g::date FROM generate_series(?::timestamp, ?::timestamp, interval '1 day') g
                WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'day' AND m.start = g AT TIME ZONE 'UTC' AND m.complete))""";

    private static final String HAS_RECEIPTS = """
            SELECT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendReceipt" WHERE "startTime" >= ? AND "startTime" < ?)
                OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendReceipt' AND dropped_before > ?)""";

    private static final String DROPPED_BEFORE = """
            SELECT dropped_before > ? FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs'""";

    /** Of these there are so few ids that sums of all of them are kept by hour and quarter. */
    private static final Set<UsageDimension> FEW_IDS =
            EnumSet.of(UsageDimension.TEAM, UsageDimension.ORGANIZATION, UsageDimension.MODEL, UsageDimension.PROVIDER);

    private static final Set<UsageDimension> IN_SPEND =
            EnumSet.complementOf(EnumSet.of(UsageDimension.END_USER, UsageDimension.TAG));

    /** One id of these is looked up by its index among the daily totals; the sums of all ids would be more rows. */
    private static final Set<UsageDimension> MANY_IDS =
            EnumSet.of(UsageDimension.KEY, UsageDimension.USER, UsageDimension.END_USER, UsageDimension.TAG);

    /** A part of what is summed up: a query and its arguments. */
    record Fact(String text, List<Object> arguments) {}

    private final Sql sql;
    private final UsageQuery query;
    private final List<UsageDimension> by;
    private final List<String> facts = new ArrayList<>();
    private final List<Object> arguments = new ArrayList<>();
    /** Whether each fact is a row of the answer by itself. */
    private boolean grouped;

    private UsageStatement(Sql sql, UsageQuery query) {
        this.sql = sql;
        this.query = query;
        this.by = query.byInOrder();
    }

    static UsageStatement of(Sql sql, Connection connection, UsageQuery query) throws SQLException {
        UsageStatement statement = new UsageStatement(sql, query);
        Instant[] midnights = midnights(query);
        if (isUtc(query, midnights)) {
            statement.utc();
        } else {
            statement.zoned(connection, midnights);
        }
        return statement;
    }

    /** Whether the days are days of UTC; others are asked for in more than one statement. */
    static boolean isUtc(UsageQuery query) {
        return isUtc(query, midnights(query));
    }

    private static boolean isUtc(UsageQuery query, Instant[] midnights) {
        return Arrays.stream(midnights).allMatch(instant -> instant.getEpochSecond() % 86_400 == 0)
                && midnights[0].equals(query.from().atStartOfDay().toInstant(ZoneOffset.UTC));
    }

    /** The first instant of each day, and that behind the last. */
    private static Instant[] midnights(UsageQuery query) {
        int days = (int) (query.to().toEpochDay() - query.from().toEpochDay()) + 1;
        Instant[] midnights = new Instant[days + 1];
        for (int i = 0; i <= days; i++) {
            midnights[i] = query.from().plusDays(i).atStartOfDay(query.zone()).toInstant();
        }
        return midnights;
    }

    private void utc() {
        Set<UsageDimension> needed = query.needed();
        DailyBook book = book(needed);
        boolean summed = needed.size() <= 1 && query.of().keySet().stream().noneMatch(MANY_IDS::contains);
        if (summed) {
            grouped = query.byDay();
            dailySums(book);
            return;
        }
        dailyTotals(book);
    }

    /** Rows of the daily totals themselves. */
    private void dailyTotals(DailyBook book) {
        arguments.addAll(List.of(query.from(), query.to()));
        facts.add("SELECT f.day" + dailyIds() + ", " + MEASURES + " FROM ${llmdb}.\"" + book.table()
                + "\" f WHERE f.day BETWEEN ? AND ?" + dailyConditions());
    }

    /** What is summed up, and the daily totals themselves of days that are not. */
    private void dailySums(DailyBook book) {
        LocalDate from = query.from();
        LocalDate to = query.to();
        facts.add("SELECT f.day" + (by.isEmpty() ? "" : ", f.id AS k0") + ", " + MEASURES
                + " FROM ${llmdb}.\"LLM_DailySum\" f WHERE f.kind = ? AND f.day BETWEEN ? AND ? AND f.day <> ALL ("
                + OPEN_DAYS + ")"
                + (query.of().isEmpty() ? "" : " AND f.id = ?"));
        arguments.addAll(List.of(kind(), from, to, from.atStartOfDay(), to.atStartOfDay()));
        arguments.addAll(query.of().values());
        // Day by day, so that the primary key finds them, however the planner guesses the number of days.
        String sums = sums("f");
        arguments.addAll(List.of(from.atStartOfDay(), to.atStartOfDay()));
        facts.add("SELECT o.day" + (by.isEmpty() ? "" : ", d.k0") + ", " + columnsOf("d") + " FROM unnest(" + OPEN_DAYS
                + ") o (day) CROSS JOIN LATERAL (SELECT "
                + (by.isEmpty() ? "" : "f." + by.get(0).dailyColumn() + " AS k0, ")
                + sums + " FROM ${llmdb}.\"" + book.table() + "\" f WHERE f.day = o.day" + dailyConditions()
                + (by.isEmpty()
                        ? " HAVING count(*) > 0"
                        : " GROUP BY f." + by.get(0).dailyColumn()) + ") d");
    }

    private String kind() {
        return query.needed().isEmpty()
                ? "proxy"
                : query.needed().iterator().next().kind();
    }

    /** Whole numbers stay such: sums of numerics take several times as long. */
    static String sums(String alias) {
        return Arrays.stream(MEASURES.split(", "))
                .map(measure -> "sum(" + alias + "." + measure + ")" + (measure.equals("spend") ? "" : "::bigint")
                        + " AS " + measure)
                .collect(Collectors.joining(", "));
    }

    private static String columnsOf(String alias) {
        return Arrays.stream(MEASURES.split(", "))
                .map(measure -> alias + "." + measure)
                .collect(Collectors.joining(", "));
    }

    private String dailyIds() {
        StringBuilder ids = new StringBuilder();
        for (int i = 0; i < by.size(); i++) {
            ids.append(", f.").append(by.get(i).dailyColumn()).append(" AS k").append(i);
        }
        return ids.toString();
    }

    private String dailyConditions() {
        StringBuilder conditions = new StringBuilder();
        query.ofInOrder().forEach((dimension, id) -> {
            conditions.append(" AND f.").append(dimension.dailyColumn()).append(" = ?");
            arguments.add(id);
        });
        return conditions.toString();
    }

    private static DailyBook book(Set<UsageDimension> needed) {
        if (IN_SPEND.containsAll(needed)) {
            return DailyBook.SPEND;
        }
        for (Map.Entry<UsageDimension, DailyBook> special : Map.of(
                        UsageDimension.END_USER, DailyBook.END_USER, UsageDimension.TAG, DailyBook.TAG)
                .entrySet()) {
            if (EnumSet.of(special.getKey(), UsageDimension.MODEL).containsAll(needed)) {
                return special.getValue();
            }
        }
        throw new InvalidArgumentException(
                "usage by " + names(needed) + ": end users and tags can be told apart by model only");
    }

    private void zoned(Connection connection, Instant[] midnights) throws SQLException {
        Instant from = midnights[0];
        Instant behind = midnights[midnights.length - 1];
        Set<UsageDimension> needed = query.needed();
        boolean fewIds = needed.isEmpty() || needed.size() == 1 && FEW_IDS.containsAll(needed);
        boolean byLog = !needed.contains(UsageDimension.TAG)
                && query.of().entrySet().stream()
                        .anyMatch(one -> MANY_IDS.contains(one.getKey())
                                && !one.getValue().isEmpty());
        if (!fewIds && !byLog) {
            throw new InvalidArgumentException("usage by " + names(needed) + " in " + query.zone()
                    + ": in another zone than UTC ask for everything together, by one of team, organization, model and"
                    + " provider, or for one key, user or end user");
        }
        requireLog(connection, midnights);
        if (fewIds) {
            dailySums(DailyBook.SPEND);
            addAll(new ShiftedDays(connection, sql, query, kind(), midnights).ofAll());
            return;
        }
        if (needed.size() == 1) {
            dailyTotals(book(needed));
            Map.Entry<UsageDimension, String> one =
                    query.of().entrySet().iterator().next();
            addAll(new ShiftedDays(connection, sql, query, kind(), midnights)
                    .ofOne(one.getKey(), one.getValue(), LogConditions.settledBefore(connection, sql)));
            return;
        }
        requireNothingDropped(connection, from);
        Instant settled = LogConditions.settledBefore(connection, sql);
        if (settled.isAfter(from)) {
            log(new LogConditions(true).from(from).before(settled.isBefore(behind) ? settled : behind), midnights);
        }
        if (settled.isBefore(behind)) {
            log(
                    new LogConditions(false)
                            .from(settled.isBefore(from) ? from : settled)
                            .before(behind),
                    midnights);
        }
    }

    private void addAll(List<Fact> more) {
        for (Fact fact : more) {
            facts.add(fact.text());
            arguments.addAll(fact.arguments());
        }
    }

    private void log(LogConditions conditions, Instant[] midnights) {
        query.ofInOrder().forEach((dimension, id) -> {
            if (dimension.isIndexedInLog() && !id.isEmpty()) {
                conditions.id(dimension.logColumn(), id);
            } else {
                conditions.and("coalesce(l." + dimension.logColumn() + ", '') = ?", id);
            }
        });
        StringBuilder fact = new StringBuilder("SELECT " + bucket("l.\"startTime\"", midnights));
        for (int i = 0; i < by.size(); i++) {
            fact.append(", coalesce(l.")
                    .append(by.get(i).logColumn())
                    .append(", '') AS k")
                    .append(i);
        }
        fact.append(", ")
                .append(LOG_MEASURES)
                .append(" FROM ${llmdb}.\"LLM_SpendLogs\" l WHERE ")
                .append(conditions.text());
        arguments.addAll(conditions.arguments());
        facts.add(fact.toString());
    }

    /** The day that an instant lies in, found among the midnights: a day of 23 or 25 hours is one day. */
    private String bucket(String instant, Instant[] midnights) {
        if (!query.byDay()) {
            return "NULL::date AS day";
        }
        String list = Arrays.stream(midnights).map(Instant::toString).collect(Collectors.joining(","));
        return "date '" + query.from().minusDays(1) + "' + width_bucket(" + instant + ", '{" + list
                + "}'::timestamptz[]) AS day";
    }

    /** Of the days in the zone and of the same days in UTC: what lies in one and not in the other is looked up too. */
    private void requireLog(Connection connection, Instant[] midnights) throws SQLException {
        OffsetDateTime first = query.from().atStartOfDay().atOffset(ZoneOffset.UTC);
        OffsetDateTime last = first.plusDays(midnights.length - 1L);
        OffsetDateTime from = midnights[0].atOffset(ZoneOffset.UTC);
        OffsetDateTime behind = midnights[midnights.length - 1].atOffset(ZoneOffset.UTC);
        from = from.isBefore(first) ? from : first;
        behind = behind.isAfter(last) ? behind : last;
        try (PreparedStatement statement = connection.prepareStatement(sql.of(HAS_RECEIPTS))) {
            statement.setObject(1, from);
            statement.setObject(2, behind);
            statement.setObject(3, from);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                if (row.getBoolean(1)) {
                    throw new InvalidArgumentException(
                            "usage in " + query.zone()
                                    + ": spend logs were switched off for some of this time, so its days are known by UTC only");
                }
            }
        }
    }

    private void requireNothingDropped(Connection connection, Instant from) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of(DROPPED_BEFORE))) {
            statement.setObject(1, from.atOffset(ZoneOffset.UTC));
            try (ResultSet row = statement.executeQuery()) {
                if (row.next() && row.getBoolean(1)) {
                    throw new InvalidArgumentException("usage by " + names(query.needed()) + " in " + query.zone()
                            + ": the log of some of this time was dropped, so its days are known by UTC only");
                }
            }
        }
    }

    private static String names(Set<UsageDimension> dimensions) {
        return dimensions.stream().map(UsageDimension::kind).collect(Collectors.joining(", "));
    }

    String text() {
        List<String> groups = new ArrayList<>();
        if (query.byDay()) {
            groups.add("day");
        }
        for (int i = 0; i < by.size(); i++) {
            groups.add("k" + i);
        }
        String columns = groups.stream().map(group -> group + ", ").collect(Collectors.joining());
        String order = String.join(", ", groups);
        String first = switch (query.order()) {
            case DAY -> "";
            case SPEND -> "sum(spend) DESC";
            case REQUESTS -> "sum(api_requests) DESC";
            case TOKENS -> "sum(prompt_tokens + completion_tokens) DESC";
            case FAILURES -> "sum(failed_requests) DESC";
        };
        String all = first.isEmpty() || order.isEmpty() ? first + order : first + ", " + order;
        String sums =
                "sum(spend), sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(api_requests)::bigint,"
                        + " sum(successful_requests)::bigint, sum(failed_requests)::bigint";
        String tail = (all.isEmpty() ? "" : "\nORDER BY " + all) + "\nLIMIT " + query.limit();
        String from = "\nFROM (\n" + String.join("\nUNION ALL\n", facts) + ") f\n";
        if (grouped) {
            return sql.of(withoutSums(
                    "SELECT " + columns + sums + from + "WHERE api_requests <> 0 OR spend <> 0" + tail, from));
        }
        return sql.of("SELECT " + columns + sums + from
                + (groups.isEmpty() ? "" : "GROUP BY " + String.join(", ", groups) + "\n")
                + "HAVING sum(api_requests) <> 0 OR sum(spend) <> 0" + tail);
    }

    /** The same question of facts that are sums already. */
    private static String withoutSums(String statement, String facts) {
        int start = statement.indexOf(facts);
        return statement.substring(0, start).replace("sum(", "(")
                + facts
                + statement.substring(start + facts.length()).replace("sum(", "(");
    }

    List<Object> arguments() {
        return arguments;
    }

    List<UsageRow> run(Connection connection) throws SQLException {
        List<UsageRow> rows = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(text())) {
            LogConditions.bind(statement, 1, arguments);
            try (ResultSet result = statement.executeQuery()) {
                while (result.next()) {
                    rows.add(read(result));
                }
            }
        }
        return rows;
    }

    private UsageRow read(ResultSet row) throws SQLException {
        int column = 1;
        LocalDate day = query.byDay() ? row.getObject(column++, LocalDate.class) : null;
        Map<UsageDimension, String> ids = new EnumMap<>(UsageDimension.class);
        for (UsageDimension dimension : by) {
            ids.put(dimension, row.getString(column++));
        }
        return new UsageRow(
                day,
                ids,
                new UsageTotals(
                        row.getBigDecimal(column),
                        row.getLong(column + 1),
                        row.getLong(column + 2),
                        row.getLong(column + 3),
                        row.getLong(column + 4),
                        row.getLong(column + 5)));
    }
}
