package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Sql;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What turns days of UTC into days of another zone: the stretches of time whose day is another one there, which are
 * added to the one and taken from the other. They are read from sums by hour, and the parts of hours that are left from
 * sums by quarter of an hour, which one key, user or end user has only where it has much; what is in no sum, from the
 * log.
 *
 * <p>What is not summed up is asked for first, so all of it is to be read in one snapshot.
 */
final class ShiftedDays {

    private static final Duration QUARTER = Duration.ofMinutes(15);

    private static final String MOVED = """
            SELECT e.day${id}, ${signed}
            FROM (
                SELECT unnest(ARRAY[s.plus, s.minus]) AS day, unnest(ARRAY[1, -1]) AS sign, s.id, ${measures}
                FROM (SELECT w.plus, w.minus, f.*
                      FROM unnest(?::timestamptz[], ?::timestamptz[], ?::date[], ?::date[]) w (first, behind, plus, minus)
                      CROSS JOIN LATERAL (${facts}) f) s) e
            WHERE e.day BETWEEN ? AND ?""";

    private static final String SUMMED = """
            SELECT q.id, ${sums}
            FROM ${llmdb}."LLM_SummedUp" m JOIN ${llmdb}."${table}" q ON q.start = m.start
            WHERE m.span = '${span}' AND m.complete AND m.start >= w.first AND m.start <= w.behind - interval '${length}'${elsewhere} AND q.kind = ?${condition}
            GROUP BY q.id""";

    /**
     * The quarters of an hour that are not in the sums, on days that have requests. Nothing starts after the present.
     */
    private static final String OPEN = """
            SELECT o.q, o.plus, o.minus, o.q < s.dropped_before
            FROM (SELECT q, w.plus, w.minus
                  FROM unnest(?::timestamptz[], ?::timestamptz[], ?::date[], ?::date[]) w (first, behind, plus, minus)
                  CROSS JOIN LATERAL generate_series(w.first,
                      least(w.behind, ${llmdb}.llmdb_now() + interval '15 minutes') - interval '1 microsecond', interval '15 minutes') q
                  WHERE ${open} OFFSET 0) o
            CROSS JOIN ${llmdb}."LLM_LogState" s
            WHERE s.table_name = 'LLM_SpendLogs'
              AND (SELECT true FROM ${llmdb}."LLM_DailySpend" d WHERE d.day = (o.q AT TIME ZONE 'UTC')::date LIMIT 1)
            ORDER BY o.q""";

    private static final String FROM_LOG = """
            SELECT e.day${id}, ${signed}
            FROM (
                SELECT unnest(ARRAY[s.plus, s.minus]) AS day, unnest(ARRAY[1, -1]) AS sign, s.id, ${measures}
                FROM (SELECT o.plus, o.minus, f.*
                      FROM unnest(?::timestamptz[], ?::date[], ?::date[]) o (q, plus, minus)
                      CROSS JOIN LATERAL (SELECT ${column} AS id, ${sums} FROM ${llmdb}."LLM_SpendLogs" l
                          WHERE l."startTime" >= o.q AND l."startTime" < o.q + interval '15 minutes' AND ${condition}
                          GROUP BY 1) f) s) e
            WHERE e.day BETWEEN ? AND ?""";

    private static final String QUARTER_IS_OPEN = """
            NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE m.span = 'quarter' AND m.start = q AND m.complete)""";

    /** Of one id that has no sums of quarters but where it has much. */
    private static final String QUARTER_OF_ID_IS_OPEN = """
            NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m JOIN ${llmdb}."LLM_QuarterHourSum" s ON s.start = m.start
                WHERE m.span = 'quarter' AND m.start = q AND m.complete AND s.kind = ? AND s.id = ?)""";

    /** The hour that a quarter lies in is not summed up, or lies in the stretch with a part of it only. */
    private static final String HOUR_IS_OPEN = """
            NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" h
                WHERE h.span = 'hour' AND h.start = date_trunc('hour', ${quarter}, 'UTC') AND h.complete
                  AND h.start >= w.first AND h.start <= w.behind - interval '1 hour')""";

    private final Connection connection;
    private final Sql sql;
    private final UsageQuery query;
    private final String kind;
    private final List<Object> windows = new ArrayList<>();
    private final List<UsageStatement.Fact> facts = new ArrayList<>();

    /**
     * @param kind what the sums call what is asked for
     * @param midnights the first instant of each day in the zone, and that behind the last
     */
    ShiftedDays(Connection connection, Sql sql, UsageQuery query, String kind, Instant[] midnights)
            throws SQLException {
        this.connection = connection;
        this.sql = sql;
        this.query = query;
        this.kind = kind;
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
        windows.add(array("timestamptz", first.stream()));
        windows.add(array("timestamptz", behind.stream()));
        windows.add(array("date", plus.stream()));
        windows.add(array("date", minus.stream()));
    }

    /** Of everything together or by one of team, organization, model and provider. */
    List<UsageStatement.Fact> ofAll() throws SQLException {
        List<Object> ids = List.copyOf(query.of().values());
        summed(ids);
        List<UsageDimension> by = query.byInOrder();
        LogConditions conditions = new LogConditions(false);
        query.of().forEach((dimension, id) -> conditions.and("coalesce(l." + dimension.logColumn() + ", '') = ?", id));
        fromLog(
                open(QUARTER_IS_OPEN + " AND " + HOUR_IS_OPEN, List.of()),
                by.isEmpty() ? "''" : column(by.get(0)),
                conditions);
        return facts;
    }

    /**
     * Of one key, user or end user.
     *
     * @param settled days before this have an index for it
     */
    List<UsageStatement.Fact> ofOne(UsageDimension dimension, String id, Instant settled) throws SQLException {
        summed(List.of(id));
        Map<Boolean, List<Open>> open = open(HOUR_IS_OPEN + " AND " + QUARTER_OF_ID_IS_OPEN, List.of(kind, id)).stream()
                .collect(Collectors.partitioningBy(
                        quarter -> !quarter.start().plus(QUARTER).isAfter(settled)));
        fromLog(
                open.getOrDefault(true, List.of()),
                column(dimension),
                new LogConditions(true).id(dimension.logColumn(), id));
        fromLog(
                open.getOrDefault(false, List.of()),
                column(dimension),
                new LogConditions(false).and("l." + dimension.logColumn() + " = ?", id));
        return facts;
    }

    private static String column(UsageDimension dimension) {
        return "coalesce(l." + dimension.logColumn() + ", '')";
    }

    /** A quarter of an hour that the sums do not know, and the days that it is moved to and from. */
    private record Open(Instant start, LocalDate plus, LocalDate minus) {}

    private List<Open> open(String condition, List<Object> ids) throws SQLException {
        List<Open> open = new ArrayList<>();
        String text = OPEN.replace("${open}", condition).replace("${quarter}", "q");
        try (PreparedStatement statement = connection.prepareStatement(sql.of(text))) {
            LogConditions.bind(statement, LogConditions.bind(statement, 1, windows), ids);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    if (rows.getBoolean(4)) {
                        throw new InvalidArgumentException("usage in " + query.zone()
                                + ": the log of some of this time was dropped, so its days are known by UTC only");
                    }
                    open.add(new Open(
                            rows.getObject(1, OffsetDateTime.class).toInstant(),
                            rows.getObject(2, LocalDate.class),
                            rows.getObject(3, LocalDate.class)));
                }
            }
        }
        return open;
    }

    private void summed(List<Object> ids) {
        summed("LLM_HourSum", "hour", "1 hour", "", ids);
        String inNoHour = " AND " + HOUR_IS_OPEN.replace("${quarter}", "m.start");
        summed("LLM_QuarterHourSum", "quarter", "15 minutes", inNoHour, ids);
    }

    /** @param elsewhere a condition that leaves out what another sum brings */
    private void summed(String table, String span, String length, String elsewhere, List<Object> ids) {
        List<Object> arguments = new ArrayList<>(windows);
        arguments.add(kind);
        arguments.addAll(ids);
        String facts = SUMMED.replace("${table}", table)
                .replace("${span}", span)
                .replace("${length}", length)
                .replace("${elsewhere}", elsewhere)
                .replace("${condition}", ids.isEmpty() ? "" : " AND q.id = ?")
                .replace("${sums}", UsageStatement.sums("q"));
        add(MOVED.replace("${measures}", each("s.%s")).replace("${facts}", facts), arguments);
    }

    /** The bounds stand in the text, so that it is planned for these partitions only. */
    private void fromLog(List<Open> open, String column, LogConditions conditions) throws SQLException {
        if (open.isEmpty()) {
            return;
        }
        conditions
                .from(open.get(0).start())
                .before(open.get(open.size() - 1).start().plus(QUARTER));
        List<Object> arguments = new ArrayList<>();
        arguments.add(array("timestamptz", open.stream().map(Open::start)));
        arguments.add(array("date", open.stream().map(Open::plus)));
        arguments.add(array("date", open.stream().map(Open::minus)));
        arguments.addAll(conditions.arguments());
        add(
                FROM_LOG.replace("${column}", column)
                        .replace("${measures}", each("s.%s"))
                        .replace("${sums}", UsageStatement.LOG_SUMS)
                        .replace("${condition}", conditions.text()),
                arguments);
    }

    private Array array(String type, Stream<?> values) throws SQLException {
        return connection.createArrayOf(type, values.map(Object::toString).toArray());
    }

    private void add(String text, List<Object> arguments) {
        List<Object> all = new ArrayList<>(arguments);
        all.add(query.from());
        all.add(query.to());
        facts.add(new UsageStatement.Fact(
                text.replace("${id}", query.byInOrder().isEmpty() ? "" : ", e.id AS k0")
                        .replace("${signed}", each("e.sign * e.%1$s AS %1$s")),
                all));
    }

    private static String each(String pattern) {
        return Arrays.stream(UsageStatement.MEASURES.split(", "))
                .map(pattern::formatted)
                .collect(Collectors.joining(", "));
    }
}
