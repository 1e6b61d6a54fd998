package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.usage.Difference;
import io.llmdb.usage.Difference.Kind;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/** Ways to spoil the books, each in one place, and what the check has to say. */
enum Plant {
    KEY_TOTAL(
            Kind.TOTAL_SPEND,
            "key \"key3\"",
            "total_spend",
            "1.5",
            "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET total_spend = total_spend + 1.5 WHERE token = 'key3'"),
    USER_WINDOW(
            Kind.WINDOW_SPEND,
            "user \"user1\"",
            "spend",
            "0.0000000000001",
            "UPDATE ${llmdb}.\"LLM_UserTable\" SET spend = spend + 0.0000000000001 WHERE user_id = 'user1'"),
    TEAM_DAY_WINDOW(
            Kind.WINDOW_SPEND,
            "team \"team0\"",
            "spend",
            "-0.001",
            "UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = spend - 0.001 WHERE team_id = 'team0'"),
    TEAM_MEMBER_TOTAL(
            Kind.TOTAL_SPEND,
            "team member \"user2\" of \"team2\"",
            "total_spend",
            "-0.002",
            "UPDATE ${llmdb}.\"LLM_TeamMembership\" SET total_spend = total_spend - 0.002 WHERE user_id = 'user2'"),
    ORGANIZATION_TOTAL(
            Kind.TOTAL_SPEND,
            "organization \"org1\"",
            "total_spend",
            "0.003",
            "UPDATE ${llmdb}.\"LLM_OrganizationTable\" SET total_spend = total_spend + 0.003 WHERE organization_id = 'org1'"),
    ORGANIZATION_MEMBER_WINDOW(
            Kind.WINDOW_SPEND,
            "organization member \"user0\" of \"org0\"",
            "spend",
            "0.004",
            "UPDATE ${llmdb}.\"LLM_OrganizationMembership\" SET spend = spend + 0.004 WHERE user_id = 'user0'"),
    END_USER_TOTAL(
            Kind.TOTAL_SPEND,
            "end user \"customer7\"",
            "total_spend",
            "0.005",
            "UPDATE ${llmdb}.\"LLM_EndUserTable\" SET total_spend = total_spend + 0.005 WHERE user_id = 'customer7'"),
    TAG_WINDOW(
            Kind.WINDOW_SPEND,
            "tag \"batch\"",
            "spend",
            "-0.006",
            "UPDATE ${llmdb}.\"LLM_TagTable\" SET spend = spend - 0.006 WHERE tag_name = 'batch'"),
    PROXY_TOTAL(
            Kind.TOTAL_SPEND,
            "proxy",
            "total_spend",
            "0.007",
            "UPDATE ${llmdb}.\"LLM_SpendCounter\" SET total_spend = total_spend + 0.007 WHERE scope = 'proxy'"),
    MODEL_BUDGET_WINDOW(
            Kind.WINDOW_SPEND,
            "key \"key0\" for model \"gpt-4o\" per 1d",
            "spend",
            "0.008",
            "UPDATE ${llmdb}.\"LLM_SpendCounter\" SET spend = spend + 0.008 WHERE scope_id = 'key0' AND model = 'gpt-4o'"),
    MODEL_BUDGET_WITHOUT_WINDOW(
            Kind.WINDOW_SPEND,
            "key \"key2\" for model \"gpt-4o\"",
            "spend",
            "5",
            "UPDATE ${llmdb}.\"LLM_SpendCounter\" SET spend = spend + 5 WHERE scope_id = 'key2' AND model = 'gpt-4o' AND spend_window_start IS NULL"),
    FURTHER_WINDOW_TOTAL(
            Kind.TOTAL_SPEND,
            "team member \"user5\" of \"team1\" per 2d",
            "total_spend",
            "-0.009",
            "UPDATE ${llmdb}.\"LLM_SpendCounter\" SET total_spend = total_spend - 0.009 WHERE scope_id = 'user5'"),
    DAILY_ROW(
            Kind.DAILY_SPEND,
            "2026-03-29 key \"key5\" user \"user5\" team \"team1\" organization \"org1\" model \"gpt-4o\" model group \"gpt-4o\" provider \"openai\"",
            "spend",
            "0.01",
            """
            UPDATE ${llmdb}."LLM_DailySpend" SET spend = spend + 0.01
            WHERE day = '2026-03-29' AND api_key = 'key5' AND model = 'gpt-4o' AND model_group = 'gpt-4o'"""),
    DAILY_END_USER_TOKENS(
            Kind.DAILY_END_USER_SPEND,
            "2026-03-28 end user \"customer3\" model \"claude-sonnet\"",
            "prompt_tokens",
            "11",
            """
            UPDATE ${llmdb}."LLM_DailyEndUserSpend" SET prompt_tokens = prompt_tokens + 11
            WHERE day = '2026-03-28' AND end_user = 'customer3' AND model = 'claude-sonnet'"""),
    DAILY_TAG_ROW_GONE(
            Kind.DAILY_TAG_SPEND,
            "missing row of 2026-03-30 tag \"nightly\" model \"mistral-small\"",
            "spend",
            null,
            "DELETE FROM ${llmdb}.\"LLM_DailyTagSpend\" WHERE day = '2026-03-30' AND tag = 'nightly' AND model = 'mistral-small'"),
    DAILY_ROW_TOO_MANY(Kind.DAILY_SPEND, "2026-04-09 key \"key1\" model \"gpt-4o\"", "spend", "0.02", """
            INSERT INTO ${llmdb}."LLM_DailySpend" VALUES ('2026-04-09', 'key1', '', '', '', 'gpt-4o', '', '', 0.02, 1, 1, 1, 1, 0)"""),
    DAILY_ERRORS(Kind.DAILY_ERRORS, "2026-03-30 errors of model \"gpt-4o\"", "failed_requests", "-1", """
            UPDATE ${llmdb}."LLM_DailyErrors" SET failed_requests = failed_requests - 1 WHERE ctid = (
                SELECT ctid FROM ${llmdb}."LLM_DailyErrors" WHERE day = '2026-03-30' AND model = 'gpt-4o' LIMIT 1)"""),
    LOG_ROW_GONE(Kind.SPEND_LOG, "log rows of 2026-03-28 key \"key8\"", "spend", null, """
            DELETE FROM ${llmdb}."LLM_SpendLogs" WHERE id = (
                SELECT id FROM ${llmdb}."LLM_SpendLogs" WHERE api_key = 'key8' AND "startTime" < '2026-03-29 00:00Z' AND spend > 0
                    AND jsonb_array_length(request_tags) = 2 AND end_user IS NOT NULL
                ORDER BY id LIMIT 1)"""),
    LOG_ROW_CHANGED(Kind.SPEND_LOG, "log rows of 2026-03-29 key \"key6\"", "spend", "0.03", """
            UPDATE ${llmdb}."LLM_SpendLogs" SET spend = spend + 0.03 WHERE id = (
                SELECT id FROM ${llmdb}."LLM_SpendLogs" WHERE api_key = 'key6' AND "startTime" BETWEEN '2026-03-29 00:00Z' AND '2026-03-29 23:59Z'
                ORDER BY id LIMIT 1)""");

    final Kind kind;
    final String where;
    final String what;
    final BigDecimal amount;
    final String sql;

    Plant(Kind kind, String where, String what, String amount, String sql) {
        this.kind = kind;
        this.where = where;
        this.what = what;
        this.amount = amount == null ? null : new BigDecimal(amount);
        this.sql = sql;
    }

    void plant(Connection connection, String schema) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            assertThat(statement.executeUpdate(sql.replace("${llmdb}", schema)))
                    .as("rows spoiled by " + this)
                    .isEqualTo(1);
        }
    }

    boolean matches(Difference difference) {
        return difference.kind() == kind
                && difference.where().startsWith(where)
                && difference.what().equals(what)
                && (amount == null || difference.difference().compareTo(amount) == 0);
    }
}
