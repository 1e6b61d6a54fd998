package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Compares budgets by model and further windows with the log rows that say that they count on them. Daily totals do not
 * know these counters, so what was dropped from the log cannot be checked.
 */
final class FurtherCounterCheck {

    private static final String COMPARE = """
            WITH counter AS MATERIALIZED (
                SELECT c.*, c.spend_window_start AS since
                FROM ${llmdb}."LLM_SpendCounter" c
                WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration) <> ('proxy', '', '', '', '')
            ), fact AS (
                SELECT e.counter ->> 0 AS scope, coalesce(e.counter ->> 3,
                        CASE e.counter ->> 0 WHEN 'key' THEN l.api_key WHEN 'user' THEN l."user" WHEN 'team' THEN l.team_id
                            WHEN 'team_member' THEN l."user" WHEN 'organization' THEN l.organization_id
                            WHEN 'organization_member' THEN l."user" WHEN 'end_user' THEN l.end_user END, '') AS scope_id,
                    coalesce(e.counter ->> 4,
                        CASE e.counter ->> 0 WHEN 'team_member' THEN l.team_id
                            WHEN 'organization_member' THEN l.organization_id END, '') AS parent_id,
                    e.counter ->> 1 AS model, e.counter ->> 2 AS budget_duration, l."startTime" AS start, l.spend
                FROM ${llmdb}."LLM_SpendLogs" l CROSS JOIN LATERAL jsonb_array_elements(l.further_counters) e (counter)
                WHERE l."startTime" >= ? AND l."startTime" < ? AND l.further_counters IS NOT NULL
            ), summed AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(f.spend) AS total_spend,
                    sum(f.spend) FILTER (WHERE c.since IS NULL OR f.start >= c.since) AS spend
                FROM fact f JOIN counter c USING (scope, scope_id, parent_id, model, budget_duration)
                GROUP BY 1, 2, 3, 4, 5
            ), adjusted AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(a.total_amount) AS total_spend,
                    sum(a.amount) FILTER (WHERE c.since IS NULL OR a.effective_at >= c.since) AS spend
                FROM ${llmdb}."LLM_SpendAdjustment" a JOIN counter c USING (scope, scope_id, parent_id, model, budget_duration)
                GROUP BY 1, 2, 3, 4, 5
            ), compared AS (
                SELECT scope, scope_id, parent_id, model, budget_duration,
                    coalesce(s.total_spend, 0) + coalesce(a.total_spend, 0) AS expected_total_spend, c.total_spend,
                    coalesce(s.spend, 0) + coalesce(a.spend, 0) AS expected_spend, c.spend,
                    CASE WHEN c.since IS NULL THEN NOT ? ELSE c.since < ? END AS blind
                FROM counter c
                LEFT JOIN summed s USING (scope, scope_id, parent_id, model, budget_duration)
                LEFT JOIN adjusted a USING (scope, scope_id, parent_id, model, budget_duration))
            SELECT NULL, NULL, NULL, NULL, NULL, (SELECT count(*) FROM counter), NULL, (SELECT count(*) FROM compared WHERE blind), NULL, NULL
            UNION ALL
            SELECT * FROM compared WHERE total_spend <> expected_total_spend AND ? OR spend <> expected_spend AND NOT blind""";

    private final String statement;
    private final List<CounterState> states = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private long counters;

    FurtherCounterCheck(Sql sql) {
        this.statement = sql.of(COMPARE);
    }

    /**
     * Checks all.
     *
     * @param telling days with rows that say so
     * @param opaque days of which the log does not tell all
     */
    void check(Connection connection, TreeSet<LocalDate> telling, TreeSet<LocalDate> opaque) throws SQLException {
        boolean complete = opaque.isEmpty();
        LocalDate known = complete ? LocalDate.EPOCH : opaque.last().plusDays(1);
        LocalDate from = telling.isEmpty() ? LocalDate.EPOCH : telling.first();
        LocalDate to = telling.isEmpty() ? LocalDate.EPOCH : telling.last().plusDays(1);
        try (PreparedStatement query = connection.prepareStatement(statement)) {
            query.setObject(1, from.atStartOfDay().atOffset(ZoneOffset.UTC));
            query.setObject(2, to.atStartOfDay().atOffset(ZoneOffset.UTC));
            query.setBoolean(3, complete);
            query.setObject(4, known.atStartOfDay().atOffset(ZoneOffset.UTC));
            query.setBoolean(5, complete);
            try (ResultSet rows = query.executeQuery()) {
                rows.next();
                counters = rows.getLong(6);
                long windowsUnknown = rows.getLong(8);
                if (counters > 0 && !complete) {
                    notes.add("The lifetime totals of " + counters
                            + " budgets by model and further windows are not checked: the log does not tell of all days up to "
                            + opaque.last() + ", and the daily totals do not know them");
                }
                if (windowsUnknown > 0) {
                    notes.add(
                            "The windows of " + windowsUnknown
                                    + " budgets by model and further windows are not checked: they began on a day of which the log does not tell all");
                }
                while (rows.next()) {
                    read(rows, complete);
                }
            }
        }
    }

    private void read(ResultSet rows, boolean complete) throws SQLException {
        states.add(new CounterState(
                new CounterId(
                        Scope.ofSqlName(rows.getString(1)),
                        rows.getString(2),
                        rows.getString(3),
                        rows.getString(4),
                        rows.getString(5)),
                null,
                false,
                rows.getBoolean(10),
                rows.getBigDecimal(6),
                complete ? rows.getBigDecimal(7) : rows.getBigDecimal(6),
                rows.getBigDecimal(8),
                rows.getBigDecimal(9)));
    }

    /** The counters that differ. */
    List<CounterState> states() {
        return states;
    }

    List<String> notes() {
        return notes;
    }

    long counters() {
        return counters;
    }
}
