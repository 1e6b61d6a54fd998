package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the logs say of themselves. What was dropped or emptied is a fact about the rows that were copied; which days
 * have their indexes is one about the target.
 */
final class LogStates {

    private LogStates() {}

    /** Whether rows lost their prompts on the source since the last pass: edits that nobody noted. */
    static boolean promptsWent(Session from, Session to) throws SQLException {
        for (@Nullable
        String[] row : from.rows("SELECT table_name, prompts_before::text FROM ${llmdb}.\"LLM_LogState\"")) {
            if (to.is(
                    "SELECT prompts_before < ?::text::timestamptz FROM ${llmdb}.\"LLM_LogState\" WHERE table_name = ?",
                    row[1],
                    row[0])) {
                return true;
            }
        }
        return false;
    }

    /**
     * Rows that start before the chosen days are dropped ones for the target.
     *
     * @param merged whether the target has rows of its own: then prompts are gone through again from where either side
     *     has them
     */
    static void carryOver(Session from, Session to, MoveChoice choice, boolean merged) throws SQLException {
        List<@Nullable String[]> rows = from.rows(
                "SELECT table_name, dropped_before::text, prompts_before::text FROM ${llmdb}.\"LLM_LogState\"");
        for (@Nullable String[] row : rows) {
            String table = Objects.requireNonNull(row[0]);
            boolean limited = choice.logsFrom() != null && !table.equals("LLM_AuditLog");
            to.update("""
                    INSERT INTO ${llmdb}."LLM_LogState" AS s (table_name, dropped_before, prompts_before)
                    VALUES (?, greatest(?::text::timestamptz, ?::text::timestamptz), ?::text::timestamptz)
                    ON CONFLICT (table_name) DO UPDATE
                    SET dropped_before = greatest(s.dropped_before, excluded.dropped_before),
                        prompts_before = CASE WHEN ? THEN least(s.prompts_before, excluded.prompts_before) ELSE excluded.prompts_before END""", table, row[1], limited ? choice.logsFrom() + " 00:00:00+00" : "-infinity", row[2], merged);
        }
    }
}
