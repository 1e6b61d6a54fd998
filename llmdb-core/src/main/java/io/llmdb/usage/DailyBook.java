package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.util.List;
import java.util.stream.Collectors;

/** One of the tables of daily totals, and how its rows follow from the log. */
enum DailyBook {
    /** {@code "LLM_DailySpend"}. */
    SPEND(
            Difference.Kind.DAILY_SPEND,
            "LLM_DailySpend",
            List.of("api_key", "user_id", "team_id", "organization_id", "model", "model_group", "custom_llm_provider"),
            List.of("key", "user", "team", "organization", "model", "model group", "provider"),
            """
            SELECT l.api_key, coalesce(l."user", '') AS user_id, coalesce(l.team_id, '') AS team_id,
                    coalesce(l.organization_id, '') AS organization_id, l.model, coalesce(l.model_group, '') AS model_group,
                    coalesce(l.custom_llm_provider, '') AS custom_llm_provider, ${sums}
                FROM ${llmdb}."LLM_SpendLogs" l
                WHERE l."startTime" >= ? AND l."startTime" < ?
                GROUP BY 1, 2, 3, 4, 5, 6, 7"""),

    /** {@code "LLM_DailyEndUserSpend"}. */
    END_USER(
            Difference.Kind.DAILY_END_USER_SPEND,
            "LLM_DailyEndUserSpend",
            List.of("end_user", "model"),
            List.of("end user", "model"),
            """
            SELECT l.end_user, l.model, ${sums}
                FROM ${llmdb}."LLM_SpendLogs" l
                WHERE l."startTime" >= ? AND l."startTime" < ? AND l.end_user <> ''
                GROUP BY 1, 2"""),

    /** {@code "LLM_DailyTagSpend"}. Few requests have a set of tags of their own, so these are taken apart last. */
    TAG(Difference.Kind.DAILY_TAG_SPEND, "LLM_DailyTagSpend", List.of("tag", "model"), List.of("tag", "model"), """
            SELECT t.tag, s.model, sum(s.spend) AS spend, sum(s.api_requests) AS api_requests,
                    sum(s.successful_requests) AS successful_requests, sum(s.failed_requests) AS failed_requests,
                    sum(s.prompt_tokens) AS prompt_tokens, sum(s.completion_tokens) AS completion_tokens,
                    bool_or(s.further) AS further
                FROM (
                    SELECT l.request_tags, l.model, ${sums}
                    FROM ${llmdb}."LLM_SpendLogs" l
                    WHERE l."startTime" >= ? AND l."startTime" < ? AND jsonb_typeof(l.request_tags) = 'array'
                    GROUP BY 1, 2) s
                CROSS JOIN LATERAL (SELECT DISTINCT e.tag FROM jsonb_array_elements_text(s.request_tags) e (tag) WHERE e.tag <> '') t
                GROUP BY 1, 2""");

    /**
     * The first row sums the day up; the others are the cells in which log and table differ. A row of zeros is as good
     * as none.
     */
    private static final String COMPARE = """
            WITH log AS MATERIALIZED (
                ${log}
            ), differing AS (
                SELECT ${keys}, ${both}
                FROM log FULL JOIN (SELECT * FROM ${llmdb}."${table}" WHERE day = ?) day USING (${keys})
                WHERE ${differ}
                LIMIT ?)
            SELECT ${nothing}, coalesce(sum(spend), 0), coalesce(sum(api_requests), 0), coalesce(bool_or(further), false)::int,
                (SELECT coalesce(sum(api_requests), 0) FROM ${llmdb}."${table}" WHERE day = ?), 0, 0, 0, 0, 0, 0, 0, 0
            FROM log
            UNION ALL
            SELECT * FROM differing""";

    private final Difference.Kind kind;
    private final String table;
    private final List<String> keys;
    private final List<String> words;
    private final String log;

    DailyBook(Difference.Kind kind, String table, List<String> keys, List<String> words, String log) {
        this.kind = kind;
        this.table = table;
        this.keys = keys;
        this.words = words;
        this.log = log;
    }

    Difference.Kind kind() {
        return kind;
    }

    String table() {
        return table;
    }

    List<String> keys() {
        return keys;
    }

    /** The day and the cell, for people; what is empty is left out. */
    String words(DailyCell cell) {
        StringBuilder text = new StringBuilder(cell.day().toString());
        for (int i = 0; i < words.size(); i++) {
            if (!cell.key().get(i).isEmpty()) {
                text.append(' ')
                        .append(words.get(i))
                        .append(" \"")
                        .append(cell.key().get(i))
                        .append('"');
            }
        }
        return text.toString();
    }

    /**
     * Parameters: start and end of the day, the day, the most cells wanted, the day. Columns: the keys, the sums of the
     * log, the sums of the table; in the first row after the keys: spend and number of log rows, 1 where one of them
     * counts on further counters, requests in the table.
     */
    String compare(Sql sql) {
        List<String> columns = Sums.COLUMNS;
        return sql.of(COMPARE.replace("${log}", log)
                .replace("${sums}", Sums.OF_LOG + ", bool_or(l.further_counters IS NOT NULL) AS further")
                .replace("${keys}", String.join(", ", keys))
                .replace("${nothing}", keys.stream().map(key -> "''").collect(Collectors.joining(", ")))
                .replace(
                        "${both}",
                        columns.stream()
                                        .map(column -> "coalesce(log." + column + ", 0)")
                                        .collect(Collectors.joining(", "))
                                + ", "
                                + columns.stream()
                                        .map(column -> "coalesce(day." + column + ", 0)")
                                        .collect(Collectors.joining(", ")))
                .replace(
                        "${differ}",
                        columns.stream()
                                .map(column -> "coalesce(log." + column + ", 0) <> coalesce(day." + column + ", 0)")
                                .collect(Collectors.joining(" OR ")))
                .replace("${table}", table));
    }
}
