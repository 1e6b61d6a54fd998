package io.llmdb.examples.benchmarks;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** JDBC batches with rewriting: log rows, and, where asked for, counters and daily totals summed up for each batch. */
final class JdbcRival {

    private JdbcRival() {}

    static double seconds(TestDatabase database, List<SpendEvent> events, int batch, boolean counters)
            throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", database.user());
        properties.setProperty("password", database.password());
        properties.setProperty("reWriteBatchedInserts", "true");
        properties.setProperty("stringtype", "unspecified");
        try (Connection connection = DriverManager.getConnection(database.jdbcUrl(), properties);
                PreparedStatement insert = connection.prepareStatement(
                        "INSERT INTO logs (" + ReferenceLayout.COLUMNS
                                + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
                PreparedStatement counter =
                        connection.prepareStatement("INSERT INTO counters AS c (scope, id, spend) VALUES"
                                + " (?, ?, ?) ON CONFLICT (scope, id) DO UPDATE SET spend = c.spend + excluded.spend");
                PreparedStatement daily =
                        connection.prepareStatement("INSERT INTO daily AS d VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                + " ON CONFLICT (day, api_key, user_id, team_id, model) DO UPDATE SET spend = d.spend + excluded.spend,"
                                + " prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, completion_tokens = d.completion_tokens"
                                + " + excluded.completion_tokens, requests = d.requests + excluded.requests")) {
            connection.setAutoCommit(false);
            long start = System.nanoTime();
            for (int from = 0; from < events.size(); from += batch) {
                List<SpendEvent> part = events.subList(from, Math.min(events.size(), from + batch));
                for (SpendEvent event : part) {
                    bind(insert, event);
                    insert.addBatch();
                }
                insert.executeBatch();
                if (counters) {
                    count(counter, daily, part);
                }
                connection.commit();
            }
            return (System.nanoTime() - start) / 1e9;
        }
    }

    private static void count(PreparedStatement counter, PreparedStatement daily, List<SpendEvent> part)
            throws SQLException {
        for (Map.Entry<Sums.Counter, BigDecimal> sum : Sums.counters(part).entrySet()) {
            counter.setString(1, sum.getKey().scope());
            counter.setString(2, sum.getKey().id());
            counter.setBigDecimal(3, sum.getValue());
            counter.addBatch();
        }
        counter.executeBatch();
        for (Map.Entry<Sums.Day, Sums.Total> sum : Sums.days(part).entrySet()) {
            daily.setObject(1, sum.getKey().day());
            daily.setString(2, sum.getKey().apiKey());
            daily.setString(3, sum.getKey().user());
            daily.setString(4, sum.getKey().team());
            daily.setString(5, sum.getKey().model());
            daily.setBigDecimal(6, sum.getValue().spend());
            daily.setLong(7, sum.getValue().prompt());
            daily.setLong(8, sum.getValue().completion());
            daily.setLong(9, sum.getValue().requests());
            daily.addBatch();
        }
        daily.executeBatch();
    }

    private static void bind(PreparedStatement insert, SpendEvent event) throws SQLException {
        int i = 1;
        insert.setString(i++, ReferenceLayout.requestId(event));
        insert.setString(i++, event.callType());
        insert.setString(i++, event.keyHash());
        insert.setBigDecimal(i++, event.cost());
        insert.setLong(i++, event.totalTokens());
        insert.setLong(i++, event.promptTokens());
        insert.setLong(i++, event.completionTokens());
        insert.setObject(i++, event.startTime().atOffset(ZoneOffset.UTC));
        insert.setObject(i++, event.endTime().atOffset(ZoneOffset.UTC));
        insert.setLong(i++, event.endTime().toEpochMilli() - event.startTime().toEpochMilli());
        insert.setObject(
                i++,
                event.completionStartTime() == null
                        ? null
                        : event.completionStartTime().atOffset(ZoneOffset.UTC));
        insert.setString(i++, event.model());
        insert.setString(i++, event.modelId());
        insert.setString(i++, event.modelGroup());
        insert.setString(i++, event.provider());
        insert.setString(i++, event.apiBase());
        insert.setString(i++, event.userId());
        insert.setString(i++, event.metadata());
        insert.setString(i++, event.cacheHit());
        insert.setString(i++, event.cacheKey());
        insert.setString(i++, Sums.json(event.tags()));
        insert.setString(i++, event.teamId());
        insert.setString(i++, event.organizationId());
        insert.setString(i++, event.endUser());
        insert.setString(i++, event.requesterIp());
        insert.setString(i++, event.messages());
        insert.setString(i++, event.response());
        insert.setString(i++, event.sessionId());
        insert.setString(i, event.isSuccess() ? "success" : "failure");
    }

    static LocalDate day(SpendEvent event) {
        return LocalDate.ofInstant(event.startTime(), ZoneOffset.UTC);
    }
}
