package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.function.Function;

/** Counters as arguments and results: scope, id, parent, model and duration. */
final class CounterArrays {

    private CounterArrays() {}

    /** Sets five array arguments. */
    static void bind(PreparedStatement statement, int index, List<CounterId> counters) throws SQLException {
        List<Function<CounterId, String>> columns = List.of(
                counter -> counter.scope().sqlName(),
                CounterId::id,
                CounterId::parentId,
                CounterId::model,
                CounterId::duration);
        Connection connection = statement.getConnection();
        for (int i = 0; i < columns.size(); i++) {
            Object[] values = counters.stream().map(columns.get(i)).toArray();
            statement.setArray(index + i, connection.createArrayOf("text", values));
        }
    }

    /** Reads five columns by their names. */
    static CounterId read(ResultSet row) throws SQLException {
        return new CounterId(
                Scope.ofSqlName(row.getString("scope")),
                row.getString("scope_id"),
                row.getString("parent_id"),
                row.getString("model"),
                row.getString("budget_duration"));
    }
}
