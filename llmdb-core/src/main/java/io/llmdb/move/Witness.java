package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Triggers on the source's logs, as long as a move follows it: each statement that writes to a log leaves one row with
 * the stretch of time that it wrote to. Tables with keys need none, and without them a pass reads the logs as a whole.
 */
final class Witness {

    /** Two stretches that are nearer than this are read as one. */
    private static final String NEAR = "interval '2 seconds'";

    /**
     * A stretch of time.
     *
     * @param first its first instant
     * @param last its last instant
     */
    record Stretch(String first, String last) {

        String condition(Log log) {
            String time = Names.quoted(log.time());
            return time + " >= " + Names.literal(first) + " AND " + time + " <= " + Names.literal(last);
        }
    }

    private Witness() {}

    /**
     * Makes the triggers. Whoever wrote before has ended then, so every transaction from the next one on is noted.
     * Waits for those who write now, never for long.
     */
    static void install(MoveEndpoint source) throws SQLException {
        Locks.inShortTurns(source, "The source's logs", session -> {
            for (Log log : Catalogue.LOGS) {
                String function = log.time().equals("startTime") ? "llmdb_note_start_times" : "llmdb_note_update_times";
                for (String event : List.of("INSERT", "UPDATE", "DELETE")) {
                    session.run("CREATE OR REPLACE TRIGGER " + name(event) + " AFTER " + event + " ON "
                            + session.table(log.name()) + " REFERENCING "
                            + (event.equals("DELETE") ? "OLD" : "NEW") + " TABLE AS touched FOR EACH STATEMENT EXECUTE"
                            + " FUNCTION ${llmdb}." + function + "(" + Names.literal(log.name()) + ")");
                }
            }
        });
    }

    static boolean isInstalled(Session source) throws SQLException {
        return source.is(
                "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgname = ? AND tgrelid = to_regclass(?))",
                name("INSERT"),
                source.table(Catalogue.LOGS.get(0).name()));
    }

    /** Takes the triggers and their notes away. */
    static void remove(MoveEndpoint source) throws SQLException {
        Locks.inShortTurns(source, "The source's logs", session -> {
            for (Log log : Catalogue.LOGS) {
                for (String event : List.of("INSERT", "UPDATE", "DELETE")) {
                    session.run("DROP TRIGGER IF EXISTS " + name(event) + " ON " + session.table(log.name()));
                }
            }
            session.run("DELETE FROM ${llmdb}.\"LLM_MoveTouch\"");
        });
    }

    /** The stretches that a transaction or later ones wrote to, as far as the snapshot sees them. */
    static List<Stretch> stretches(Session source, Log log, long xid) throws SQLException {
        List<Stretch> stretches = new ArrayList<>();
        for (@Nullable String[] row : source.rows("""
                SELECT lower(r)::text, upper(r)::text
                FROM (SELECT unnest(range_agg(tstzrange(first_at, last_at + %s, '[]'))) AS r
                      FROM ${llmdb}."LLM_MoveTouch" WHERE table_name = ? AND xid >= ?::text::xid8) s""".formatted(NEAR), log.name(), Long.toString(xid))) {
            stretches.add(new Stretch(Objects.requireNonNull(row[0]), Objects.requireNonNull(row[1])));
        }
        return stretches;
    }

    /** Forgets notes that no move's next pass needs any more. */
    static void trim(Session source) throws SQLException {
        source.run("""
                DELETE FROM ${llmdb}."LLM_MoveTouch" WHERE xid::text::bigint < (
                    SELECT min((value ->> 'since')::bigint) FROM ${llmdb}."LLM_DatabaseState"
                    WHERE starts_with(name, 'followed ') AND value ->> 'slot' IS NULL)""");
    }

    private static String name(String event) {
        return "llmdb_touch_" + event.toLowerCase(java.util.Locale.ROOT);
    }
}
