package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
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

    private static final String MEASURES =
            "spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests";

    private static final String LOG_MEASURES = """
            l.spend, l.prompt_tokens, l.completion_tokens, 1::bigint AS api_requests, \
            (CASE WHEN l.status = 'failure' THEN 0 ELSE 1 END)::bigint AS successful_requests, \
            (CASE WHEN l.status = 'failure' THEN 1 ELSE 0 END)::bigint AS failed_requests""";

    private static final String OPEN_DAYS = """
            ARRAY(SELECT g::date FROM generate_series(?::timestamp, ?::timestamp, interval '1 day') g
                WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'day' AND m.start = g AT TIME ZONE 'UTC'))""";

    /**
     * The quarters of an hour whose day is another one in the zone than in UTC: to the one day they are added, from the
     * other they are taken.
     */
    private static final String SHIFTED = """
            FROM unnest(?::timestamptz[], ?::timestamptz[], ?::date[], ?::date[]) w (first, behind, plus, minus)
            CROSS JOIN LATERAL (%s) f CROSS JOIN (VALUES (1), (-1)) v (sign)
            WHERE CASE v.sign WHEN 1 THEN w.plus ELSE w.minus END BETWEEN ? AND ?""";

    private static final String SUMMED_QUARTERS = """
            SELECT q.id, q.spend, q.prompt_tokens, q.completion_tokens, q.api_requests, q.successful_requests, q.failed_requests
            FROM ${llmdb}."LLM_QuarterHourSum" q JOIN ${llmdb}."LLM_SummedUp" m ON m.span = 'quarter' AND m.start = q.start
            WHERE q.kind = ? AND q.start >= w.first AND q.start < w.behind%s OFFSET 0""";

    /** Of quarters that are not summed up, the log. Nothing starts after the present. */
    private static final String OPEN_QUARTERS = """
            SELECT %s AS id, ${measures}
            FROM generate_series(w.first, least(w.behind, ${llmdb}.llmdb_now() + interval '15 minutes') - interval '1 microsecond',
                interval '15 minutes') q
            JOIN LATERAL (SELECT * FROM ${llmdb}."LLM_SpendLogs" r
                WHERE r."startTime" >= q AND r."startTime" < q + interval '15 minutes' OFFSET 0) l ON true
            WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'quarter' AND m.start = q)%s""";

    private static final String HAS_RECEIPTS = """
            SELECT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendReceipt" WHERE "startTime" >= ? AND "startTime" < ?)""";

    private static final Set<UsageDimension> IN_QUARTERS =
            EnumSet.of(UsageDimension.TEAM, UsageDimension.ORGANIZATION, UsageDimension.MODEL, UsageDimension.PROVIDER);

    private static final Set<UsageDimension> IN_SPEND =
            EnumSet.complementOf(EnumSet.of(UsageDimension.END_USER, UsageDimension.TAG));

    /** One id of these is looked up by its index among the daily totals; the sums of all ids would be more rows. */
    private static final Set<UsageDimension> MANY_IDS =
            EnumSet.of(UsageDimension.KEY, UsageDimension.USER, UsageDimension.END_USER, UsageDimension.TAG);

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
        Instant[] midnights = statement.midnights();
        boolean utc = Arrays.stream(midnights).allMatch(instant -> instant.getEpochSecond() % 86_400 == 0)
                && midnights[0].equals(query.from().atStartOfDay().toInstant(ZoneOffset.UTC));
        if (utc) {
            statement.utc();
        } else {
            statement.zoned(connection, midnights);
        }
        return statement;
    }

    /** The first instant of each day, and that behind the last. */
    private Instant[] midnights() {
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
        String sums = Arrays.stream(MEASURES.split(", "))
                .map(measure -> "sum(f." + measure + ") AS " + measure)
                .collect(Collectors.joining(", "));
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
        boolean byQuarters = needed.isEmpty() || needed.size() == 1 && IN_QUARTERS.containsAll(needed);
        boolean byLog = !needed.contains(UsageDimension.TAG)
                && query.of().entrySet().stream()
                        .anyMatch(one -> MANY_IDS.contains(one.getKey())
                                && !one.getValue().isEmpty());
        if (!byQuarters && !byLog) {
            throw new InvalidArgumentException("usage by " + names(needed) + " in " + query.zone()
                    + ": in another zone than UTC ask for everything together, by one of team, organization, model and"
                    + " provider, or for one key, user or end user");
        }
        requireLog(connection, from, behind);
        if (byQuarters) {
            shifted(connection, midnights);
            return;
        }
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

    /** Days of UTC, corrected by the quarters of an hour that belong to another day in the zone. */
    private void shifted(Connection connection, Instant[] midnights) throws SQLException {
        dailySums(DailyBook.SPEND);
        List<String> first = new ArrayList<>();
        List<String> behind = new ArrayList<>();
        List<String> plus = new ArrayList<>();
        List<String> minus = new ArrayList<>();
        for (int i = 0; i < midnights.length; i++) {
            LocalDate day = query.from().plusDays(i);
            Instant utc = day.atStartOfDay().toInstant(ZoneOffset.UTC);
            Instant local = midnights[i];
            if (local.getEpochSecond() % 900 != 0) {
                throw new InvalidArgumentException(
                        "usage in " + query.zone() + ": on " + day + " its clocks did not keep to quarters of an hour");
            }
            boolean east = local.isBefore(utc);
            first.add((east ? local : utc).toString());
            behind.add((east ? utc : local).toString());
            plus.add((east ? day : day.minusDays(1)).toString());
            minus.add((east ? day.minusDays(1) : day).toString());
        }
        String id = by.isEmpty() ? "" : ", f.id AS k0";
        String measures = Arrays.stream(MEASURES.split(", "))
                .map(measure -> "v.sign * f." + measure + " AS " + measure)
                .collect(Collectors.joining(", "));
        String head = "SELECT CASE v.sign WHEN 1 THEN w.plus ELSE w.minus END AS day" + id + ", " + measures + "\n";
        List<Object> windows = List.of(
                connection.createArrayOf("timestamptz", first.toArray()),
                connection.createArrayOf("timestamptz", behind.toArray()),
                connection.createArrayOf("date", plus.toArray()),
                connection.createArrayOf("date", minus.toArray()));
        facts.add(head + SHIFTED.formatted(SUMMED_QUARTERS.formatted(query.of().isEmpty() ? "" : " AND q.id = ?")));
        arguments.addAll(windows);
        arguments.add(kind());
        arguments.addAll(query.of().values());
        arguments.addAll(List.of(query.from(), query.to()));

        String column = by.isEmpty() ? "''" : "coalesce(l." + by.get(0).logColumn() + ", '')";
        String condition = query.of().keySet().stream()
                .map(dimension -> " AND coalesce(l." + dimension.logColumn() + ", '') = ?")
                .collect(Collectors.joining());
        facts.add(head
                + SHIFTED.formatted(
                        OPEN_QUARTERS.replace("${measures}", LOG_MEASURES).formatted(column, condition)));
        arguments.addAll(windows);
        arguments.addAll(query.of().values());
        arguments.addAll(List.of(query.from(), query.to()));
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

    private void requireLog(Connection connection, Instant from, Instant behind) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of(HAS_RECEIPTS))) {
            statement.setObject(1, from.atOffset(ZoneOffset.UTC));
            statement.setObject(2, behind.atOffset(ZoneOffset.UTC));
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
