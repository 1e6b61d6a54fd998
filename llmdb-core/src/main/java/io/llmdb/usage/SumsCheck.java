package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Compares the sums that reports read with the daily totals. Days in which the daily totals differ from the log are
 * left out: that is told already.
 */
final class SumsCheck {

    private static final int MOST = 1000;

    private static final String DIFFER = """
            (coalesce(t.spend, 0), coalesce(t.prompt_tokens, 0), coalesce(t.completion_tokens, 0), coalesce(t.successful_requests, 0),
                coalesce(t.failed_requests, 0))
            IS DISTINCT FROM (coalesce(s.spend, 0), coalesce(s.prompt_tokens, 0), coalesce(s.completion_tokens, 0),
                coalesce(s.successful_requests, 0), coalesce(s.failed_requests, 0))""";

    private static final String COMPARE = """
            WITH marked AS MATERIALIZED (
                SELECT (start AT TIME ZONE 'UTC')::date AS day FROM ${llmdb}."LLM_SummedUp" WHERE span = 'day' AND complete
                EXCEPT SELECT unnest(?::date[])
            ), quartered AS MATERIALIZED (
                SELECT (start AT TIME ZONE 'UTC')::date AS day FROM ${llmdb}."LLM_SummedUp" WHERE span = 'quarter' AND complete
                GROUP BY 1 HAVING count(*) = 96
                EXCEPT SELECT unnest(?::date[])
            ), houred AS MATERIALIZED (
                SELECT (start AT TIME ZONE 'UTC')::date AS day FROM ${llmdb}."LLM_SummedUp" WHERE span = 'hour' AND complete
                GROUP BY 1 HAVING count(*) = 24
                EXCEPT SELECT unnest(?::date[])
            ), truth AS MATERIALIZED (
                SELECT (ARRAY['proxy', 'key', 'user', 'team', 'organization', 'model', 'model_group', 'provider'])[1 +
                        CASE WHEN grouping(api_key) = 0 THEN 1 WHEN grouping(user_id) = 0 THEN 2 WHEN grouping(team_id) = 0 THEN 3
                             WHEN grouping(organization_id) = 0 THEN 4 WHEN grouping(model) = 0 THEN 5
                             WHEN grouping(model_group) = 0 THEN 6 WHEN grouping(custom_llm_provider) = 0 THEN 7 ELSE 0 END] AS kind,
                    day, coalesce(api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, '') AS id,
                    sum(spend) AS spend, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
                    sum(successful_requests) AS successful_requests, sum(failed_requests) AS failed_requests
                FROM ${llmdb}."LLM_DailySpend"
                WHERE day IN (SELECT day FROM marked UNION SELECT day FROM quartered UNION SELECT day FROM houred)
                GROUP BY GROUPING SETS ((day, api_key), (day, user_id), (day, team_id), (day, organization_id), (day, model),
                    (day, model_group), (day, custom_llm_provider), (day))
                UNION ALL
                SELECT 'end_user', day, end_user, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(successful_requests),
                    sum(failed_requests)
                FROM ${llmdb}."LLM_DailyEndUserSpend" WHERE day IN (SELECT day FROM marked UNION SELECT day FROM houred) GROUP BY day, end_user
                UNION ALL
                SELECT 'tag', day, tag, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(successful_requests), sum(failed_requests)
                FROM ${llmdb}."LLM_DailyTagSpend" WHERE day IN (SELECT day FROM marked) GROUP BY day, tag
            ), quarters AS MATERIALIZED (
                SELECT q.kind, (q.start AT TIME ZONE 'UTC')::date AS day, q.id, sum(q.spend) AS spend, sum(q.prompt_tokens) AS prompt_tokens,
                    sum(q.completion_tokens) AS completion_tokens, sum(q.successful_requests) AS successful_requests,
                    sum(q.failed_requests) AS failed_requests
                FROM ${llmdb}."LLM_QuarterHourSum" q WHERE (q.start AT TIME ZONE 'UTC')::date IN (SELECT day FROM quartered)
                    AND q.kind = ANY ('{proxy,team,organization,model,provider}')
                GROUP BY 1, 2, 3
            ), hours AS MATERIALIZED (
                SELECT h.kind, (h.start AT TIME ZONE 'UTC')::date AS day, h.id, sum(h.spend) AS spend, sum(h.prompt_tokens) AS prompt_tokens,
                    sum(h.completion_tokens) AS completion_tokens, sum(h.successful_requests) AS successful_requests,
                    sum(h.failed_requests) AS failed_requests
                FROM ${llmdb}."LLM_HourSum" h WHERE (h.start AT TIME ZONE 'UTC')::date IN (SELECT day FROM houred)
                GROUP BY 1, 2, 3
            ), busy AS MATERIALIZED (
                -- Quarters of single ids, by their hours: not all quarters of an hour have to be there.
                SELECT q.kind, date_trunc('hour', q.start, 'UTC') AS hour, q.id, count(*) AS quarters, sum(q.spend) AS spend,
                    sum(q.prompt_tokens) AS prompt_tokens, sum(q.completion_tokens) AS completion_tokens,
                    sum(q.successful_requests) AS successful_requests, sum(q.failed_requests) AS failed_requests
                FROM ${llmdb}."LLM_QuarterHourSum" q
                WHERE (q.start AT TIME ZONE 'UTC')::date IN (SELECT day FROM quartered INTERSECT SELECT day FROM houred)
                    AND q.kind = ANY ('{key,user,end_user}')
                GROUP BY 1, 2, 3)
            SELECT day, kind, id, 'daily sum', coalesce(t.spend, 0), coalesce(s.spend, 0)
            FROM (SELECT * FROM truth WHERE day IN (SELECT day FROM marked)) t
            FULL JOIN (SELECT * FROM ${llmdb}."LLM_DailySum" WHERE day IN (SELECT day FROM marked)) s USING (kind, day, id)
            WHERE %1$s
            UNION ALL
            SELECT day, kind, id, 'sum of quarters of an hour', coalesce(t.spend, 0), coalesce(s.spend, 0)
            FROM (SELECT * FROM truth WHERE day IN (SELECT day FROM quartered)
                      AND kind = ANY ('{proxy,team,organization,model,provider}')) t
            FULL JOIN quarters s USING (kind, day, id)
            WHERE %1$s
            UNION ALL
            SELECT day, kind, id, 'sum of hours', coalesce(t.spend, 0), coalesce(s.spend, 0)
            FROM (SELECT * FROM truth WHERE day IN (SELECT day FROM houred)
                      AND (kind = ANY ('{proxy,team,organization,model,provider}') OR kind = ANY ('{key,user,end_user}') AND id <> '')) t
            FULL JOIN hours s USING (kind, day, id)
            WHERE %1$s
            UNION ALL
            SELECT (s.hour AT TIME ZONE 'UTC')::date, s.kind, s.id, 'sum of quarters of an hour', coalesce(t.spend, 0), s.spend
            FROM busy s LEFT JOIN ${llmdb}."LLM_HourSum" t ON t.kind = s.kind AND t.start = s.hour AND t.id = s.id
            WHERE t.id IS NULL OR s.spend > t.spend OR s.prompt_tokens > t.prompt_tokens OR s.completion_tokens > t.completion_tokens
                OR s.successful_requests > t.successful_requests OR s.failed_requests > t.failed_requests OR s.quarters = 4 AND %1$s
            ORDER BY 1, 2, 3, 4 LIMIT %2$d""".formatted(DIFFER, MOST);

    private SumsCheck() {}

    /**
     * Compares.
     *
     * @param leftOut days of which the daily totals are not known to be right
     * @param withoutLog days of which the log does not tell all
     */
    static List<Difference> differences(
            Connection connection, Sql sql, Collection<LocalDate> leftOut, Collection<LocalDate> withoutLog)
            throws SQLException {
        List<Difference> differences = new ArrayList<>();
        List<LocalDate> unread = new ArrayList<>(leftOut);
        unread.addAll(withoutLog);
        try (PreparedStatement statement = connection.prepareStatement(sql.of(COMPARE))) {
            statement.setArray(1, dates(connection, leftOut));
            statement.setArray(2, dates(connection, unread));
            statement.setArray(3, dates(connection, unread));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    LocalDate day = rows.getObject(1, LocalDate.class);
                    String id = rows.getString(3);
                    BigDecimal expected = rows.getBigDecimal(5);
                    BigDecimal found = rows.getBigDecimal(6);
                    differences.add(new Difference(
                            Difference.Kind.SUM,
                            null,
                            day,
                            day + " " + rows.getString(2) + (id.isEmpty() ? "" : " \"" + id + '"'),
                            rows.getString(4),
                            expected,
                            found));
                }
            }
        }
        return differences;
    }

    private static Array dates(Connection connection, Collection<LocalDate> days) throws SQLException {
        return connection.createArrayOf(
                "date", days.stream().map(LocalDate::toString).toArray());
    }
}
