package io.llmdb.spend;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Adds a batch to the daily totals: one statement per table, its rows in the order of the primary key. */
final class DailyTotals {

    private static final String SUMS = """
            spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
                completion_tokens = t.completion_tokens + excluded.completion_tokens,
                api_requests = t.api_requests + excluded.api_requests,
                successful_requests = t.successful_requests + excluded.successful_requests,
                failed_requests = t.failed_requests + excluded.failed_requests""";

    private final List<Target> targets;

    DailyTotals(Sql sql) {
        targets = List.of(
                new Target(
                        sql,
                        "LLM_DailySpend",
                        List.of(
                                "api_key",
                                "user_id",
                                "team_id",
                                "organization_id",
                                "model",
                                "model_group",
                                "custom_llm_provider")) {
                    @Override
                    List<List<String>> keys(SpendEvent event) {
                        return List.of(List.of(
                                event.keyHash(),
                                event.userId(),
                                event.teamId(),
                                event.organizationId(),
                                event.model(),
                                event.modelGroup(),
                                event.provider()));
                    }
                },
                new Target(sql, "LLM_DailyEndUserSpend", List.of("end_user", "model")) {
                    @Override
                    List<List<String>> keys(SpendEvent event) {
                        return event.endUser().isEmpty() ? List.of() : List.of(List.of(event.endUser(), event.model()));
                    }
                },
                new Target(sql, "LLM_DailyTagSpend", List.of("tag", "model")) {
                    @Override
                    List<List<String>> keys(SpendEvent event) {
                        return event.tags().stream()
                                .distinct()
                                .map(tag -> List.of(tag, event.model()))
                                .toList();
                    }
                });
    }

    void add(Connection connection, Collection<SpendEvent> events) throws SQLException {
        for (Target target : targets) {
            target.add(connection, events);
        }
    }

    private abstract static class Target {
        private final String statement;
        private final int keyColumns;

        Target(Sql sql, String table, List<String> columns) {
            String keys = String.join(", ", columns);
            String byteOrder =
                    columns.stream().map(column -> column + " COLLATE \"C\"").collect(Collectors.joining(", "));
            this.keyColumns = columns.size();
            this.statement = sql.of("INSERT INTO ${llmdb}.\"" + table + "\" AS t (day, " + keys
                    + ", spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)\n"
                    + "SELECT day, " + keys + ", spend, prompt, completion, requests, succeeded, requests - succeeded\n"
                    + "FROM unnest(?::date[], " + "?::text[], ".repeat(columns.size())
                    + "?::numeric[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) d (day, " + keys
                    + ", spend, prompt, completion, requests, succeeded)\n"
                    + "ORDER BY day, " + byteOrder + "\n"
                    + "ON CONFLICT (day, " + keys + ") DO UPDATE SET " + SUMS);
        }

        /** The rows that an event adds to, each as the values of its key columns. */
        abstract List<List<String>> keys(SpendEvent event);

        void add(Connection connection, Collection<SpendEvent> events) throws SQLException {
            Map<Key, Sum> sums = new LinkedHashMap<>();
            for (SpendEvent event : events) {
                LocalDate day = LocalDate.ofInstant(event.startTime(), ZoneOffset.UTC);
                for (List<String> key : keys(event)) {
                    sums.computeIfAbsent(new Key(day, key), any -> new Sum()).add(event);
                }
            }
            if (sums.isEmpty()) {
                return;
            }
            List<Map.Entry<Key, Sum>> rows = new ArrayList<>(sums.entrySet());
            try (PreparedStatement insert = connection.prepareStatement(statement)) {
                int parameter = 1;
                insert.setArray(
                        parameter++,
                        connection.createArrayOf(
                                "date",
                                rows.stream()
                                        .map(row -> row.getKey().day.toString())
                                        .toArray()));
                for (int column = 0; column < keyColumns; column++) {
                    int index = column;
                    insert.setArray(
                            parameter++,
                            connection.createArrayOf(
                                    "text",
                                    rows.stream()
                                            .map(row -> row.getKey().values.get(index))
                                            .toArray()));
                }
                insert.setArray(
                        parameter++,
                        connection.createArrayOf(
                                "numeric",
                                rows.stream().map(row -> row.getValue().spend).toArray()));
                insert.setArray(
                        parameter++,
                        connection.createArrayOf(
                                "bigint",
                                rows.stream().map(row -> row.getValue().prompt).toArray()));
                insert.setArray(
                        parameter++,
                        connection.createArrayOf(
                                "bigint",
                                rows.stream()
                                        .map(row -> row.getValue().completion)
                                        .toArray()));
                insert.setArray(
                        parameter++,
                        connection.createArrayOf(
                                "bigint",
                                rows.stream()
                                        .map(row -> row.getValue().requests)
                                        .toArray()));
                insert.setArray(
                        parameter,
                        connection.createArrayOf(
                                "bigint",
                                rows.stream()
                                        .map(row -> row.getValue().succeeded)
                                        .toArray()));
                insert.executeUpdate();
            }
        }
    }

    private record Key(LocalDate day, List<String> values) {}

    private static final class Sum {
        private BigDecimal spend = BigDecimal.ZERO;
        private long prompt;
        private long completion;
        private long requests;
        private long succeeded;

        private void add(SpendEvent event) {
            spend = spend.add(event.cost());
            prompt += event.promptTokens();
            completion += event.completionTokens();
            requests++;
            succeeded += event.isSuccess() ? 1 : 0;
        }
    }
}
