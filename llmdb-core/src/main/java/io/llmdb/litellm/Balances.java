package io.llmdb.litellm;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps counter = log rows + adjustments true in every transaction of an import. A counter comes with what it has over
 * there, and an adjustment of as much: the opening balance. Each log row that comes then takes from the adjustment what
 * it explains of it. Where log rows explain more than the counter ever had, its lifetime total rises.
 *
 * <p>A counter that has none over there is what its log rows add up to. Log rows of keys, users and teams that are gone
 * leave an adjustment that cancels them, as a deletion here does.
 */
final class Balances {

    private static final String LOCK = """
            SELECT d.ordinal, c.spend_window_start, c.budget_reset_at, c.spend, i.spend IS NOT NULL,
                i.log_window_end IS NOT NULL AND i.log_window_end = c.budget_reset_at
            FROM ${table} c JOIN unnest(?::text[], ?::text[]) WITH ORDINALITY d (id, parent, ordinal) ON ${match}
            LEFT JOIN ${llmdb}."LLM_ImportRow" i ON i.table_name = '${name}' AND i.row_id = d.id AND i.parent_id = d.parent
            ORDER BY ${order} FOR NO KEY UPDATE OF c""";

    private static final String ADD = """
            UPDATE ${table} c SET spend = c.spend + d.spend, total_spend = c.total_spend + d.total
            FROM unnest(?::text[], ?::text[], ?::numeric[], ?::numeric[]) d (id, parent, spend, total) WHERE ${match}""";

    private static final String ADJUST = """
            INSERT INTO ${llmdb}."LLM_SpendAdjustment" AS a
                (id, scope, scope_id, parent_id, amount, total_amount, effective_at, reason, created_at, created_by)
            SELECT md5(concat_ws('|', 'litellm', '${scope}', d.id, d.parent, extract(epoch FROM d.effective_at)::text))::uuid,
                '${scope}', d.id, d.parent, d.amount, d.total_amount, coalesce(d.effective_at, ${llmdb}.llmdb_now()), d.reason,
                ${llmdb}.llmdb_now(), 'litellm import'
            FROM unnest(?::text[], ?::text[], ?::numeric[], ?::numeric[], ?::timestamptz[], ?::text[])
                d (id, parent, amount, total_amount, effective_at, reason)
            ON CONFLICT (id) DO UPDATE SET amount = a.amount + excluded.amount, total_amount = a.total_amount + excluded.total_amount""";

    /** What was explained beyond what the counter ever had. */
    private static final String LIFT = """
            WITH low AS (
                SELECT a.id, a.scope_id, a.parent_id, a.total_amount
                FROM unnest(?::text[], ?::text[], ?::timestamptz[]) d (id, parent, effective_at)
                JOIN ${llmdb}."LLM_SpendAdjustment" a
                    ON a.id = md5(concat_ws('|', 'litellm', '${scope}', d.id, d.parent, extract(epoch FROM d.effective_at)::text))::uuid
                WHERE a.total_amount < 0
            ), leveled AS (
                UPDATE ${llmdb}."LLM_SpendAdjustment" a SET total_amount = 0 FROM low WHERE a.id = low.id)
            UPDATE ${table} c SET total_spend = c.total_spend - d.total_amount
            FROM (SELECT scope_id AS id, parent_id AS parent, total_amount FROM low) d WHERE ${match}""";

    static final String OPENING = "opening balance from LiteLLM";
    private static final String CANCELLED = "log rows from LiteLLM of what was deleted there";

    private final Sql sql;
    private final Instant firstSnapshot;

    /** @param firstSnapshot since when what nobody counted over there is counted here */
    Balances(Sql sql, Instant firstSnapshot) {
        this.sql = sql;
        this.firstSnapshot = firstSnapshot;
    }

    /** What some log rows spent on each counter. */
    static final class Spent {

        private final Map<Counter, Map<CounterName, List<Amount>>> amounts = new EnumMap<>(Counter.class);

        private record Amount(Instant start, BigDecimal spend) {}

        void add(Counter counter, CounterName id, Instant start, BigDecimal spend) {
            amounts.computeIfAbsent(counter, any -> new HashMap<>())
                    .computeIfAbsent(id, any -> new ArrayList<>(4))
                    .add(new Amount(start, spend));
        }

        /** The counters of a request, as booking knows them. */
        void addRequest(String key, String user, String team, String organization, Instant start, BigDecimal spend) {
            addIfNamed(Counter.KEY, key, start, spend);
            addIfNamed(Counter.USER, user, start, spend);
            addIfNamed(Counter.TEAM, team, start, spend);
            addIfNamed(Counter.ORGANIZATION, organization, start, spend);
            if (!user.isEmpty() && !team.isEmpty()) {
                add(Counter.TEAM_MEMBER, new CounterName(user, team), start, spend);
            }
            if (!user.isEmpty() && !organization.isEmpty()) {
                add(Counter.ORGANIZATION_MEMBER, new CounterName(user, organization), start, spend);
            }
            add(Counter.PROXY, CounterName.of(""), start, spend);
        }

        void addIfNamed(Counter counter, String id, Instant start, BigDecimal spend) {
            if (!id.isEmpty()) {
                add(counter, CounterName.of(id), start, spend);
            }
        }

        private BigDecimal total(Counter counter, CounterName id) {
            return sum(counter, id, null);
        }

        private BigDecimal sum(Counter counter, CounterName id, @Nullable Instant since) {
            BigDecimal sum = BigDecimal.ZERO;
            for (Amount amount : amounts.getOrDefault(counter, Map.of()).getOrDefault(id, List.of())) {
                if (since == null || !amount.start.isBefore(since)) {
                    sum = sum.add(amount.spend);
                }
            }
            return sum;
        }
    }

    /**
     * A counter's row, locked.
     *
     * @param hasBalance whether what it has over there is known
     * @param isByLog whether its window there was over when it came, so that this one has what the log rows say
     */
    record Locked(
            @Nullable Instant windowStart,
            @Nullable Instant resetAt,
            BigDecimal spend,
            boolean hasBalance,
            boolean isByLog) {}

    /** Takes rows of the log, or of daily totals, into account that this transaction writes. */
    void explain(Connection connection, Spent spent) throws SQLException {
        for (Counter counter : Counter.values()) {
            Map<CounterName, ?> named = spent.amounts.get(counter);
            if (named != null) {
                explain(connection, counter, List.copyOf(new TreeMap<>(named).keySet()), spent);
            }
        }
    }

    private void explain(Connection connection, Counter counter, List<CounterName> ids, Spent spent)
            throws SQLException {
        String insert = counter.insertMissing();
        if (insert != null) {
            try (PreparedStatement statement = connection.prepareStatement(sql.of(insert))) {
                ids(statement, connection, ids);
                statement.setObject(3, time(firstSnapshot));
                statement.executeUpdate();
            }
        }
        Map<CounterName, Locked> present = lock(connection, counter, ids);
        List<Change> added = new ArrayList<>();
        List<Change> taken = new ArrayList<>();
        for (CounterName id : ids) {
            Locked row = present.get(id);
            BigDecimal total = spent.total(counter, id);
            if (row == null) {
                taken.add(new Change(id, total.negate(), total.negate(), null, CANCELLED));
            } else {
                BigDecimal inWindow = spent.sum(counter, id, row.windowStart);
                if (row.hasBalance && row.isByLog) {
                    taken.add(new Change(id, BigDecimal.ZERO, total.negate(), row.windowStart, OPENING));
                    added.add(new Change(id, inWindow, BigDecimal.ZERO, row.windowStart, OPENING));
                } else if (row.hasBalance) {
                    taken.add(new Change(id, inWindow.negate(), total.negate(), row.windowStart, OPENING));
                } else {
                    added.add(new Change(id, inWindow, total, row.windowStart, OPENING));
                }
            }
        }
        add(connection, counter, added);
        adjust(connection, counter, taken);
        lift(
                connection,
                counter,
                taken.stream().filter(change -> present.containsKey(change.id)).toList());
    }

    /**
     * Something to add to a counter or its balance.
     *
     * @param since the start of the counter's window, which names the adjustment
     */
    record Change(
            CounterName id,
            BigDecimal spend,
            BigDecimal total,
            @Nullable Instant since,
            String reason) {}

    Map<CounterName, Locked> lock(Connection connection, Counter counter, List<CounterName> ids) throws SQLException {
        Map<CounterName, Locked> present = new HashMap<>();
        try (PreparedStatement statement = connection.prepareStatement(sql.of(counter.sql(LOCK)))) {
            ids(statement, connection, ids);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    present.put(
                            ids.get(rows.getInt(1) - 1),
                            new Locked(
                                    instant(rows, 2),
                                    instant(rows, 3),
                                    rows.getBigDecimal(4),
                                    rows.getBoolean(5),
                                    rows.getBoolean(6)));
                }
            }
        }
        return present;
    }

    void add(Connection connection, Counter counter, List<Change> changes) throws SQLException {
        if (changes.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(sql.of(counter.sql(ADD)))) {
            ids(statement, connection, changes.stream().map(Change::id).toList());
            statement.setArray(
                    3, numbers(connection, changes.stream().map(Change::spend).toList()));
            statement.setArray(
                    4, numbers(connection, changes.stream().map(Change::total).toList()));
            statement.executeUpdate();
        }
    }

    void adjust(Connection connection, Counter counter, List<Change> changes) throws SQLException {
        List<Change> wanted = changes.stream()
                .filter(change -> change.spend.signum() != 0 || change.total.signum() != 0)
                .toList();
        if (wanted.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(sql.of(counter.sql(ADJUST)))) {
            ids(statement, connection, wanted.stream().map(Change::id).toList());
            statement.setArray(
                    3, numbers(connection, wanted.stream().map(Change::spend).toList()));
            statement.setArray(
                    4, numbers(connection, wanted.stream().map(Change::total).toList()));
            statement.setArray(5, times(connection, wanted));
            statement.setArray(
                    6,
                    connection.createArrayOf(
                            "text", wanted.stream().map(Change::reason).toArray()));
            statement.executeUpdate();
        }
    }

    private void lift(Connection connection, Counter counter, List<Change> changes) throws SQLException {
        if (changes.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(sql.of(counter.sql(LIFT)))) {
            ids(statement, connection, changes.stream().map(Change::id).toList());
            statement.setArray(3, times(connection, changes));
            statement.executeUpdate();
        }
    }

    private static void ids(PreparedStatement statement, Connection connection, List<CounterName> ids)
            throws SQLException {
        statement.setArray(
                1,
                connection.createArrayOf(
                        "text", ids.stream().map(CounterName::id).toArray()));
        statement.setArray(
                2,
                connection.createArrayOf(
                        "text", ids.stream().map(CounterName::parent).toArray()));
    }

    private static java.sql.Array numbers(Connection connection, List<BigDecimal> numbers) throws SQLException {
        return connection.createArrayOf(
                "numeric", numbers.stream().map(BigDecimal::toPlainString).toArray());
    }

    private static java.sql.Array times(Connection connection, List<Change> changes) throws SQLException {
        return connection.createArrayOf(
                "timestamptz",
                changes.stream()
                        .map(change -> change.since == null ? null : change.since.toString())
                        .toArray());
    }

    static @Nullable Instant instant(ResultSet row, int column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    static @Nullable OffsetDateTime time(@Nullable Instant instant) {
        return instant == null ? null : instant.atOffset(ZoneOffset.UTC);
    }
}
