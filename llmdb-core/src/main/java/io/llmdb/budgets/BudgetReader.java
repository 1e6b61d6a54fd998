package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.internal.Db;
import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** Reads how budgets stand, in one round trip and without changing anything. */
final class BudgetReader {

    private static final String READ = """
            SELECT a.ordinal, c.spend, c.budget_reset_at, c.budget_reset_at <= ${llmdb}.llmdb_now() AS over,
                   coalesce(c.max_budget, d.max_budget
                       + CASE WHEN d.temp_budget_expiry > ${llmdb}.llmdb_now() THEN d.temp_budget_increase ELSE 0 END) AS max_budget,
                   coalesce(c.soft_budget, d.soft_budget) AS soft_budget,
                   coalesce((SELECT sum(l.amount) FROM ${llmdb}."LLM_Lease" l
                             WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
                                 = (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
                               AND l.expires_at > ${llmdb}.llmdb_now()
                               AND (l.window_end IS NULL OR l.window_end > ${llmdb}.llmdb_now())), 0) AS reserved
            FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[]) WITH ORDINALITY
                     a (scope, scope_id, parent_id, model, budget_duration, ordinal)
            JOIN ${llmdb}.llmdb_counter c USING (scope, scope_id, parent_id, model, budget_duration)
            LEFT JOIN ${llmdb}."LLM_BudgetTable" d ON c.scope = 'end_user' AND c.budget_id IS NULL AND d.budget_id = ?
                AND c.model = '' AND c.budget_duration = ''""";

    private final Db db;
    private final @Nullable String defaultEndUserBudgetId;

    BudgetReader(Db db, @Nullable String defaultEndUserBudgetId) {
        this.db = db;
        this.defaultEndUserBudgetId = defaultEndUserBudgetId;
    }

    /**
     * @param needs the budgets
     * @param idle what this instance has of each that no call uses, which is not reserved in truth
     * @return one for each, in the same order
     */
    List<BudgetState> read(List<Need> needs, ToLongFunction<CounterId> idle) {
        if (needs.isEmpty()) {
            return List.of();
        }
        return db.single(tx -> {
            List<BudgetState> states = new ArrayList<>(needs.stream()
                    .map(need -> new BudgetState(need.counter(), BigDecimal.ZERO, BigDecimal.ZERO, need.limit(), null))
                    .toList());
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(READ))) {
                List<CounterId> counters = needs.stream().map(Need::counter).toList();
                CounterArrays.bind(statement, 1, counters);
                statement.setString(6, defaultEndUserBudgetId);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        int place = (int) rows.getLong("ordinal") - 1;
                        states.set(place, state(needs.get(place), rows, idle));
                    }
                }
            }
            return states;
        });
    }

    /** A window that is over counts as reset, whether or not anything has moved the counter on. */
    private static BudgetState state(Need need, ResultSet row, ToLongFunction<CounterId> idle) throws SQLException {
        boolean over = row.getBoolean("over");
        BigDecimal limit = row.getBigDecimal("max_budget");
        OffsetDateTime reset = row.getObject("budget_reset_at", OffsetDateTime.class);
        BigDecimal reserved = row.getBigDecimal("reserved")
                .subtract(Units.money(idle.applyAsLong(need.counter())))
                .max(BigDecimal.ZERO);
        return new BudgetState(
                need.counter(),
                over ? BigDecimal.ZERO : row.getBigDecimal("spend"),
                reserved,
                limit == null ? need.limit() : limit,
                over || reset == null ? null : reset.toInstant());
    }
}
