package io.llmdb.spend;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterDeltas.Delta;
import io.llmdb.spend.WindowRoll.PastWindow;
import io.llmdb.spend.WindowRoll.Spent;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Adds to the counters, and moves those on whose window is over. */
final class CounterBook {

    /** Its result is for {@link #readUnbooked}. */
    static final String BOOK = """
            SELECT *, ${llmdb}.llmdb_now() AS now FROM ${llmdb}.llmdb_book(
                ?::int[], ?::text[], ?::text[], ?::numeric[], ?::timestamptz[], ?::timestamptz[],
                ?::text[], ?::text[], ?::text[], ?::text, ?::text, ?::numeric)""";

    private static final String MOVE_ON = """
            UPDATE ${llmdb}."${table}" c
            SET spend = d.new_spend, total_spend = c.total_spend + d.added, spend_window_start = d.new_start, budget_reset_at = d.new_reset
            FROM unnest(${arrays}, ?::numeric[], ?::numeric[], ?::timestamptz[], ?::timestamptz[])
                d (${columns}, new_spend, added, new_start, new_reset)
            WHERE ${matches}""";

    private static final String PAST_WINDOWS = """
            INSERT INTO ${llmdb}."LLM_BudgetWindow" AS w
                (scope, scope_id, parent_id, model, budget_duration, window_start, window_end, spend)
            SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::numeric[])
                d (scope, scope_id, parent_id, model, budget_duration, window_start, window_end, spend)
            ORDER BY scope COLLATE "C", scope_id COLLATE "C", parent_id COLLATE "C", model COLLATE "C", budget_duration COLLATE "C", window_start
            ON CONFLICT (scope, scope_id, parent_id, model, budget_duration, window_start) DO UPDATE SET spend = w.spend + excluded.spend
            RETURNING scope, scope_id, parent_id, model, budget_duration, window_start, spend""";

    /** Tells {@code verify} what no log row of the window explains. */
    private static final String CARRIED = """
            INSERT INTO ${llmdb}."LLM_SpendAdjustment"
                (id, scope, scope_id, parent_id, model, budget_duration, amount, total_amount, effective_at, reason, created_at)
            SELECT id, scope, scope_id, parent_id, model, budget_duration, amount, 0, effective_at, 'overspend of the window before', created_at
            FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::numeric[], ?::timestamptz[], ?::timestamptz[])
                d (scope, scope_id, parent_id, model, budget_duration, id, amount, effective_at, created_at)""";

    private final BookingPolicy policy;
    private final String now;
    private final String book;
    private final String pastWindows;
    private final String carried;
    private final List<String> moveOn;

    CounterBook(Sql sql, BookingPolicy policy) {
        this.policy = policy;
        this.now = sql.of("SELECT ${llmdb}.llmdb_now()");
        this.book = sql.of(BOOK);
        this.pastWindows = sql.of(PAST_WINDOWS);
        this.carried = sql.of(CARRIED);
        this.moveOn = new ArrayList<>();
        for (int place = 0; place <= CounterTable.PLACES; place++) {
            CounterTable table = CounterTable.at(place);
            List<String> columns =
                    table.id().stream().map(CounterTable.Column::name).toList();
            moveOn.add(sql.of(MOVE_ON.replace("${table}", table.table())
                    .replace(
                            "${arrays}",
                            columns.stream().map(name -> "?::text[]").collect(Collectors.joining(", ")))
                    .replace("${columns}", String.join(", ", columns))
                    .replace(
                            "${matches}",
                            columns.stream()
                                    .map(name -> "c." + name + " = d." + name)
                                    .collect(Collectors.joining(" AND ")))));
        }
    }

    /** Books nothing on the counters at the present instant, which moves those on whose window is over. */
    void moveOn(Connection connection, List<CounterId> counters) throws SQLException {
        Instant instant;
        try (PreparedStatement statement = connection.prepareStatement(now);
                ResultSet row = statement.executeQuery()) {
            row.next();
            instant = row.getObject(1, OffsetDateTime.class).toInstant();
        }
        CounterDeltas nothing = CounterDeltas.nothing(counters, instant);
        try (PreparedStatement statement = connection.prepareStatement(book)) {
            bind(new SqlArrays(statement), nothing);
            try (ResultSet rows = statement.executeQuery()) {
                moveOn(connection, readUnbooked(rows), nothing);
            }
        }
    }

    /** Sets the arguments of {@link #BOOK}. */
    void bind(SqlArrays arguments, CounterDeltas deltas) throws SQLException {
        List<Delta> all = deltas.inOrder();
        List<Delta> others = deltas.others();
        BudgetDuration proxyDuration = policy.proxyDuration();
        arguments
                .add("int4", deltas.counts())
                .texts(all, delta -> delta.counter().id())
                .texts(all, delta -> delta.counter().parentId())
                .amounts(all, Delta::spend)
                .instants(all, Delta::first)
                .instants(all, Delta::last)
                .texts(others, delta -> delta.counter().scope().sqlName())
                .texts(others, delta -> delta.counter().model())
                .texts(others, delta -> delta.counter().duration())
                .text(policy.defaultEndUserBudgetId())
                .text(proxyDuration == null ? null : proxyDuration.toString())
                .amount(policy.proxyMaxBudget());
    }

    static List<Unbooked> readUnbooked(ResultSet rows) throws SQLException {
        List<Unbooked> unbooked = new ArrayList<>();
        while (rows.next()) {
            unbooked.add(Unbooked.read(rows));
        }
        return unbooked;
    }

    /** Books what {@link #BOOK} left over on counters that it has locked. */
    void moveOn(Connection connection, List<Unbooked> counters, CounterDeltas deltas) throws SQLException {
        if (counters.isEmpty()) {
            return;
        }
        Map<CounterId, List<Spent>> spent =
                deltas.spentOn(counters.stream().map(counter -> counter.id).toList());
        List<Moved> all = new ArrayList<>();
        for (Unbooked counter : counters) {
            Delta delta = deltas.of(counter.id);
            List<Spent> added = spent.getOrDefault(counter.id, List.of());
            WindowRoll roll = WindowRoll.of(policy.calendar(), counter.state, counter.now, added, policy.rollover());
            all.add(new Moved(counter.id, delta, roll, counter.state, counter.now));
        }
        Map<PastId, BigDecimal> past = recordPastWindows(connection, all);
        if (policy.rollover()) {
            all.replaceAll(one -> one.withLateOverspend(past));
        }
        Map<Integer, List<Moved>> byPlace = new TreeMap<>();
        for (Moved moved : all) {
            byPlace.computeIfAbsent(CounterTable.placeOf(moved.counter), place -> new ArrayList<>())
                    .add(moved);
        }
        for (Map.Entry<Integer, List<Moved>> place : byPlace.entrySet()) {
            update(connection, place.getKey(), place.getValue());
        }
        recordCarried(
                connection,
                all.stream().filter(one -> one.roll.carried().signum() != 0).toList());
    }

    private void update(Connection connection, int place, List<Moved> moved) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(moveOn.get(place))) {
            SqlArrays arguments = new SqlArrays(statement);
            for (CounterTable.Column column : CounterTable.at(place).id()) {
                arguments.texts(moved, one -> column.value().apply(one.counter));
            }
            arguments
                    .amounts(moved, one -> one.roll.spend())
                    .amounts(moved, one -> one.delta.spend())
                    .add("timestamptz", instants(moved, one -> one.roll.windowStart()))
                    .add("timestamptz", instants(moved, one -> one.roll.resetAt()));
            statement.executeUpdate();
        }
    }

    /** Returns what the windows have spent now. */
    private Map<PastId, BigDecimal> recordPastWindows(Connection connection, List<Moved> moved) throws SQLException {
        record Past(CounterId counter, PastWindow window) {}
        List<Past> rows = new ArrayList<>();
        for (Moved one : moved) {
            one.roll.past().forEach(window -> rows.add(new Past(one.counter, window)));
        }
        Map<PastId, BigDecimal> spend = new HashMap<>();
        if (rows.isEmpty()) {
            return spend;
        }
        try (PreparedStatement statement = connection.prepareStatement(pastWindows)) {
            bindIds(new SqlArrays(statement), rows.stream().map(Past::counter).toList())
                    .instants(rows, row -> row.window.start())
                    .instants(rows, row -> row.window.end())
                    .amounts(rows, row -> row.window.spend());
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    CounterId counter = counterOf(row);
                    Instant start =
                            row.getObject("window_start", OffsetDateTime.class).toInstant();
                    spend.put(new PastId(counter, start), row.getBigDecimal("spend"));
                }
            }
        }
        return spend;
    }

    private void recordCarried(Connection connection, List<Moved> moved) throws SQLException {
        if (moved.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(carried)) {
            bindIds(new SqlArrays(statement), moved.stream().map(Moved::counter).toList())
                    .ids(moved, one -> Ids.at(one.now))
                    .amounts(moved, one -> one.roll.carried())
                    .add("timestamptz", instants(moved, one -> one.roll.windowStart()))
                    .instants(moved, Moved::now);
            statement.executeUpdate();
        }
    }

    /** Scope, id, parent, model and duration. */
    static SqlArrays bindIds(SqlArrays arguments, List<CounterId> counters) throws SQLException {
        return arguments
                .texts(counters, counter -> counter.scope().sqlName())
                .texts(counters, CounterId::id)
                .texts(counters, CounterId::parentId)
                .texts(counters, CounterId::model)
                .texts(counters, CounterId::duration);
    }

    private static Object[] instants(List<Moved> moved, java.util.function.Function<Moved, @Nullable Instant> column) {
        return moved.stream()
                .map(column)
                .map(instant -> instant == null ? null : instant.toString())
                .toArray();
    }

    private record PastId(CounterId counter, Instant windowStart) {}

    private record Moved(CounterId counter, Delta delta, WindowRoll roll, WindowRoll.Counter before, Instant now) {

        /** What came late for the window just before is carried as it would have been in time. */
        Moved withLateOverspend(Map<PastId, BigDecimal> past) {
            WindowRoll late = roll.withLateOverspend(
                    before, window -> past.getOrDefault(new PastId(counter, window.start()), window.spend()));
            return new Moved(counter, delta, late, before, now);
        }
    }

    private static CounterId counterOf(ResultSet row) throws SQLException {
        return new CounterId(
                Scope.ofSqlName(row.getString("scope")),
                row.getString("scope_id"),
                row.getString("parent_id"),
                row.getString("model"),
                row.getString("budget_duration"));
    }

    /** A counter that {@link #BOOK} locked and left as it was. */
    static final class Unbooked {
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
                    counterOf(row),
                    new WindowRoll.Counter(
                            row.getBigDecimal("spend"),
                            instant(row, "spend_window_start"),
                            instant(row, "budget_reset_at"),
                            duration == null ? null : BudgetDuration.parse("budget_duration", duration),
                            row.getBigDecimal("max_budget")),
                    row.getObject("now", OffsetDateTime.class)
                            .withOffsetSameInstant(ZoneOffset.UTC)
                            .toInstant());
        }

        private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
            OffsetDateTime value = row.getObject(column, OffsetDateTime.class);
            return value == null ? null : value.toInstant();
        }
    }
}
