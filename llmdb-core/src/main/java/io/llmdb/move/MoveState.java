package io.llmdb.move;

import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is known of the move, in tables on the target, so that any call can go on where another one ended. */
final class MoveState {

    /**
     * The move into this target.
     *
     * @param id its id
     * @param sourceIdentity which database it comes from
     * @param sourceName what that was called
     * @param choice what is moved
     * @param phase how far it has come
     * @param merged whether the target held other rows
     */
    record Move(UUID id, String sourceIdentity, String sourceName, String choice, MovePhase phase, boolean merged) {}

    /** A table, or a partition of a log on the source. */
    record UnitKey(String table, String part) {}

    /**
     * A unit that is on the target.
     *
     * @param sinceXid rows that this transaction or a later one wrote may be missing
     */
    record Unit(UnitKey key, long rows, long sinceXid, boolean verified) {}

    private MoveState() {}

    static @Nullable Move find(Session target) throws SQLException {
        if (!target.is("SELECT to_regclass(?) IS NOT NULL", target.table("LLM_Move"))) {
            return null;
        }
        List<@Nullable String[]> rows = target.rows(
                "SELECT move_id, source_identity, source_name, choice::text, phase, merged FROM ${llmdb}.\"LLM_Move\"");
        if (rows.isEmpty()) {
            return null;
        }
        @Nullable String[] row = rows.get(0);
        return new Move(
                UUID.fromString(text(row[0])),
                text(row[1]),
                text(row[2]),
                text(row[3]),
                MovePhase.valueOf(text(row[4]).toUpperCase(Locale.ROOT)),
                "t".equals(row[5]));
    }

    static Move begin(Session target, String identity, String name, String choice, boolean merged) throws SQLException {
        target.update("""
                INSERT INTO ${llmdb}."LLM_Move" (move_id, source_identity, source_name, choice, phase, merged)
                VALUES (?, ?, ?, ?::text::jsonb, 'copying', ?)""", UUID.randomUUID(), identity, name, choice, merged);
        return Objects.requireNonNull(find(target));
    }

    static void phase(Session target, MovePhase phase) throws SQLException {
        target.update("UPDATE ${llmdb}.\"LLM_Move\" SET phase = ?, phase_at = ${llmdb}.llmdb_now()", phase.sqlName());
    }

    static void passed(Session target) throws SQLException {
        target.run("UPDATE ${llmdb}.\"LLM_Move\" SET passes = passes + 1, last_pass_at = ${llmdb}.llmdb_now()");
    }

    static Map<UnitKey, Unit> units(Session target) throws SQLException {
        Map<UnitKey, Unit> units = new LinkedHashMap<>();
        for (@Nullable String[] row : target.rows("""
                SELECT table_name, part, row_count, since_xid::text, verified FROM ${llmdb}."LLM_MoveUnit"
                ORDER BY table_name, part""")) {
            UnitKey key = new UnitKey(text(row[0]), text(row[1]));
            units.put(
                    key, new Unit(key, Long.parseLong(text(row[2])), Long.parseLong(text(row[3])), "t".equals(row[4])));
        }
        return units;
    }

    static void done(Session target, UnitKey unit, long rows, long bytes, String xmin) throws SQLException {
        target.update("""
                INSERT INTO ${llmdb}."LLM_MoveUnit" (table_name, part, row_count, byte_count, since_xid, copied_at)
                VALUES (?, ?, ?, ?, ?::text::xid8, ${llmdb}.llmdb_now())
                ON CONFLICT (table_name, part) DO UPDATE
                SET row_count = excluded.row_count, byte_count = excluded.byte_count, since_xid = excluded.since_xid,
                    copied_at = excluded.copied_at, verified = false""", unit.table(), unit.part(), rows, bytes, xmin);
    }

    /** All units are what the source was at a later moment. */
    static void broughtUpTo(Session target, String xmin) throws SQLException {
        target.update("UPDATE ${llmdb}.\"LLM_MoveUnit\" SET since_xid = ?::text::xid8", xmin);
    }

    static void verified(Session target, UnitKey unit) throws SQLException {
        target.update(
                "UPDATE ${llmdb}.\"LLM_MoveUnit\" SET verified = true WHERE table_name = ? AND part = ?",
                unit.table(),
                unit.part());
    }

    static void notVerified(Session target, UnitKey unit) throws SQLException {
        target.update(
                "UPDATE ${llmdb}.\"LLM_MoveUnit\" SET verified = false WHERE table_name = ? AND part = ?",
                unit.table(),
                unit.part());
    }

    static void gone(Session target, UnitKey unit) throws SQLException {
        target.update(
                "DELETE FROM ${llmdb}.\"LLM_MoveUnit\" WHERE table_name = ? AND part = ?", unit.table(), unit.part());
    }

    private static String text(@Nullable String value) {
        return Objects.requireNonNull(value);
    }
}
