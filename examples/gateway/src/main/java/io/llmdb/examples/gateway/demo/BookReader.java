package io.llmdb.examples.gateway.demo;

import io.llmdb.settings.DatabaseUrl;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.Secret;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** Reads the books as anybody can: plain SQL on a connection that the library knows nothing of. */
final class BookReader implements AutoCloseable {

    private static final String LOG = """
            SELECT request_id, api_key, model, prompt_tokens, completion_tokens, spend, status
            FROM %s."LLM_SpendLogs" WHERE api_key = ANY (?)""";

    private static final String DAILY = """
            SELECT coalesce(sum(api_requests), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
                   coalesce(sum(spend), 0)
            FROM %s."LLM_DailySpend" WHERE api_key = ANY (?)""";

    private static final String ERRORS = """
            SELECT count(*) FROM %s."LLM_ErrorLogs" WHERE id = ANY (?)""";

    private static final String COUNTERS = """
            SELECT scope, scope_id, parent_id, model, budget_duration, total_spend FROM %s.llmdb_counter
            WHERE total_spend <> 0 OR scope_id = ANY (?)""";

    private final Connection connection;
    private final String schema;

    BookReader(LlmDbSettings settings) throws SQLException {
        DatabaseUrl url = settings.requireDatabaseUrl();
        Properties properties = new Properties();
        properties.putAll(url.properties());
        Secret password = url.password();
        if (url.user() != null) {
            properties.setProperty("user", url.user());
        }
        if (password != null) {
            properties.setProperty("password", password.value());
        }
        this.connection = DriverManager.getConnection(url.jdbcUrl(), properties);
        this.schema = '"' + settings.connection().schema() + '"';
    }

    /** A row of the spend log. */
    record LogRow(String requestId, String keyHash, String model, Sum sum, boolean success) {}

    List<LogRow> log(Collection<String> keyHashes) throws SQLException {
        return query(
                LOG,
                "text",
                keyHashes,
                row -> new LogRow(
                        row.getString(1),
                        row.getString(2),
                        row.getString(3),
                        new Sum(1, row.getLong(4), row.getLong(5), row.getBigDecimal(6)),
                        row.getString(7).equals("success")));
    }

    Sum daily(Collection<String> keyHashes) throws SQLException {
        return query(
                        DAILY,
                        "text",
                        keyHashes,
                        row -> new Sum(row.getLong(1), row.getLong(2), row.getLong(3), row.getBigDecimal(4)))
                .get(0);
    }

    long errors(Collection<java.util.UUID> eventIds) throws SQLException {
        return query(ERRORS, "uuid", eventIds, row -> row.getLong(1)).get(0);
    }

    /** Lifetime totals, which no budget window resets. */
    Map<CounterId, BigDecimal> counters(Collection<String> ids) throws SQLException {
        Map<CounterId, BigDecimal> counters = new HashMap<>();
        query(
                COUNTERS,
                "text",
                ids,
                row -> counters.put(
                        new CounterId(
                                Scope.ofSqlName(row.getString(1)),
                                row.getString(2),
                                row.getString(3),
                                row.getString(4),
                                row.getString(5)),
                        row.getBigDecimal(6)));
        return counters;
    }

    private interface Reader<T> {
        T read(ResultSet row) throws SQLException;
    }

    private <T> List<T> query(String sql, String type, Collection<?> values, Reader<T> reader) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(String.format(sql, schema))) {
            statement.setArray(1, connection.createArrayOf(type, values.toArray()));
            List<T> rows = new java.util.ArrayList<>();
            try (ResultSet result = statement.executeQuery()) {
                while (result.next()) {
                    rows.add(reader.read(result));
                }
            }
            return rows;
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
