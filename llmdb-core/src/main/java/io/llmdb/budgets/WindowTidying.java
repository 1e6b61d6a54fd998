package io.llmdb.budgets;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Tx;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves on the counters whose window is over and on which nobody spends, so that {@code budget_reset_at} reads right;
 * takes away leases of holders that are long dead. Nothing depends on it: a grant or a booking that meets a window that
 * is over moves it on first, so this may run late, twice at once, or never.
 *
 * <p>A counter that cannot be moved on, because its row holds what no version of ours wrote, is logged and left; the
 * others go on.
 */
final class WindowTidying {

    private static final int MOST_AT_ONCE = 500;

    private static final String DUE = """
            SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration FROM ${llmdb}.llmdb_counter c
            LEFT JOIN ${llmdb}."LLM_BudgetTable" d ON c.scope = 'end_user' AND c.budget_id IS NULL AND d.budget_id = ?
                AND c.model = '' AND c.budget_duration = ''
            WHERE c.budget_reset_at <= ${llmdb}.llmdb_now()
               OR (c.budget_reset_at IS NULL AND coalesce(c.window_duration, d.budget_duration,
                    CASE WHEN c.scope = 'proxy' AND c.model = '' THEN ?::text END) IS NOT NULL)
            ORDER BY c.budget_reset_at NULLS LAST
            LIMIT ?""";

    private static final String DEAD_LEASES = """
            WITH dead AS MATERIALIZED (
                SELECT ctid FROM ${llmdb}."LLM_Lease" WHERE expires_at < ${llmdb}.llmdb_now() - interval '10 minutes'
                LIMIT 10000 FOR UPDATE SKIP LOCKED)
            DELETE FROM ${llmdb}."LLM_Lease" l USING dead d WHERE l.ctid = d.ctid""";

    private static final Logger LOG = LoggerFactory.getLogger(WindowTidying.class);

    private final Db db;
    private final CounterWindows windows;
    private final BudgetRules rules;

    WindowTidying(Db db, CounterWindows windows, BudgetRules rules) {
        this.db = db;
        this.windows = windows;
        this.rules = rules;
    }

    /** Returns how many counters were moved on. */
    int tidy(BooleanSupplier mayGoOn) {
        Set<CounterId> bad = new HashSet<>();
        int moved = 0;
        while (mayGoOn.getAsBoolean()) {
            List<CounterId> due = due(MOST_AT_ONCE + bad.size());
            due.removeAll(bad);
            if (due.isEmpty()) {
                break;
            }
            moved += moveOn(due, bad);
        }
        int dead = db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(DEAD_LEASES))) {
                return statement.executeUpdate();
            }
        });
        if (moved + dead > 0) {
            LOG.debug("Moved {} counters on to the present window, took away {} leases of the dead", moved, dead);
        }
        return moved;
    }

    private int moveOn(List<CounterId> due, Set<CounterId> bad) {
        try {
            windows.moveOn(due);
            // What a job cannot move, such as a length that no longer is one, must not come again and again.
            List<CounterId> still = due(MOST_AT_ONCE + bad.size());
            still.retainAll(new HashSet<>(due));
            bad.addAll(still);
            return due.size() - still.size();
        } catch (LlmDbException e) {
            if (due.size() == 1) {
                bad.add(due.get(0));
                LOG.error("The window of {} cannot be moved on and stays as it is: {}", due.get(0), e.getMessage());
                return 0;
            }
            int middle = due.size() / 2;
            return moveOn(List.copyOf(due.subList(0, middle)), bad)
                    + moveOn(List.copyOf(due.subList(middle, due.size())), bad);
        }
    }

    private List<CounterId> due(int most) {
        return db.single(tx -> read(tx, most));
    }

    private List<CounterId> read(Tx tx, int most) throws SQLException {
        List<CounterId> due = new ArrayList<>();
        try (PreparedStatement statement =
                tx.connection().prepareStatement(db.sql().of(DUE))) {
            statement.setString(1, rules.defaultEndUserBudgetId());
            statement.setString(
                    2,
                    rules.proxyDuration() == null ? null : rules.proxyDuration().toString());
            statement.setInt(3, most);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    due.add(CounterArrays.read(rows));
                }
            }
        }
        return due;
    }
}
