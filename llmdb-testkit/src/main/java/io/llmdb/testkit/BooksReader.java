package io.llmdb.testkit;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Reads {@link Books} from the tables. */
final class BooksReader {

    private static final String SUMMARY = """
            SELECT l.*, e.*, r.*, d.*, x.*
            FROM (SELECT count(*), count(*) FILTER (WHERE status = 'failure'), coalesce(sum(spend), 0) FROM ${llmdb}."LLM_SpendLogs") l,
                 (SELECT count(*) FROM ${llmdb}."LLM_ErrorLogs") e,
                 (SELECT count(*) FROM ${llmdb}."LLM_SpendReceipt") r,
                 (SELECT coalesce(sum(api_requests), 0)::bigint, coalesce(sum(spend), 0) FROM ${llmdb}."LLM_DailySpend") d,
                 (SELECT count(*) FROM ${llmdb}."LLM_DeadLetter" WHERE replayed_at IS NULL AND discarded_at IS NULL) x""";

    /**
     * What each counter should hold follows from the log and the adjustments alone: a row that went away, or a key's
     * hash that was replaced, left an adjustment that cancels its log rows.
     */
    private static final String COUNTERS = """
            WITH counter AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, spend, total_spend, spend_window_start, budget_reset_at, max_budget
                FROM ${llmdb}.llmdb_counter
            ), scoped AS (
                SELECT 'key' AS scope, api_key AS scope_id, '' AS parent_id, "startTime", spend, further_counters AS further
                FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'user', "user", '', "startTime", spend, further_counters FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'team', team_id, '', "startTime", spend, further_counters FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'team_member', "user", team_id, "startTime", spend, further_counters
                FROM ${llmdb}."LLM_SpendLogs" WHERE team_id <> ''
                UNION ALL SELECT 'organization', organization_id, '', "startTime", spend, further_counters FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'organization_member', "user", organization_id, "startTime", spend, further_counters
                FROM ${llmdb}."LLM_SpendLogs" WHERE organization_id <> ''
                UNION ALL SELECT 'end_user', end_user, '', "startTime", spend, further_counters FROM ${llmdb}."LLM_SpendLogs"
                UNION ALL SELECT 'proxy', '', '', "startTime", spend, further_counters FROM ${llmdb}."LLM_SpendLogs"
            ), booked AS (
                SELECT scope, scope_id, parent_id, '' AS model, '' AS budget_duration, "startTime", spend FROM scoped
                WHERE scope_id <> '' OR scope = 'proxy'
                UNION ALL SELECT 'tag', t.tag, '', '', '', "startTime", spend
                FROM ${llmdb}."LLM_SpendLogs", LATERAL (SELECT DISTINCT jsonb_array_elements_text(request_tags) AS tag) t WHERE t.tag <> ''
                UNION ALL SELECT s.scope, s.scope_id, s.parent_id, f ->> 1, f ->> 2, "startTime", spend
                FROM scoped s, LATERAL jsonb_array_elements(s.further) f WHERE f ->> 0 = s.scope AND f ->> 3 IS NULL
                UNION ALL SELECT f ->> 0, f ->> 3, coalesce(f ->> 4, ''), f ->> 1, f ->> 2, "startTime", spend
                FROM ${llmdb}."LLM_SpendLogs", LATERAL jsonb_array_elements(further_counters) f WHERE f ->> 3 IS NOT NULL
            ), log AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(b.spend) AS spend, count(*) AS rows,
                       coalesce(sum(b.spend) FILTER (WHERE b."startTime" >= coalesce(c.spend_window_start, '-infinity')
                           AND b."startTime" < coalesce(c.budget_reset_at, 'infinity')), 0) AS window_spend
                FROM booked b LEFT JOIN counter c USING (scope, scope_id, parent_id, model, budget_duration)
                GROUP BY 1, 2, 3, 4, 5
            ), daily AS (
                SELECT scope, scope_id, parent_id, '' AS model, '' AS budget_duration, sum(spend) AS spend FROM (
                    SELECT 'key' AS scope, api_key AS scope_id, '' AS parent_id, spend FROM ${llmdb}."LLM_DailySpend"
                    UNION ALL SELECT 'user', user_id, '', spend FROM ${llmdb}."LLM_DailySpend"
                    UNION ALL SELECT 'team', team_id, '', spend FROM ${llmdb}."LLM_DailySpend"
                    UNION ALL SELECT 'team_member', user_id, team_id, spend FROM ${llmdb}."LLM_DailySpend" WHERE team_id <> ''
                    UNION ALL SELECT 'organization', organization_id, '', spend FROM ${llmdb}."LLM_DailySpend"
                    UNION ALL SELECT 'organization_member', user_id, organization_id, spend
                    FROM ${llmdb}."LLM_DailySpend" WHERE organization_id <> ''
                    UNION ALL SELECT 'end_user', end_user, '', spend FROM ${llmdb}."LLM_DailyEndUserSpend"
                    UNION ALL SELECT 'tag', tag, '', spend FROM ${llmdb}."LLM_DailyTagSpend"
                    UNION ALL SELECT 'proxy', '', '', spend FROM ${llmdb}."LLM_DailySpend"
                ) d WHERE scope_id <> '' OR scope = 'proxy' GROUP BY 1, 2, 3
            ), past AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(spend) AS spend FROM ${llmdb}."LLM_BudgetWindow" GROUP BY 1, 2, 3, 4, 5
            ), adjusted AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(a.total_amount) AS total_amount, count(*) AS number,
                       coalesce(sum(a.amount) FILTER (WHERE a.effective_at >= coalesce(c.spend_window_start, '-infinity')
                           AND a.effective_at < coalesce(c.budget_reset_at, 'infinity')), 0) AS window_amount
                FROM ${llmdb}."LLM_SpendAdjustment" a LEFT JOIN counter c USING (scope, scope_id, parent_id, model, budget_duration)
                GROUP BY 1, 2, 3, 4, 5
            ), lease AS (
                SELECT scope, scope_id, parent_id, model, budget_duration, sum(l.amount) AS amount
                FROM ${llmdb}."LLM_Lease" l JOIN counter c USING (scope, scope_id, parent_id, model, budget_duration)
                WHERE l.expires_at > ${llmdb}.llmdb_now() AND l.window_start IS NOT DISTINCT FROM c.spend_window_start
                GROUP BY 1, 2, 3, 4, 5
            )
            SELECT scope, scope_id, parent_id, model, budget_duration, c.spend IS NOT NULL AS is_there,
                   coalesce(c.spend, 0), coalesce(c.total_spend, 0), coalesce(l.spend, 0), coalesce(l.rows, 0), coalesce(l.window_spend, 0),
                   coalesce(d.spend, 0), coalesce(p.spend, 0), coalesce(a.window_amount, 0), coalesce(a.total_amount, 0), coalesce(a.number, 0),
                   coalesce(r.amount, 0), c.max_budget
            FROM counter c
            FULL JOIN log l USING (scope, scope_id, parent_id, model, budget_duration)
            FULL JOIN daily d USING (scope, scope_id, parent_id, model, budget_duration)
            FULL JOIN adjusted a USING (scope, scope_id, parent_id, model, budget_duration)
            LEFT JOIN past p USING (scope, scope_id, parent_id, model, budget_duration)
            LEFT JOIN lease r USING (scope, scope_id, parent_id, model, budget_duration)
            ORDER BY array_position(ARRAY['proxy', 'organization', 'organization_member', 'team', 'team_member', 'user', 'key', 'end_user', 'tag'],
                scope), parent_id COLLATE "C", scope_id COLLATE "C", model COLLATE "C", budget_duration COLLATE "C\"""";

    /** Every row of the daily totals against the log, tokens and counts too. Of the same shape for each table. */
    private static final String DAILY = """
            WITH booked AS (
                SELECT ("startTime" AT TIME ZONE 'UTC')::date AS day, ${keys_of_log}, sum(spend) AS spend, sum(prompt_tokens) AS prompt_tokens,
                       sum(completion_tokens) AS completion_tokens, count(*) AS api_requests,
                       count(*) FILTER (WHERE status = 'success') AS successful_requests,
                       count(*) FILTER (WHERE status = 'failure') AS failed_requests
                FROM ${llmdb}."LLM_SpendLogs" ${tags} WHERE ${filter} GROUP BY day, ${keys}
            )
            SELECT concat_ws(' ', day, ${keys}),
                   concat_ws(' ', d.spend, d.prompt_tokens, d.completion_tokens, d.api_requests, d.successful_requests, d.failed_requests),
                   concat_ws(' ', b.spend, b.prompt_tokens, b.completion_tokens, b.api_requests, b.successful_requests, b.failed_requests)
            FROM ${llmdb}."${table}" d FULL JOIN booked b USING (day, ${keys})
            WHERE (d.spend, d.prompt_tokens, d.completion_tokens, d.api_requests, d.successful_requests, d.failed_requests)
                IS DISTINCT FROM (b.spend, b.prompt_tokens, b.completion_tokens, b.api_requests, b.successful_requests, b.failed_requests)
            ORDER BY 1 LIMIT 20""";

    private BooksReader() {}

    static Books read(DataSource dataSource, String schema, String place, @Nullable Long deadlocks) {
        try (Connection connection = dataSource.getConnection()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                Books.Summary summary = summary(statement, schema);
                List<Books.Counter> counters = counters(statement, schema);
                List<String> differences = new ArrayList<>();
                if (summary.logIsKept()) {
                    compareDaily(
                            differences,
                            statement,
                            schema,
                            "LLM_DailySpend",
                            List.of(
                                    "api_key",
                                    "user_id",
                                    "team_id",
                                    "organization_id",
                                    "model",
                                    "model_group",
                                    "custom_llm_provider"),
                            "true");
                    compareDaily(
                            differences,
                            statement,
                            schema,
                            "LLM_DailyEndUserSpend",
                            List.of("end_user", "model"),
                            "end_user <> ''");
                    compareDaily(
                            differences,
                            statement,
                            schema,
                            "LLM_DailyTagSpend",
                            List.of("tag", "model"),
                            "tag IS NOT NULL");
                }
                return new Books(place, summary, counters, differences, deadlocks);
            } finally {
                connection.rollback();
            }
        } catch (SQLException e) {
            throw new TestkitException("The books of " + place + " could not be read: " + e.getMessage(), e);
        }
    }

    private static Books.Summary summary(Statement statement, String schema) throws SQLException {
        try (ResultSet row = statement.executeQuery(filled(SUMMARY, schema))) {
            row.next();
            return new Books.Summary(
                    row.getLong(1),
                    row.getLong(2),
                    money(row, 3),
                    row.getLong(4),
                    row.getLong(5),
                    row.getLong(6),
                    money(row, 7),
                    row.getLong(8));
        }
    }

    private static List<Books.Counter> counters(Statement statement, String schema) throws SQLException {
        List<Books.Counter> counters = new ArrayList<>();
        try (ResultSet row = statement.executeQuery(filled(COUNTERS, schema))) {
            while (row.next()) {
                counters.add(new Books.Counter(
                        row.getString(1),
                        row.getString(2),
                        row.getString(3),
                        row.getString(4),
                        row.getString(5),
                        row.getBoolean(6),
                        money(row, 7),
                        money(row, 8),
                        money(row, 9),
                        row.getLong(10),
                        money(row, 11),
                        money(row, 12),
                        money(row, 13),
                        money(row, 14),
                        money(row, 15),
                        row.getLong(16),
                        money(row, 17),
                        row.getBigDecimal(18)));
            }
        }
        return counters;
    }

    private static void compareDaily(
            List<String> differences,
            Statement statement,
            String schema,
            String table,
            List<String> keys,
            String filter)
            throws SQLException {
        boolean byTag = keys.contains("tag");
        List<String> keysOfLog = keys.stream()
                .map(key -> switch (key) {
                    case "user_id" -> "coalesce(\"user\", '') AS user_id";
                    case "tag" -> "tag";
                    default -> "coalesce(" + key + ", '') AS " + key;
                })
                .toList();
        String sql = DAILY.replace("${keys_of_log}", String.join(", ", keysOfLog))
                .replace("${keys}", String.join(", ", keys))
                .replace(
                        "${tags}",
                        byTag ? ", LATERAL (SELECT DISTINCT jsonb_array_elements_text(request_tags) AS tag) t" : "")
                .replace("${filter}", filter)
                .replace("${table}", table);
        try (ResultSet rows = statement.executeQuery(filled(sql, schema))) {
            while (rows.next()) {
                differences.add(table + " " + rows.getString(1) + ": has (" + rows.getString(2) + "), the log has ("
                        + rows.getString(3) + "): spend, prompt and completion tokens, requests, successful, failed");
            }
        }
    }

    private static String filled(String sql, String schema) {
        return sql.replace("${llmdb}", Databases.quoted(schema));
    }

    private static BigDecimal money(ResultSet row, int column) throws SQLException {
        BigDecimal value = row.getBigDecimal(column);
        return value == null ? BigDecimal.ZERO : value;
    }
}
