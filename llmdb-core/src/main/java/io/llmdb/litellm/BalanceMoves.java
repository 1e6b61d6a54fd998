package io.llmdb.litellm;

import io.llmdb.internal.Sql;
import io.llmdb.litellm.Balances.Change;
import io.llmdb.litellm.Balances.Locked;
import io.llmdb.litellm.PendingRow.State;
import io.llmdb.litellm.Row.Counted;
import io.llmdb.litellm.Tally.Fate;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Opening balances of rows that come, and what counters over there gained since the last run. */
final class BalanceMoves {

    private static final String MOVE_ON = """
            WITH past AS (
                INSERT INTO ${llmdb}."LLM_BudgetWindow" AS w (scope, scope_id, parent_id, window_start, window_end, spend)
                SELECT '${scope}', d.id, d.parent, d.was_start, d.was_end, d.spend
                FROM unnest(?::text[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[], ?::numeric[])
                    d (id, parent, was_start, was_end, start, reset, spend)
                WHERE d.was_start IS NOT NULL AND d.spend <> 0
                ON CONFLICT (scope, scope_id, parent_id, model, budget_duration, window_start) DO UPDATE SET spend = w.spend + excluded.spend)
            UPDATE ${table} c SET spend = 0, spend_window_start = d.start, budget_reset_at = d.reset
            FROM unnest(?::text[], ?::text[], ?::timestamptz[], ?::timestamptz[]) d (id, parent, start, reset) WHERE ${match}""";

    private final Sql sql;
    private final Balances balances;
    private final Instant now;

    BalanceMoves(Sql sql, Balances balances, Instant now) {
        this.sql = sql;
        this.balances = balances;
        this.now = now;
    }

    void open(Connection connection, Counter counter, List<PendingRow> rows) throws SQLException {
        List<Change> opened = new ArrayList<>();
        for (PendingRow row : rows) {
            Counted counted = row.counted();
            row.logWindowEnd = counted.over() ? counted.resetAt() : null;
            if (counted.spend() != null) {
                opened.add(new Change(
                        row.id, counted.opening(), counted.lifetime(), counted.windowStart(), Balances.OPENING));
            }
        }
        balances.adjust(connection, counter, opened);
    }

    /** What a counter over there gained since the last run is gained here; a new window there begins one here. */
    void moveOn(
            Connection connection,
            Counter counter,
            List<PendingRow> rows,
            Map<CounterName, State> known,
            Map<CounterName, Locked> locked)
            throws SQLException {
        List<Change> changes = new ArrayList<>();
        for (PendingRow row : rows) {
            State state = Objects.requireNonNull(known.get(row.id));
            Counted counted = row.counted();
            Locked here = locked.get(row.id);
            if (row.fate == Fate.ADDED || here == null || state.spend() == null || counted.spend() == null) {
                continue;
            }
            boolean next = counted.resetThere() != null
                    && state.resetAt() != null
                    && counted.resetThere().isAfter(state.resetAt());
            boolean overHere = here.resetAt() != null && !now.isBefore(here.resetAt());
            Instant since = here.windowStart();
            if (overHere && (next || counted.over())) {
                nextWindow(connection, counter, row, here, counted);
                since = counted.windowStart();
                row.logWindowEnd = counted.over() ? counted.resetAt() : null;
            } else {
                row.logWindowEnd = state.logWindowEnd();
            }
            boolean byLog = row.logWindowEnd != null;
            BigDecimal gained = next ? counted.spend() : counted.spend().subtract(state.spend());
            BigDecimal total = counted.total() != null && state.total() != null
                    ? counted.total().subtract(state.total()).max(BigDecimal.ZERO)
                    : gained.max(BigDecimal.ZERO);
            BigDecimal spend = byLog ? BigDecimal.ZERO : gained;
            if (spend.signum() != 0 || total.signum() != 0) {
                changes.add(new Change(row.id, spend, total, since, Balances.OPENING));
            }
        }
        balances.add(connection, counter, changes);
        balances.adjust(connection, counter, changes);
    }

    private void nextWindow(Connection connection, Counter counter, PendingRow row, Locked here, Counted counted)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of(counter.sql(MOVE_ON)))) {
            List<CounterName> ids = List.of(row.id);
            KnownRows.setIds(statement, connection, 1, ids);
            statement.setArray(3, times(connection, here.windowStart()));
            statement.setArray(4, times(connection, here.resetAt()));
            statement.setArray(5, times(connection, counted.windowStart()));
            statement.setArray(6, times(connection, counted.resetAt()));
            statement.setArray(7, connection.createArrayOf("numeric", new Object[] {here.spend()}));
            KnownRows.setIds(statement, connection, 8, ids);
            statement.setArray(10, times(connection, counted.windowStart()));
            statement.setArray(11, times(connection, counted.resetAt()));
            statement.executeUpdate();
        }
    }

    private static java.sql.Array times(Connection connection, @Nullable Instant instant) throws SQLException {
        return connection.createArrayOf("timestamptz", new @Nullable Object[] {KnownRows.text(instant)});
    }
}
