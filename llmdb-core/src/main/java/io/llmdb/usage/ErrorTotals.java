package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/**
 * Failed requests of one kind.
 *
 * @param model the model that was called
 * @param modelGroup the group of models that was asked for; empty: none
 * @param exceptionType what went wrong
 * @param statusCode the provider's or the proxy's status; empty: none
 * @param failedRequests how many
 */
public record ErrorTotals(
        String model, String modelGroup, String exceptionType, String statusCode, long failedRequests) {

    private static final String READ = """
            SELECT model, model_group, exception_type, status_code, sum(failed_requests)::bigint AS failed
            FROM ${llmdb}."LLM_DailyErrors" WHERE day BETWEEN ? AND ?
            GROUP BY 1, 2, 3, 4 HAVING sum(failed_requests) <> 0 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT ?""";

    static List<ErrorTotals> read(Connection connection, Sql sql, LocalDate from, LocalDate to, int limit)
            throws SQLException {
        List<ErrorTotals> totals = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(sql.of(READ))) {
            statement.setObject(1, from);
            statement.setObject(2, to);
            statement.setInt(3, limit);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    totals.add(new ErrorTotals(
                            rows.getString(1),
                            rows.getString(2),
                            rows.getString(3),
                            rows.getString(4),
                            rows.getLong(5)));
                }
            }
        }
        return totals;
    }
}
