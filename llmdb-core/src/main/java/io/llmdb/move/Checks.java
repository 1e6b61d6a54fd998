package io.llmdb.move;

import io.llmdb.error.LlmDbException;
import io.llmdb.move.MoveState.Move;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.schema.SchemaReport;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What has to hold before a move begins, and what a person should know. */
final class Checks {

    private static final String TABLES = """
            SELECT c.relname, has_table_privilege(c.oid, 'SELECT'), pg_has_role(c.relowner, 'USAGE')
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname LIKE 'LLM\\_%' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            ORDER BY 1""";

    private static final String SERVER = "SELECT system_identifier::text FROM pg_control_system()";

    /** Where the server does not tell its identifier. */
    private static final String ADDRESS =
            "SELECT concat_ws(':', inet_server_addr()::text, current_setting('port'), pg_postmaster_start_time()::text)";

    private static final String DATABASE = "SELECT oid::text FROM pg_database WHERE datname = current_database()";

    private final MoveEndpoint source;
    private final MoveEndpoint target;
    private final MoveChoice choice;
    private final boolean merge;
    private final List<String> problems = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private boolean targetIsMigrated;

    Checks(MoveEndpoint source, MoveEndpoint target, MoveChoice choice, boolean merge) {
        this.source = source;
        this.target = target;
        this.choice = choice;
        this.merge = merge;
    }

    List<String> problems() {
        return problems;
    }

    List<String> notes() {
        return notes;
    }

    boolean targetIsMigrated() {
        return targetIsMigrated;
    }

    /** Which database and schema this is; the same answer whatever way leads there. */
    static String identity(Session session) throws SQLException {
        boolean told = session.is("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')");
        return session.text(told ? SERVER : ADDRESS) + "/" + session.text(DATABASE) + "/"
                + session.side().schema();
    }

    /** Reads both sides; changes nothing. */
    void run() throws SQLException {
        if (!versions()) {
            return;
        }
        try (Session from = Session.read(source);
                Session to = Session.read(target)) {
            if (identity(from).equals(identity(to))) {
                problems.add("Source and target are the same database and schema, " + source + ": name another target");
                return;
            }
            tables(from, true);
            if (Fence.isAnnounced(from)) {
                problems.add("The source has moved already: copy from where it is now, or abandon that move first");
            }
            organizations(from);
            if (targetIsMigrated) {
                tables(to, false);
                Shapes shapes = Shapes.read(from, to);
                problems.addAll(shapes.problems());
                notes.addAll(shapes.left());
                inUse(from, to);
            }
        }
    }

    private boolean versions() {
        try {
            SchemaReport from =
                    SchemaMigrator.of(source.dataSource(), source.schema()).inspect();
            if (from.version() == null) {
                problems.add("There is no llmdb in " + source + ": check its URL and the schema's name");
            } else if (!from.isCurrent()) {
                problems.add("The source is at version " + from.version()
                        + " of the schema and this tool needs a newer one: "
                        + (from.problems().isEmpty()
                                ? "migrate it first (pending: " + String.join(", ", from.pending()) + ")"
                                : String.join("; ", from.problems())));
            }
        } catch (LlmDbException e) {
            problems.add("The source cannot be used: " + e.getMessage());
        }
        try {
            SchemaReport to =
                    SchemaMigrator.of(target.dataSource(), target.schema()).inspect();
            problems.addAll(to.problems());
            targetIsMigrated = to.isCurrent();
            if (!targetIsMigrated && to.problems().isEmpty()) {
                notes.add("The target's schema will be made, or migrated: "
                        + to.pending().size() + " steps");
            }
        } catch (LlmDbException e) {
            problems.add("The target cannot be used: " + e.getMessage());
        }
        return problems.isEmpty();
    }

    private void tables(Session session, boolean isSource) throws SQLException {
        for (@Nullable String[] row : session.rows(TABLES, session.side().schema())) {
            String table = Objects.requireNonNull(row[0]);
            if (!Catalogue.knows(table)) {
                if (isSource) {
                    notes.add("Table \"" + table + "\" is none of ours and is not moved");
                }
            } else if (isSource && !"t".equals(row[1])) {
                problems.add("The role may not read \"" + table
                        + "\" on the source: connect as the tables' owner, or GRANT SELECT on them");
            } else if (!isSource && !"t".equals(row[2])) {
                problems.add("The role does not own \"" + table
                        + "\" on the target: connect as its owner, or as a role that has the owner's membership");
            }
        }
    }

    /** Who follows or fences the source has to own its tables. */
    static void requireSourceOwner(Session session) throws SQLException {
        for (@Nullable String[] row : session.rows(TABLES, session.side().schema())) {
            String table = Objects.requireNonNull(row[0]);
            if (Catalogue.knows(table) && !"t".equals(row[2])) {
                throw new MoveException("The role does not own \"" + table + "\" on the source, so it can neither note"
                        + " what changes nor fence it: connect as the tables' owner. A plain copy needs no more than"
                        + " reading");
            }
        }
    }

    private void organizations(Session from) throws SQLException {
        if (choice.organizations()) {
            return;
        }
        for (String table : List.of("LLM_VerificationToken", "LLM_TeamTable", "LLM_UserTable")) {
            long linked =
                    from.number("SELECT count(*) FROM " + from.table(table) + " WHERE organization_id IS NOT NULL");
            if (linked > 0) {
                problems.add(linked + " rows of \"" + table
                        + "\" belong to organizations, which are not to be moved: choose organizations too");
            }
        }
    }

    /** What is wrong where a move began with another choice than this one; null: nothing. */
    static @Nullable String otherChoice(Session to, Move move, MoveChoice choice) throws SQLException {
        return move.choice().equals(to.text("SELECT ?::text::jsonb::text", choice.json()))
                ? null
                : "The move into this target began with another choice, " + move.choice()
                        + ": go on with that one, or abandon it";
    }

    private void inUse(Session from, Session to) throws SQLException {
        Move move = MoveState.find(to);
        if (move != null) {
            String otherChoice = otherChoice(to, move, choice);
            if (!move.sourceIdentity().equals(identity(from))) {
                problems.add("The target is in use by a move from " + move.sourceName()
                        + ": finish or abandon that one, or name another target");
            } else if (otherChoice != null) {
                problems.add(otherChoice);
            } else if (move.phase() == MovePhase.MOVED) {
                problems.add("This move is done; the target is in use");
            }
            return;
        }
        if (merge) {
            return;
        }
        List<String> filled = new ArrayList<>();
        List<String> tables = new ArrayList<>();
        Catalogue.KEYED.forEach(table -> tables.add(table.name()));
        Catalogue.LOGS.forEach(log -> tables.add(log.name()));
        for (String table : tables) {
            if (to.is("SELECT EXISTS (SELECT 1 FROM " + to.table(table) + ")")) {
                filled.add("\"" + table + "\"");
            }
        }
        if (!filled.isEmpty()) {
            problems.add("The target holds other data in " + String.join(", ", filled)
                    + ": name an empty database or another schema, or ask for a merge");
        }
    }
}
