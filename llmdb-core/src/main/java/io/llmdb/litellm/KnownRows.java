package io.llmdb.litellm;

import io.llmdb.internal.Db;
import io.llmdb.litellm.PendingRow.State;
import io.llmdb.litellm.Tally.Fate;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What earlier runs know of the rows of one table, and what is here of them. */
final class KnownRows {

    private static final String STATES = """
            SELECT d.ordinal, i.source_digest, i.target_digest, i.spend, i.total_spend, i.budget_reset_at, i.run, (${digest}), i.log_window_end, (${bare})
            FROM unnest(?::text[], ?::text[]) WITH ORDINALITY d (id, parent, ordinal)
            LEFT JOIN ${llmdb}."LLM_ImportRow" i ON i.table_name = '${name}' AND i.row_id = d.id AND i.parent_id = d.parent
            LEFT JOIN ${llmdb}."${name}" t ON ${match}""";

    /** What changes by use, or follows from other rows, is nobody's edit. */
    private static final String DIGEST = """
            md5((to_jsonb(t) - '{spend,total_spend,spend_window_start,budget_reset_at,model_spend,last_active,updated_at,updated_by,\
            teams,members,admins,members_with_roles}'::text[])::text)""";

    /** A row that booking, a list of members or another row's reference has made: it says nothing but its key. */
    private static final String BARE = """
            NOT EXISTS (SELECT 1 FROM jsonb_each(to_jsonb(t) - '{spend,total_spend,spend_window_start,budget_reset_at,model_spend,last_active,\
            created_at,created_by,updated_at,updated_by,teams,role,${key}}'::text[]) e
                WHERE e.value NOT IN ('null', 'false', '0', '""', '[]', '{}'))""";

    private static final String REMEMBER = """
            INSERT INTO ${llmdb}."LLM_ImportRow" AS i
                (table_name, row_id, parent_id, source_digest, target_digest, spend, total_spend, budget_reset_at, run, log_window_end)
            SELECT '${name}', d.id, d.parent, d.source_digest, CASE WHEN d.ours THEN (${digest}) ELSE d.target_digest END,
                d.spend, d.total_spend, d.budget_reset_at, ?, d.log_window_end
            FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::boolean[], ?::numeric[], ?::numeric[], ?::timestamptz[], ?::timestamptz[])
                d (id, parent, source_digest, target_digest, ours, spend, total_spend, budget_reset_at, log_window_end)
            LEFT JOIN ${llmdb}."${name}" t ON ${match}
            ON CONFLICT (table_name, row_id, parent_id) DO UPDATE SET source_digest = excluded.source_digest,
                target_digest = excluded.target_digest, spend = excluded.spend, total_spend = excluded.total_spend,
                budget_reset_at = excluded.budget_reset_at, run = excluded.run, log_window_end = excluded.log_window_end""";

    /** It is still there, although it could not be written. */
    private static final String MET = """
            UPDATE ${llmdb}."LLM_ImportRow" SET run = ? WHERE table_name = '${name}' AND row_id = ? AND parent_id = ?""";

    private static final Set<String> MADE_BY_OTHERS =
            Set.of("LLM_EndUserTable", "LLM_TagTable", "LLM_UserTable", "LLM_TeamMembership");

    private final Db db;
    private final long run;
    private final String states;
    private final String remember;
    private final String met;

    KnownRows(Db db, Entity entity, long run) {
        this.db = db;
        this.run = run;
        List<String> key = entity.key();
        String id = entity.target().startsWith("LLM_Deleted") ? "d.id::uuid" : "d.id";
        String match =
                "t.\"" + key.get(0) + "\" = " + id + (key.size() > 1 ? " AND t.\"" + key.get(1) + "\" = d.parent" : "");
        this.states = sql(STATES, entity, match);
        this.remember = sql(REMEMBER, entity, match);
        this.met = sql(MET, entity, match);
    }

    private String sql(String text, Entity entity, String match) {
        return db.sql()
                .of(text.replace("${digest}", DIGEST)
                        .replace("${bare}", MADE_BY_OTHERS.contains(entity.target()) ? BARE : "false")
                        .replace("${key}", String.join(",", entity.key()))
                        .replace("${name}", entity.target())
                        .replace("${match}", match));
    }

    Map<CounterName, State> states(Connection connection, List<CounterName> ids) throws SQLException {
        Map<CounterName, State> known = new HashMap<>();
        try (PreparedStatement statement = connection.prepareStatement(states)) {
            setIds(statement, connection, 1, ids);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    known.put(
                            ids.get(rows.getInt(1) - 1),
                            new State(
                                    rows.getString(2),
                                    rows.getString(3),
                                    rows.getBigDecimal(4),
                                    rows.getBigDecimal(5),
                                    Balances.instant(rows, 6),
                                    rows.getLong(7),
                                    rows.getString(8),
                                    Balances.instant(rows, 9),
                                    rows.getBoolean(10)));
                }
            }
        }
        return known;
    }

    void remember(Connection connection, List<PendingRow> rows, Map<CounterName, State> known) throws SQLException {
        if (rows.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(remember)) {
            statement.setLong(1, run);
            setIds(statement, connection, 2, rows.stream().map(row -> row.id).toList());
            statement.setArray(4, array(connection, "text", rows, row -> {
                // What was kept as it is here is told again next time, as long as it differs.
                State state = Objects.requireNonNull(known.get(row.id));
                return row.fate == Fate.KEPT ? state.sourceDigest() : row.digest;
            }));
            statement.setArray(
                    5,
                    array(
                            connection,
                            "text",
                            rows,
                            row -> Objects.requireNonNull(known.get(row.id)).targetDigest()));
            statement.setArray(
                    6, array(connection, "boolean", rows, row -> row.fate == Fate.ADDED || row.fate == Fate.UPDATED));
            statement.setArray(
                    7, array(connection, "numeric", rows, row -> row.counted().spend()));
            statement.setArray(
                    8, array(connection, "numeric", rows, row -> row.counted().total()));
            statement.setArray(
                    9,
                    array(
                            connection,
                            "timestamptz",
                            rows,
                            row -> text(row.counted().resetThere())));
            statement.setArray(10, array(connection, "timestamptz", rows, row -> text(row.logWindowEnd)));
            statement.executeUpdate();
        }
    }

    private interface Value {
        @Nullable
        Object of(PendingRow row);
    }

    private static java.sql.Array array(Connection connection, String type, List<PendingRow> rows, Value value)
            throws SQLException {
        @Nullable Object[] values = new @Nullable Object[rows.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = value.of(rows.get(i));
        }
        return connection.createArrayOf(type, values);
    }

    static void setIds(PreparedStatement statement, Connection connection, int at, List<CounterName> ids)
            throws SQLException {
        statement.setArray(
                at,
                connection.createArrayOf(
                        "text", ids.stream().map(CounterName::id).toArray()));
        statement.setArray(
                at + 1,
                connection.createArrayOf(
                        "text", ids.stream().map(CounterName::parent).toArray()));
    }

    /** Notes that a row is still there, although it could not be written. */
    void met(CounterName id) {
        db.transaction(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(met)) {
                statement.setLong(1, run);
                statement.setString(2, id.id());
                statement.setString(3, id.parent());
                return statement.executeUpdate();
            }
        });
    }

    static @Nullable String text(@Nullable Instant instant) {
        return instant == null ? null : instant.toString();
    }
}
