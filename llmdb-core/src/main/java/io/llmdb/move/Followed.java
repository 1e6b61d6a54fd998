package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The fact on the source that a move follows it.
 *
 * @param since the first transaction whose changes are sure to be noted
 * @param slot the replication slot that notes them; null: triggers do
 */
record Followed(long since, @Nullable String slot) {

    private static final String FACT = "followed ";

    static @Nullable Followed find(Session source, UUID move) throws SQLException {
        List<@Nullable String[]> rows = source.rows("""
                SELECT value ->> 'since', value ->> 'slot' FROM ${llmdb}."LLM_DatabaseState"
                WHERE name = ?""", FACT + move);
        return rows.isEmpty()
                ? null
                : new Followed(Long.parseLong(Objects.requireNonNull(rows.get(0)[0])), rows.get(0)[1]);
    }

    /** Notes that every transaction from the next one on is noted. To be called when that has become true. */
    static void remember(MoveEndpoint source, UUID move, @Nullable String slot) throws SQLException {
        try (Session session = Session.write(source)) {
            session.update("""
                    INSERT INTO ${llmdb}."LLM_DatabaseState" (name, value, updated_at)
                    SELECT ?, jsonb_build_object('since', pg_snapshot_xmax(pg_current_snapshot())::text, 'slot', ?::text),
                        ${llmdb}.llmdb_now()
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at""", FACT + move, slot);
            session.commit();
        }
    }

    /**
     * What older transactions wrote is forgotten from now on, because a pass has brought it. A target that loses that
     * pass, such as a standby that takes over, is older than this, and is asked as a whole.
     */
    static void raise(Session source, UUID move, String xmin) throws SQLException {
        source.update("""
                UPDATE ${llmdb}."LLM_DatabaseState" SET value = jsonb_set(value, '{since}', to_jsonb(?::text))
                WHERE name = ? AND (value ->> 'since')::bigint < ?::text::bigint""", xmin, FACT + move, xmin);
    }

    /** Whether another move follows this source by triggers. */
    static boolean byTriggersElsewhere(Session source, UUID move) throws SQLException {
        return source.is("""
                SELECT EXISTS (SELECT 1 FROM ${llmdb}."LLM_DatabaseState"
                               WHERE starts_with(name, ?) AND name <> ? AND value ->> 'slot' IS NULL)""", FACT, FACT + move);
    }

    static void forget(MoveEndpoint source, UUID move) throws SQLException {
        try (Session session = Session.write(source)) {
            session.update("DELETE FROM ${llmdb}.\"LLM_DatabaseState\" WHERE name = ?", FACT + move);
            session.commit();
        }
    }
}
