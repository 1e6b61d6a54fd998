package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/**
 * Conditions on rows of the spend log in the words of its indexes, which are different ones for days that are settled
 * and for those still being written (migration 2). The log is called {@code l}. Bounds in time stand in the text, so
 * that every plan is made for them and leaves out the other partitions.
 */
final class LogConditions {

    /** What the index of a day that is being written is on, to the letter. */
    private static final String TERMS = """
            ARRAY[hashtext(l.api_key), hashtext(l."user"), hashtext(l.team_id), hashtext(l.organization_id), hashtext(l.end_user), \
            hashtext(l.model), CASE WHEN l.status = 'failure' THEN -1 END, \
            width_bucket(l.spend, '{0.00001,0.00003,0.0001,0.0003,0.001,0.003,0.01,0.03,0.1,0.3,1,3,10,30,100,300,1000}'::numeric[])]""";

    private static final String COST_CLASSES = """
            ARRAY(SELECT generate_series(width_bucket(?::numeric, \
            '{0.00001,0.00003,0.0001,0.0003,0.001,0.003,0.01,0.03,0.1,0.3,1,3,10,30,100,300,1000}'::numeric[]), 17))""";

    private static final String SETTLED_BEFORE = """
            SELECT settled_before FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs' AND isfinite(settled_before)""";

    private final boolean settled;
    private final StringBuilder text = new StringBuilder("true");
    private final List<Object> arguments = new ArrayList<>();

    /** @param settled whether all rows are of days that are settled */
    LogConditions(boolean settled) {
        this.settled = settled;
    }

    /** Days before this have their B-trees. */
    static Instant settledBefore(Connection connection, Sql sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of(SETTLED_BEFORE));
                ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getObject(1, OffsetDateTime.class).toInstant() : Instant.MIN;
        }
    }

    LogConditions from(Instant instant) {
        text.append(" AND l.\"startTime\" >= ").append(literal(instant));
        return this;
    }

    LogConditions before(Instant instant) {
        text.append(" AND l.\"startTime\" < ").append(literal(instant));
        return this;
    }

    /** Of one id, by an indexed column. */
    LogConditions id(String column, String id) {
        String indexed = settled ? "hashtext(l." + column + ") = hashtext(?)" : TERMS + " @> ARRAY[hashtext(?)]";
        text.append(" AND ").append(indexed).append(" AND l.").append(column).append(" = ?");
        arguments.add(id);
        arguments.add(id);
        return this;
    }

    /** Of one request or session: few rows, if any. */
    LogConditions rareId(String column, String id) {
        return settled ? id(column, id) : and("l." + column + " = ?", id);
    }

    LogConditions failed() {
        text.append(settled ? "" : " AND " + TERMS + " @> ARRAY[-1]").append(" AND l.status = 'failure'");
        return this;
    }

    LogConditions costAtLeast(BigDecimal least) {
        if (!settled) {
            text.append(" AND ").append(TERMS).append(" && ").append(COST_CLASSES);
            arguments.add(least);
        }
        return and("l.spend >= ?", least);
    }

    /** Any other condition. */
    LogConditions and(String condition, Object... values) {
        text.append(" AND ").append(condition);
        arguments.addAll(List.of(values));
        return this;
    }

    String text() {
        return text.toString();
    }

    List<Object> arguments() {
        return arguments;
    }

    /** Sets arguments, the first at an index; the next free index. */
    static int bind(PreparedStatement statement, int first, List<Object> arguments) throws SQLException {
        int index = first;
        for (Object argument : arguments) {
            statement.setObject(index++, argument);
        }
        return index;
    }

    static String literal(Instant instant) {
        return "timestamptz '" + instant.atOffset(ZoneOffset.UTC) + "'";
    }
}
