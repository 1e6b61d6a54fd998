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

    /** Stretches of quarters of an hour that are not summed up; nothing starts after the present. */
    private static final String OPEN_QUARTERS = """
            SELECT min(q) AS first, max(q) + interval '15 minutes' AS behind
            FROM (SELECT q, q - row_number() OVER (ORDER BY q) * interval '15 minutes' AS island
                  FROM generate_series(date_bin('15 minutes', ?::timestamptz, '2000-01-01 00:00:00+00'),
                      least(?::timestamptz, ${llmdb}.llmdb_now() + interval '15 minutes') - interval '1 microsecond', interval '15 minutes') q
                  WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'quarter' AND m.start = q)) i
            GROUP BY island""";

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
        LocalDate from = query.from();
        LocalDate to = query.to();
        boolean summed = needed.size() <= 1 && query.of().keySet().stream().noneMatch(MANY_IDS::contains);
        if (!summed) {
            daily(book, "f.day BETWEEN ? AND ?", from, to);
            return;
        }
        String kind = needed.isEmpty() ? "proxy" : needed.iterator().next().kind();
        facts.add(
                "SELECT f.day" + by.stream().map(any -> ", f.id AS k0").collect(Collectors.joining()) + ", " + MEASURES
                        + " FROM ${llmdb}.\"LLM_DailySum\" f WHERE f.kind = ? AND f.day BETWEEN ? AND ? AND f.day <> ALL ("
                        + OPEN_DAYS + ")"
                        + (query.of().isEmpty() ? "" : " AND f.id = ?"));
        arguments.addAll(List.of(kind, from, to, from.atStartOfDay(), to.atStartOfDay()));
        arguments.addAll(query.of().values());
        daily(book, "f.day = ANY (" + OPEN_DAYS + ")", from.atStartOfDay(), to.atStartOfDay());
    }

    private void daily(DailyBook book, String days, Object first, Object last) {
        StringBuilder fact = new StringBuilder("SELECT f.day");
        for (int i = 0; i < by.size(); i++) {
            fact.append(", f.").append(by.get(i).dailyColumn()).append(" AS k").append(i);
        }
        fact.append(", ")
                .append(MEASURES)
                .append(" FROM ${llmdb}.\"")
                .append(book.table())
                .append("\" f WHERE ")
                .append(days);
        arguments.add(first);
        arguments.add(last);
        query.ofInOrder().forEach((dimension, id) -> {
            fact.append(" AND f.").append(dimension.dailyColumn()).append(" = ?");
            arguments.add(id);
        });
        facts.add(fact.toString());
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
            quarters(from, behind, midnights);
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

    private void quarters(Instant from, Instant behind, Instant[] midnights) {
        String id = by.isEmpty() ? "" : ", f.id AS k0";
        String kind = query.needed().isEmpty()
                ? "proxy"
                : query.needed().iterator().next().kind();
        facts.add("SELECT " + bucket("f.start", midnights) + id + ", " + MEASURES
                + " FROM ${llmdb}.\"LLM_QuarterHourSum\" f JOIN ${llmdb}.\"LLM_SummedUp\" m ON m.span = 'quarter' AND m.start = f.start"
                + " WHERE f.kind = ? AND f.start >= ? AND f.start < ?"
                + (query.of().isEmpty() ? "" : " AND f.id = ?"));
        arguments.addAll(List.of(kind, from.atOffset(ZoneOffset.UTC), behind.atOffset(ZoneOffset.UTC)));
        arguments.addAll(query.of().values());

        StringBuilder open = new StringBuilder("SELECT " + bucket("l.\"startTime\"", midnights));
        for (UsageDimension dimension : by) {
            open.append(", coalesce(l.").append(dimension.logColumn()).append(", '') AS k0");
        }
        open.append(", ").append(LOG_MEASURES).append(" FROM (").append(OPEN_QUARTERS);
        open.append(") o CROSS JOIN LATERAL (SELECT * FROM ${llmdb}.\"LLM_SpendLogs\" r"
                + " WHERE r.\"startTime\" >= o.first AND r.\"startTime\" < o.behind) l WHERE "
                + new LogConditions(false).from(from).before(behind).text());
        arguments.add(from.atOffset(ZoneOffset.UTC));
        arguments.add(behind.atOffset(ZoneOffset.UTC));
        query.of().forEach((dimension, value) -> {
            open.append(" AND coalesce(l.").append(dimension.logColumn()).append(", '') = ?");
            arguments.add(value);
        });
        facts.add(open.toString());
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
        return sql.of("SELECT " + columns
                + "sum(spend), sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(api_requests)::bigint,"
                + " sum(successful_requests)::bigint, sum(failed_requests)::bigint\nFROM (\n"
                + String.join("\nUNION ALL\n", facts) + ") f\n"
                + (groups.isEmpty() ? "" : "GROUP BY " + String.join(", ", groups) + "\n")
                + "HAVING sum(api_requests) <> 0 OR sum(spend) <> 0"
                + (all.isEmpty() ? "" : "\nORDER BY " + all)
                + "\nLIMIT " + query.limit());
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
