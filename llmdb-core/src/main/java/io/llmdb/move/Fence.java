package io.llmdb.move;

import io.llmdb.internal.MoveWatch;
import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.Catalogue.Log;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Keeps writers out of a database: a fact that instances hear of within a second, and triggers that refuse whatever is
 * written all the same. While there is no move it costs nothing, because nothing of it is there.
 */
final class Fence {

    private static final String MOVED_TRIGGER = "llmdb_moved";
    private static final String ARRIVING_TRIGGER = "llmdb_arriving";

    private Fence() {}

    /** Tells the source's instances that it has moved. Writes that are under way go on until {@link #close}. */
    static void announce(MoveEndpoint source, UUID move, String to) throws SQLException {
        try (Session session = Session.write(source)) {
            session.update("""
                    INSERT INTO ${llmdb}."LLM_DatabaseState" (name, value, updated_at)
                    SELECT ?, jsonb_build_object('to', ?::text, 'move', ?::text), ${llmdb}.llmdb_now()
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
                    WHERE "LLM_DatabaseState".value ->> 'move' = excluded.value ->> 'move'""", MoveWatch.MOVED, to, move.toString());
            session.commit();
        }
    }

    /** Whether a move has announced that the source has moved. */
    static boolean isAnnounced(Session source) throws SQLException {
        return source.is(
                "SELECT EXISTS (SELECT 1 FROM ${llmdb}.\"LLM_DatabaseState\" WHERE name = ?)", MoveWatch.MOVED);
    }

    /** Where another move than this one has brought the source; null: nowhere. */
    static @Nullable String movedElsewhere(Session source, UUID move) throws SQLException {
        return source.text("""
                SELECT coalesce(value ->> 'to', '') FROM ${llmdb}."LLM_DatabaseState"
                WHERE name = ? AND value ->> 'move' IS DISTINCT FROM ?""", MoveWatch.MOVED, move.toString());
    }

    /**
     * Refuses every further write to the source. A trigger can be made only when nobody writes to its table any more,
     * and all are made in one transaction; so when this returns, every write that was accepted is committed.
     */
    static void close(MoveEndpoint source) throws SQLException {
        Locks.inShortTurns(source, "The source's tables", session -> {
            for (String table : tables()) {
                // What an instance holds it may hand back; nobody is granted more.
                String events = table.equals("LLM_Lease")
                        ? "INSERT OR UPDATE OR TRUNCATE"
                        : "INSERT OR UPDATE OR DELETE OR TRUNCATE";
                session.run("CREATE OR REPLACE TRIGGER " + MOVED_TRIGGER + " BEFORE " + events + " ON "
                        + session.table(table)
                        + " FOR EACH STATEMENT EXECUTE FUNCTION ${llmdb}.llmdb_refuse_moved('moved')");
            }
        });
    }

    /** Opens the source again, unless it was another move that closed it. */
    static void open(MoveEndpoint source, UUID move) throws SQLException {
        Locks.inShortTurns(source, "The source's tables", session -> {
            if (movedElsewhere(session, move) != null) {
                return;
            }
            for (String table : tables()) {
                session.run("DROP TRIGGER IF EXISTS " + MOVED_TRIGGER + " ON " + session.table(table));
            }
            session.update("DELETE FROM ${llmdb}.\"LLM_DatabaseState\" WHERE name = ?", MoveWatch.MOVED);
        });
    }

    /** Refuses writes to the target but the move's own, until it is opened. */
    static void closeTarget(Session target) throws SQLException {
        for (String table : tables()) {
            target.run("CREATE OR REPLACE TRIGGER " + ARRIVING_TRIGGER
                    + " BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON " + target.table(table)
                    + " FOR EACH STATEMENT EXECUTE FUNCTION ${llmdb}.llmdb_refuse_moved('arriving')");
        }
        forgetSums(target);
        target.update("""
                INSERT INTO ${llmdb}."LLM_DatabaseState" (name, value, updated_at) VALUES (?, '{}', ${llmdb}.llmdb_now())
                ON CONFLICT DO NOTHING""", MoveWatch.ARRIVING);
    }

    /** Lets everybody write to the target, and its instances forget what they had read before. */
    static void openTarget(Session target) throws SQLException {
        for (String table : tables()) {
            target.run("DROP TRIGGER IF EXISTS " + ARRIVING_TRIGGER + " ON " + target.table(table));
        }
        target.update("DELETE FROM ${llmdb}.\"LLM_DatabaseState\" WHERE name = ?", MoveWatch.ARRIVING);
        forgetSums(target);
        target.run("INSERT INTO ${llmdb}.\"LLM_Change\" (kind, object_id) VALUES ('everything', '')");
    }

    /** What an instance has summed up on the target before the rows came; it is summed up again. */
    static void forgetSums(Session target) throws SQLException {
        target.run("DELETE FROM ${llmdb}.\"LLM_SummedUp\"");
    }

    private static List<String> tables() {
        List<String> tables = new ArrayList<>();
        Catalogue.KEYED.stream().map(Keyed::name).forEach(tables::add);
        Catalogue.LOGS.stream().map(Log::name).forEach(tables::add);
        tables.add(Catalogue.LOG_STATE);
        tables.add("LLM_Job");
        return tables;
    }
}
