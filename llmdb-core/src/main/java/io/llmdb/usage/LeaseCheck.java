package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;

/**
 * Looks at what is reserved. Spend and reservations may pass a limit where a call cost more than its estimate or where
 * the limit was lowered, and what a dead process had reserved stays written down for a while although it counts for
 * nothing any more; so these are worth a note and are no differences.
 */
final class LeaseCheck {

    private static final String BEYOND = """
            SELECT c.scope, c.scope_id, c.parent_id, c.spend, l.reserved, c.max_budget
            FROM (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(amount) AS reserved
                FROM ${llmdb}."LLM_Lease"
                WHERE expires_at > ${llmdb}.llmdb_now() AND (window_end IS NULL OR window_end > ${llmdb}.llmdb_now())
                GROUP BY 1, 2, 3, 4, 5) l
            JOIN ${llmdb}.llmdb_counter c USING (scope, scope_id, parent_id, model, budget_duration)
            WHERE l.reserved > 0 AND c.spend + l.reserved > c.max_budget
            ORDER BY 1, 2, 3
            LIMIT 20""";

    /** What is left of minutes that are over says nothing: these leases count until then, whoever held them. */
    private static final String LAPSED = """
            SELECT 1, count(*), count(DISTINCT holder), sum(amount), min(lapsed_at)
            FROM (
                SELECT holder, amount, least(expires_at, window_end) AS lapsed_at FROM ${llmdb}."LLM_Lease"
                WHERE amount > 0 AND least(expires_at, window_end) <= ${llmdb}.llmdb_now()) l
            UNION ALL
            SELECT 2, count(*), count(DISTINCT holder), sum(amount), min(expires_at)
            FROM ${llmdb}."LLM_LimitLease"
            WHERE kind = 'parallel' AND amount > 0 AND expires_at <= ${llmdb}.llmdb_now()
            ORDER BY 1""";

    private LeaseCheck() {}

    static List<String> notes(Connection connection, Sql sql) throws SQLException {
        List<String> notes = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql.of(BEYOND))) {
            while (rows.next()) {
                CounterId counter =
                        new CounterId(Scope.ofSqlName(rows.getString(1)), rows.getString(2), rows.getString(3), "", "");
                BigDecimal spend = rows.getBigDecimal(4);
                BigDecimal reserved = rows.getBigDecimal(5);
                BigDecimal limit = rows.getBigDecimal(6);
                notes.add(counter + " has spent " + spend.toPlainString() + " and reserved " + reserved.toPlainString()
                        + ", above its limit of " + limit.toPlainString()
                        + ": a call cost more than its estimate, or the limit was lowered");
            }
        }
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql.of(LAPSED))) {
            for (String what : List.of("budgets", "parallel requests")) {
                rows.next();
                if (rows.getLong(2) > 0) {
                    notes.add("Lapsed leases of " + what + ": " + rows.getLong(2) + " of " + rows.getLong(3)
                            + " instances, the first at "
                            + rows.getObject(5, OffsetDateTime.class).toInstant() + "; their "
                            + rows.getBigDecimal(4).toPlainString()
                            + " are free again, and the rows wait to be tidied");
                }
            }
        }
        return notes;
    }
}
