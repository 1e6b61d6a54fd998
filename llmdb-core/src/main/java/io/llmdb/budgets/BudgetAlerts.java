package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Tx;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Raises an event when a window passes its soft budget or 80 % of its maximum. A row of {@code "LLM_BudgetAlert"},
 * whose primary key is counter, mark and window, decides which instance does, so it happens once.
 */
final class BudgetAlerts {

    /** The limit is for counters whose limit the database does not know itself. */
    private static final String RAISE = """
            INSERT INTO ${llmdb}."LLM_BudgetAlert" AS t
                (scope, scope_id, parent_id, model, budget_duration, kind, window_start, spend, threshold, raised_at)
            SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration, m.kind, coalesce(c.spend_window_start, '-infinity'), c.spend,
                m.threshold, ${llmdb}.llmdb_now()
            FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::numeric[], ?::numeric[])
                     a (scope, scope_id, parent_id, model, budget_duration, max_budget, soft_budget)
            JOIN ${llmdb}.llmdb_counter c USING (scope, scope_id, parent_id, model, budget_duration)
            LEFT JOIN ${llmdb}."LLM_BudgetTable" d ON c.scope = 'end_user' AND c.budget_id IS NULL AND d.budget_id = ?
                AND c.model = '' AND c.budget_duration = ''
            CROSS JOIN LATERAL (VALUES
                ('soft_budget', coalesce(c.soft_budget, d.soft_budget, a.soft_budget)),
                ('max_budget_80_percent', nullif(coalesce(c.max_budget, d.max_budget, a.max_budget), 0) * 0.8)) m (kind, threshold)
            WHERE c.spend >= m.threshold
            ORDER BY c.scope COLLATE "C", c.scope_id COLLATE "C", c.parent_id COLLATE "C", c.model COLLATE "C", c.budget_duration COLLATE "C", m.kind
            ON CONFLICT DO NOTHING
            RETURNING *""";

    private static final String RAISED = """
            SELECT * FROM ${llmdb}."LLM_BudgetAlert" t
            WHERE (t.scope, t.scope_id, t.parent_id, t.model, t.budget_duration) = (?, ?, ?, ?, ?)
            ORDER BY t.window_start DESC, t.kind""";

    private static final Logger LOG = LoggerFactory.getLogger(BudgetAlerts.class);

    private final Db db;
    private final BudgetRules rules;
    private final List<BudgetListener> listeners = new CopyOnWriteArrayList<>();

    /** What was spent on since the last look. */
    private final Set<Need> spentOn = ConcurrentHashMap.newKeySet();

    BudgetAlerts(Db db, BudgetRules rules) {
        this.db = db;
        this.rules = rules;
    }

    void add(BudgetListener listener) {
        listeners.add(listener);
    }

    void remove(BudgetListener listener) {
        listeners.remove(listener);
    }

    /** Spend on these was booked. */
    void spent(List<Need> counters) {
        for (int i = 0; i < counters.size(); i++) {
            spentOn.add(counters.get(i));
        }
    }

    /** Looks at what was spent on since the last time, and raises what has passed its mark. */
    void look() {
        List<Need> taken = List.copyOf(spentOn);
        // What is spent on again meanwhile is found again; spend is in the books before it is noted here.
        spentOn.removeAll(taken);
        if (taken.isEmpty()) {
            return;
        }
        try {
            raise(taken).forEach(this::tell);
        } catch (LlmDbException e) {
            spentOn.addAll(taken);
            LOG.debug("Whether budgets passed their marks could not be read and is tried again: {}", e.getMessage());
        }
    }

    /** Raises for these what has passed its mark and was not raised in its window; returns what was. */
    List<BudgetAlert> raise(List<Need> counters) {
        return db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RAISE))) {
                CounterArrays.bind(
                        statement, 1, counters.stream().map(Need::counter).toList());
                statement.setArray(
                        6, numbers(tx, counters.stream().map(this::maxBudget).toList()));
                statement.setArray(
                        7, numbers(tx, counters.stream().map(this::softBudget).toList()));
                statement.setString(8, rules.defaultEndUserBudgetId());
                return read(statement);
            }
        });
    }

    private @Nullable BigDecimal maxBudget(Need need) {
        return need.counter().scope() == Scope.PROXY ? rules.proxyMaxBudget() : need.limit();
    }

    private @Nullable BigDecimal softBudget(Need need) {
        return need.counter().scope() == Scope.PROXY ? rules.proxySoftBudget() : null;
    }

    private static Array numbers(Tx tx, List<@Nullable BigDecimal> values) throws SQLException {
        return tx.connection().createArrayOf("numeric", values.toArray());
    }

    /** What was raised for a counter, the newest window first. */
    List<BudgetAlert> raised(CounterId counter) {
        return db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RAISED))) {
                statement.setString(1, counter.scope().sqlName());
                statement.setString(2, counter.id());
                statement.setString(3, counter.parentId());
                statement.setString(4, counter.model());
                statement.setString(5, counter.duration());
                return read(statement);
            }
        });
    }

    private static List<BudgetAlert> read(PreparedStatement statement) throws SQLException {
        List<BudgetAlert> alerts = new ArrayList<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                Instant start =
                        rows.getObject("window_start", OffsetDateTime.class).toInstant();
                alerts.add(new BudgetAlert(
                        BudgetAlert.Kind.valueOf(rows.getString("kind").toUpperCase(Locale.ROOT)),
                        CounterArrays.read(rows),
                        rows.getBigDecimal("spend"),
                        rows.getBigDecimal("threshold"),
                        start.isAfter(Instant.EPOCH) ? start : null,
                        rows.getObject("raised_at", OffsetDateTime.class).toInstant()));
            }
        }
        return alerts;
    }

    void tell(BudgetAlert alert) {
        LOG.info("{} has spent {}, past {} of {}", alert.counter(), alert.spent(), alert.kind(), alert.threshold());
        for (BudgetListener listener : listeners) {
            try {
                switch (alert.kind()) {
                    case SOFT_BUDGET -> listener.softBudgetPassed(alert);
                    case MAX_BUDGET_80_PERCENT -> listener.maxBudgetNear(alert);
                }
            } catch (RuntimeException e) {
                LOG.error("A listener to budgets fails", e);
            }
        }
    }
}
