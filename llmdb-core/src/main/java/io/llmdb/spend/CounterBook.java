package io.llmdb.spend;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Sql;
import io.llmdb.spend.WindowRoll.PastWindow;
import io.llmdb.spend.WindowRoll.Spent;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Adds a batch to the counters, and takes it from the leases that covered it. */
final class CounterBook {

    private static final String BOOK = """
            SELECT *, ${llmdb}.llmdb_now() AS now
            FROM ${llmdb}.llmdb_book(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::numeric[], ?::timestamptz[], ?::timestamptz[],
                ?::text, ?::text, ?::numeric)""";

    private static final String MOVE_ON = """
            UPDATE ${llmdb}."${table}"
            SET spend = ?, total_spend = total_spend + ?, spend_window_start = ?, budget_reset_at = ?
            WHERE ${id}""";

    private static final String PAST_WINDOW = """
            INSERT INTO ${llmdb}."LLM_BudgetWindow" AS w
                (scope, scope_id, parent_id, model, budget_duration, window_start, window_end, spend)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (scope, scope_id, parent_id, model, budget_duration, window_start) DO UPDATE SET spend = w.spend + excluded.spend""";

    /** Tells {@code verify} what no log row of the window explains. */
    private static final String CARRIED = """
            INSERT INTO ${llmdb}."LLM_SpendAdjustment"
                (id, scope, scope_id, parent_id, model, budget_duration, amount, total_amount, effective_at, reason, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 'overspend of the window before', ?)""";

    /** A lease is never less than nothing: cost above the estimate is booked in full and shows in the counter. */
    private static final String TAKE_FROM_LEASES = """
            WITH taken AS MATERIALIZED (
                SELECT scope, scope_id, parent_id, model, budget_duration, holder, d.amount
                FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::numeric[], ?::timestamptz[])
                    d (scope, scope_id, parent_id, model, budget_duration, holder, amount, last_start)
                JOIN ${llmdb}."LLM_Lease" l USING (scope, scope_id, parent_id, model, budget_duration, holder)
                WHERE l.window_start IS NULL OR d.last_start >= l.window_start
                ORDER BY scope COLLATE "C", scope_id COLLATE "C", parent_id COLLATE "C", model COLLATE "C",
                    budget_duration COLLATE "C", holder
                FOR UPDATE OF l)
            UPDATE ${llmdb}."LLM_Lease" l SET amount = greatest(0, l.amount - t.amount)
            FROM taken t
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (t.scope, t.scope_id, t.parent_id, t.model, t.budget_duration, t.holder)""";

    private final Sql sql;
    private final BookingPolicy policy;
    private final String book;
    private final String pastWindow;
    private final String carried;
    private final String takeFromLeases;

    CounterBook(Sql sql, BookingPolicy policy) {
        this.sql = sql;
        this.policy = policy;
        this.book = sql.of(BOOK);
        this.pastWindow = sql.of(PAST_WINDOW);
        this.carried = sql.of(CARRIED);
        this.takeFromLeases = sql.of(TAKE_FROM_LEASES);
    }

    /** Books nothing on the counters at the present instant, which moves those on whose window is over. */
    void moveOn(Connection connection, List<CounterId> counters) throws SQLException {
        Instant now = now(connection);
        CounterDeltas nothing = CounterDeltas.nothing(counters, now);
        for (Unbooked counter : book(connection, nothing)) {
            moveOn(connection, counter, nothing);
        }
    }

    void add(Connection connection, Collection<SpendEvent> events) throws SQLException {
        CounterDeltas deltas = new CounterDeltas(events);
        for (Unbooked counter : book(connection, deltas)) {
            moveOn(connection, counter, deltas);
        }
        takeFromLeases(connection, events);
    }

    private Instant now(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of("SELECT ${llmdb}.llmdb_now()"));
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getObject(1, OffsetDateTime.class).toInstant();
        }
    }

    private List<Unbooked> book(Connection connection, CounterDeltas deltas) throws SQLException {
        List<Map.Entry<CounterId, CounterDeltas.Delta>> rows =
                new ArrayList<>(deltas.byCounter().entrySet());
        List<Unbooked> unbooked = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(book)) {
            List<CounterId> counters = rows.stream().map(Map.Entry::getKey).toList();
            statement.setArray(
                    1,
                    texts(
                            connection,
                            counters.stream()
                                    .map(id -> id.isMain()
                                            ? id.scope().sqlName()
                                            : '+' + id.scope().sqlName())
                                    .toList()));
            setIds(connection, statement, 2, counters);
            statement.setArray(
                    6,
                    connection.createArrayOf(
                            "numeric",
                            rows.stream().map(row -> row.getValue().spend()).toArray()));
            statement.setArray(
                    7,
                    instants(
                            connection,
                            rows.stream().map(row -> row.getValue().first()).toList()));
            statement.setArray(
                    8,
                    instants(
                            connection,
                            rows.stream().map(row -> row.getValue().last()).toList()));
            statement.setString(9, policy.defaultEndUserBudgetId());
            statement.setString(
                    10,
                    policy.proxyDuration() == null
                            ? null
                            : policy.proxyDuration().toString());
            statement.setBigDecimal(11, policy.proxyMaxBudget());
            try (ResultSet result = statement.executeQuery()) {
                while (result.next()) {
                    unbooked.add(Unbooked.read(result));
                }
            }
        }
        return unbooked;
    }

    private void moveOn(Connection connection, Unbooked counter, CounterDeltas deltas) throws SQLException {
        CounterDeltas.Delta delta = deltas.byCounter().get(counter.id);
        if (delta == null) {
            throw new IllegalStateException("llmdb_book returned a counter that it was not given: " + counter.id);
        }
        List<Spent> added = delta.events().stream()
                .map(event -> new Spent(event.startTime(), event.cost()))
                .toList();
        WindowRoll roll = WindowRoll.of(policy.calendar(), counter.state, counter.now, added, policy.rollover());
        CounterTable table = CounterTable.of(counter.id);
        String update = sql.of(MOVE_ON.replace("${table}", table.table()).replace("${id}", table.whereId()));
        try (PreparedStatement statement = connection.prepareStatement(update)) {
            statement.setBigDecimal(1, roll.spend());
            statement.setBigDecimal(2, delta.spend());
            statement.setObject(3, timestamp(roll.windowStart()));
            statement.setObject(4, timestamp(roll.resetAt()));
            int parameter = 5;
            for (String value : CounterTable.idValues(counter.id)) {
                statement.setString(parameter++, value);
            }
            statement.executeUpdate();
        }
        recordPastWindows(connection, counter.id, roll.past());
        if (roll.carried().signum() != 0) {
            recordCarried(connection, counter, roll);
        }
    }

    private void recordCarried(Connection connection, Unbooked counter, WindowRoll roll) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(carried)) {
            statement.setObject(1, Ids.at(counter.now));
            setId(statement, 2, counter.id);
            statement.setBigDecimal(7, roll.carried());
            statement.setObject(8, timestamp(roll.windowStart()));
            statement.setObject(9, timestamp(counter.now));
            statement.executeUpdate();
        }
    }

    private static void setId(PreparedStatement statement, int from, CounterId id) throws SQLException {
        statement.setString(from, id.scope().sqlName());
        statement.setString(from + 1, id.id());
        statement.setString(from + 2, id.parentId());
        statement.setString(from + 3, id.model());
        statement.setString(from + 4, id.duration());
    }

    private void recordPastWindows(Connection connection, CounterId id, List<PastWindow> windows) throws SQLException {
        if (windows.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(pastWindow)) {
            for (PastWindow window : windows) {
                setId(statement, 1, id);
                statement.setObject(6, timestamp(window.start()));
                statement.setObject(7, timestamp(window.end()));
                statement.setBigDecimal(8, window.spend());
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    private void takeFromLeases(Connection connection, Collection<SpendEvent> events) throws SQLException {
        record Held(CounterId counter, UUID holder) {}
        Map<Held, BigDecimal> amounts = new java.util.LinkedHashMap<>();
        Map<Held, Instant> last = new java.util.HashMap<>();
        for (SpendEvent event : events) {
            UUID holder = event.leaseHolder();
            if (holder != null) {
                for (CounterId counter : CounterDeltas.countersOf(event)) {
                    Held held = new Held(counter, holder);
                    amounts.merge(held, event.cost(), BigDecimal::add);
                    last.merge(held, event.startTime(), (a, b) -> a.isAfter(b) ? a : b);
                }
            }
        }
        if (amounts.isEmpty()) {
            return;
        }
        List<Held> rows = new ArrayList<>(amounts.keySet());
        try (PreparedStatement statement = connection.prepareStatement(takeFromLeases)) {
            List<CounterId> counters = rows.stream().map(Held::counter).toList();
            statement.setArray(
                    1,
                    texts(
                            connection,
                            counters.stream().map(id -> id.scope().sqlName()).toList()));
            setIds(connection, statement, 2, counters);
            statement.setArray(
                    6,
                    connection.createArrayOf(
                            "uuid", rows.stream().map(Held::holder).toArray()));
            statement.setArray(
                    7,
                    connection.createArrayOf(
                            "numeric", rows.stream().map(amounts::get).toArray()));
            statement.setArray(
                    8, instants(connection, rows.stream().map(last::get).toList()));
            statement.executeUpdate();
        }
    }

    private static void setIds(Connection connection, PreparedStatement statement, int from, List<CounterId> counters)
            throws SQLException {
        statement.setArray(
                from, texts(connection, counters.stream().map(CounterId::id).toList()));
        statement.setArray(
                from + 1,
                texts(connection, counters.stream().map(CounterId::parentId).toList()));
        statement.setArray(
                from + 2,
                texts(connection, counters.stream().map(CounterId::model).toList()));
        statement.setArray(
                from + 3,
                texts(connection, counters.stream().map(CounterId::duration).toList()));
    }

    private static Array texts(Connection connection, List<String> values) throws SQLException {
        return connection.createArrayOf("text", values.toArray());
    }

    private static Array instants(Connection connection, List<Instant> values) throws SQLException {
        return connection.createArrayOf(
                "timestamptz", values.stream().map(Instant::toString).toArray());
    }

    private static @Nullable OffsetDateTime timestamp(@Nullable Instant instant) {
        return instant == null ? null : instant.atOffset(ZoneOffset.UTC);
    }

    private static final class Unbooked {
        private final CounterId id;
        private final WindowRoll.Counter state;
        private final Instant now;

        private Unbooked(CounterId id, WindowRoll.Counter state, Instant now) {
            this.id = id;
            this.state = state;
            this.now = now;
        }

        private static Unbooked read(ResultSet row) throws SQLException {
            String duration = row.getString("window_duration");
            return new Unbooked(
                    new CounterId(
                            Scope.ofSqlName(row.getString("scope")),
                            row.getString("scope_id"),
                            row.getString("parent_id"),
                            row.getString("model"),
                            row.getString("budget_duration")),
                    new WindowRoll.Counter(
                            row.getBigDecimal("spend"),
                            instant(row, "spend_window_start"),
                            instant(row, "budget_reset_at"),
                            duration == null ? null : BudgetDuration.parse("budget_duration", duration),
                            row.getBigDecimal("max_budget")),
                    row.getObject("now", OffsetDateTime.class).toInstant());
        }

        private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
            OffsetDateTime value = row.getObject(column, OffsetDateTime.class);
            return value == null ? null : value.toInstant();
        }
    }
}
