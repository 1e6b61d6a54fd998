package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Collectors;

/** Where the main counter of a scope stands, and which daily rows and log rows count on it. */
enum ScopeBooks {
    KEY(
            Scope.KEY,
            "\"LLM_VerificationToken\" c",
            "c.token",
            "''::text",
            DailyBook.SPEND,
            "d.api_key",
            "''::text",
            "l.api_key",
            "''::text"),
    USER(
            Scope.USER,
            "\"LLM_UserTable\" c",
            "c.user_id",
            "''::text",
            DailyBook.SPEND,
            "d.user_id",
            "''::text",
            "l.\"user\"",
            "''::text"),
    TEAM(
            Scope.TEAM,
            "\"LLM_TeamTable\" c",
            "c.team_id",
            "''::text",
            DailyBook.SPEND,
            "d.team_id",
            "''::text",
            "l.team_id",
            "''::text"),
    TEAM_MEMBER(
            Scope.TEAM_MEMBER,
            "\"LLM_TeamMembership\" c",
            "c.user_id",
            "c.team_id",
            DailyBook.SPEND,
            "d.user_id",
            "d.team_id",
            "l.\"user\"",
            "l.team_id"),
    ORGANIZATION(
            Scope.ORGANIZATION,
            "\"LLM_OrganizationTable\" c",
            "c.organization_id",
            "''::text",
            DailyBook.SPEND,
            "d.organization_id",
            "''::text",
            "l.organization_id",
            "''::text"),
    ORGANIZATION_MEMBER(
            Scope.ORGANIZATION_MEMBER,
            "\"LLM_OrganizationMembership\" c",
            "c.user_id",
            "c.organization_id",
            DailyBook.SPEND,
            "d.user_id",
            "d.organization_id",
            "l.\"user\"",
            "l.organization_id"),
    END_USER(
            Scope.END_USER,
            "\"LLM_EndUserTable\" c",
            "c.user_id",
            "''::text",
            DailyBook.END_USER,
            "d.end_user",
            "''::text",
            "l.end_user",
            "''::text"),
    TAG(
            Scope.TAG,
            "\"LLM_TagTable\" c",
            "c.tag_name",
            "''::text",
            DailyBook.TAG,
            "d.tag",
            "''::text",
            "t.tag",
            "''::text"),
    PROXY(
            Scope.PROXY,
            "\"LLM_SpendCounter\" c WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration) = ('proxy', '', '', '', '')",
            "''::text",
            "''::text",
            DailyBook.SPEND,
            "''::text",
            "''::text",
            "''::text",
            "''::text");

    /**
     * The daily totals stand for the log where they agree with it, which is checked before. What a window has of the
     * day in which it begins is added up from the log.
     */
    private static final String COMPARE = """
            WITH counter AS MATERIALIZED (
                SELECT ${id} AS id, ${parent} AS parent, c.spend, c.total_spend, c.spend_window_start AS since,
                    (c.spend_window_start AT TIME ZONE 'UTC')::date AS since_day,
                    coalesce((c.spend_window_start AT TIME ZONE 'UTC')::time <> '00:00', false) AS within_day
                FROM ${llmdb}.${table}
            ), fact AS (
                SELECT d.day, ${dailyId} AS id, ${dailyParent} AS parent, d.spend
                FROM ${llmdb}."${daily}" d WHERE d.day <> ALL (?::date[])
                UNION ALL
                SELECT w.day, x.id, x.parent, x.spend
                FROM unnest(?::date[]) w (day) CROSS JOIN LATERAL (
                    SELECT ${logId} AS id, ${logParent} AS parent, sum(l.spend) AS spend
                    FROM ${llmdb}."LLM_SpendLogs" l ${tags}
                    WHERE l."startTime" >= w.day::timestamp AT TIME ZONE 'UTC' AND l."startTime" < (w.day + 1)::timestamp AT TIME ZONE 'UTC'
                    GROUP BY 1, 2) x
            ), summed AS (
                SELECT c.id, c.parent, sum(f.spend) AS total_spend,
                    sum(f.spend) FILTER (WHERE c.since IS NULL OR f.day > c.since_day OR f.day = c.since_day AND NOT c.within_day) AS spend
                FROM fact f JOIN counter c ON c.id = f.id AND c.parent = f.parent
                GROUP BY c.id, c.parent
            ), edge AS (
                SELECT x.id, x.parent, sum(x.spend) AS spend
                FROM (SELECT DISTINCT since_day AS day FROM counter WHERE within_day AND since_day <> ALL (?::date[])) w
                CROSS JOIN LATERAL (
                    SELECT c.id, c.parent, l.spend
                    FROM ${llmdb}."LLM_SpendLogs" l ${tags}
                    JOIN counter c ON c.id = ${logId} AND c.parent = ${logParent} AND c.within_day AND c.since_day = w.day
                    WHERE l."startTime" >= w.day::timestamp AT TIME ZONE 'UTC' AND l."startTime" < (w.day + 1)::timestamp AT TIME ZONE 'UTC'
                      AND l."startTime" >= c.since) x
                GROUP BY x.id, x.parent
            ), adjusted AS (
                SELECT c.id, c.parent, sum(a.total_amount) AS total_spend,
                    sum(a.amount) FILTER (WHERE c.since IS NULL OR a.effective_at >= c.since) AS spend
                FROM ${llmdb}."LLM_SpendAdjustment" a JOIN counter c ON c.id = a.scope_id AND c.parent = a.parent_id
                WHERE a.scope = '${scope}' AND a.model = '' AND a.budget_duration = ''
                GROUP BY c.id, c.parent
            ), compared AS (
                SELECT c.id, c.parent, c.since_day, c.within_day, c.since IS NOT NULL AND c.within_day AND c.since_day = ANY (?::date[]) AS blind,
                    coalesce(s.total_spend, 0) + coalesce(a.total_spend, 0) AS expected_total_spend, c.total_spend,
                    coalesce(s.spend, 0) + coalesce(e.spend, 0) + coalesce(a.spend, 0) AS expected_spend, c.spend
                FROM counter c
                LEFT JOIN summed s ON s.id = c.id AND s.parent = c.parent
                LEFT JOIN edge e ON e.id = c.id AND e.parent = c.parent
                LEFT JOIN adjusted a ON a.id = c.id AND a.parent = c.parent)
            SELECT NULL, NULL, NULL, NULL, NULL, (SELECT count(*) FROM counter), NULL, (SELECT count(*) FROM compared WHERE blind), NULL
            UNION ALL
            SELECT * FROM compared
            WHERE total_spend <> expected_total_spend OR spend <> expected_spend AND NOT blind
               OR (id, parent) IN (SELECT id, parent FROM unnest(?::text[], ?::text[]) wanted (id, parent))""";

    private final Scope scope;
    private final String table;
    private final String id;
    private final String parent;
    private final DailyBook daily;
    private final String dailyId;
    private final String dailyParent;
    private final String logId;
    private final String logParent;

    ScopeBooks(
            Scope scope,
            String table,
            String id,
            String parent,
            DailyBook daily,
            String dailyId,
            String dailyParent,
            String logId,
            String logParent) {
        this.scope = scope;
        this.table = table;
        this.id = id;
        this.parent = parent;
        this.daily = daily;
        this.dailyId = dailyId;
        this.dailyParent = dailyParent;
        this.logId = logId;
        this.logParent = logParent;
    }

    Scope scope() {
        return scope;
    }

    DailyBook daily() {
        return daily;
    }

    /**
     * Parameters: days whose daily totals are not to be believed, the same again, days of which the log does not tell
     * all, the same again, ids and parents of counters that are wanted whether or not they agree.
     */
    String compare(Sql sql) {
        String tags = this == TAG
                ? "CROSS JOIN LATERAL (SELECT DISTINCT e.tag FROM jsonb_array_elements_text(\n"
                        + "        CASE WHEN jsonb_typeof(l.request_tags) = 'array' THEN l.request_tags END) e (tag)) t"
                : "";
        return sql.of(COMPARE.replace("${id}", id)
                .replace("${parent}", parent)
                .replace("${table}", table)
                .replace("${dailyId}", dailyId)
                .replace("${dailyParent}", dailyParent)
                .replace("${daily}", daily.table())
                .replace("${logId}", logId)
                .replace("${logParent}", logParent)
                .replace("${tags}", tags)
                .replace("${scope}", scope.sqlName()));
    }

    /** The counter that a cell of daily totals counts on; its id is empty where the cell names none. */
    CounterId counterOf(DailyCell cell) {
        return switch (this) {
            case KEY -> CounterId.of(scope, cell.keyOf("api_key"));
            case USER -> CounterId.of(scope, cell.keyOf("user_id"));
            case TEAM -> CounterId.of(scope, cell.keyOf("team_id"));
            case TEAM_MEMBER -> CounterId.member(scope, cell.keyOf("user_id"), cell.keyOf("team_id"));
            case ORGANIZATION -> CounterId.of(scope, cell.keyOf("organization_id"));
            case ORGANIZATION_MEMBER -> CounterId.member(scope, cell.keyOf("user_id"), cell.keyOf("organization_id"));
            case END_USER -> CounterId.of(scope, cell.keyOf("end_user"));
            case TAG -> CounterId.of(scope, cell.keyOf("tag"));
            case PROXY -> CounterId.of(scope, "");
        };
    }

    /** The counters of this scope that cells count on, each once. */
    Set<CounterId> countersOf(Collection<DailyCell> cells) {
        return cells.stream()
                .filter(cell -> cell.book() == daily)
                .map(this::counterOf)
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }
}
