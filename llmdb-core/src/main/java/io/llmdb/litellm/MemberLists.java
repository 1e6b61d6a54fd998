package io.llmdb.litellm;

import io.llmdb.internal.Db;
import io.llmdb.internal.Json;
import io.llmdb.litellm.Tally.Fate;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes membership rows of the lists in which LiteLLM keeps who is in a team: three in the team's row, one in the
 * user's. Each entry is counted as a row of the report. A list that did not change since the last run is left alone, so
 * that who was removed here stays away.
 */
final class MemberLists {

    private static final int BATCH = 1000;

    private static final String UNCHANGED = """
            SELECT EXISTS (SELECT 1 FROM ${llmdb}."LLM_ImportRow" WHERE table_name = ? AND row_id = ? AND source_digest = ?)""";

    private static final String REMEMBER = """
            INSERT INTO ${llmdb}."LLM_ImportRow" (table_name, row_id, source_digest, run) VALUES (?, ?, ?, ?)
            ON CONFLICT (table_name, row_id, parent_id) DO UPDATE SET source_digest = excluded.source_digest, run = excluded.run""";

    /** People whom only a list names get a row, so that they can be members. */
    private static final String MAKE_USERS = """
            INSERT INTO ${llmdb}."LLM_UserTable" (user_id)
            SELECT DISTINCT d.user_id FROM unnest(?::text[], ?::text[]) d (user_id, team_id)
            WHERE EXISTS (SELECT 1 FROM ${llmdb}."LLM_TeamTable" t WHERE t.team_id = d.team_id)
              AND NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_UserTable" u WHERE u.user_id = d.user_id)
            ON CONFLICT DO NOTHING RETURNING user_id""";

    private static final String MAKE_MEMBERS = """
            WITH given AS (
                SELECT d.user_id, d.team_id, d.role, m.role AS present, t.team_id IS NOT NULL AS has_team
                FROM unnest(?::text[], ?::text[], ?::text[]) d (user_id, team_id, role)
                LEFT JOIN ${llmdb}."LLM_TeamTable" t ON t.team_id = d.team_id
                LEFT JOIN ${llmdb}."LLM_TeamMembership" m ON m.user_id = d.user_id AND m.team_id = d.team_id
            ), made AS (
                INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id, role, spend_window_start)
                SELECT user_id, team_id, role, ?::timestamptz FROM given WHERE has_team AND present IS NULL
                ORDER BY user_id COLLATE "C", team_id COLLATE "C"
            ), raised AS (
                UPDATE ${llmdb}."LLM_TeamMembership" m SET role = 'admin' FROM given g
                WHERE m.user_id = g.user_id AND m.team_id = g.team_id AND g.role = 'admin' AND g.present = 'user')
            SELECT user_id, team_id, CASE WHEN NOT has_team THEN 'no team' WHEN present IS NULL THEN 'made'
                WHEN role = 'admin' AND present = 'user' THEN 'raised' ELSE 'there' END
            FROM given""";

    private record Member(String userId, String teamId) {}

    private record ListRow(String table, String id, String digest) {}

    private final Db db;
    private final Source source;
    private final Tally tally;
    private final long run;
    private final Instant since;
    private final Map<Member, String> pending = new LinkedHashMap<>();
    private final List<ListRow> lists = new ArrayList<>();
    private long bareUsers;

    /** @param since since when the counters of members count whom nobody counted over there */
    MemberLists(Db db, Source source, Tally tally, long run, Instant since) {
        this.db = db;
        this.source = source;
        this.tally = tally;
        this.run = run;
        this.since = since;
    }

    void run() throws SQLException {
        Source.Table teams = source.table("LiteLLM_TeamTable");
        if (teams != null) {
            source.read(teams, Map.of(), this::team);
        }
        Source.Table users = source.table("LiteLLM_UserTable");
        if (users != null && users.has("teams")) {
            source.read(users, Map.of(), this::user);
        }
        flush();
    }

    /** @return people who were made because a list names them */
    long bareUsers() {
        return bareUsers;
    }

    private void team(Map<String, @Nullable String> row) throws SQLException {
        String team = row.get("team_id");
        String all = Json.write(
                new @Nullable String[] {row.get("members_with_roles"), row.get("members"), row.get("admins")});
        if (team == null || team.isEmpty() || !begin("LiteLLM_TeamTable lists", team, all)) {
            return;
        }
        Object withRoles = Json.value(row.get("members_with_roles"));
        if (withRoles instanceof String text && text.startsWith("[")) {
            withRoles = Json.value(text);
        }
        if (withRoles instanceof List<?> list) {
            list.forEach(entry -> entry(team, entry));
        } else if (withRoles instanceof Map<?, ?> map && !map.isEmpty()) {
            entry(team, map);
        }
        plain(team, row.get("members"), "user");
        plain(team, row.get("admins"), "admin");
    }

    private void entry(String team, @Nullable Object entry) {
        if (entry instanceof Map<?, ?> member && member.get("user_id") instanceof String user && !user.isEmpty()) {
            add(user, team, "admin".equals(member.get("role")) ? "admin" : "user");
        } else if (entry instanceof Map<?, ?> member && member.get("user_email") != null) {
            tally.row(Fate.SKIPPED, "an entry of members_with_roles has an address and no user_id", team);
        } else {
            tally.row(Fate.SKIPPED, "an entry of members_with_roles names nobody", team);
        }
    }

    private void plain(String team, @Nullable String json, String role) {
        if (Json.value(json) instanceof List<?> list) {
            for (Object user : list) {
                if (user instanceof String id && !id.isEmpty()) {
                    add(id, team, role);
                } else {
                    tally.row(Fate.SKIPPED, "an entry of members or admins names nobody", team);
                }
            }
        }
    }

    private void user(Map<String, @Nullable String> row) throws SQLException {
        String user = row.get("user_id");
        String teams = row.get("teams");
        if (user == null || user.isEmpty() || teams == null || !begin("LiteLLM_UserTable lists", user, teams)) {
            return;
        }
        if (Json.value(teams) instanceof List<?> list) {
            for (Object team : list) {
                if (team instanceof String id && !id.isEmpty()) {
                    add(user, id, "user");
                } else {
                    tally.row(Fate.SKIPPED, "an entry of teams names none", user);
                }
            }
        }
    }

    /** Whether the lists of a row are new or changed since the last run. */
    private boolean begin(String table, String id, String text) throws SQLException {
        String digest = EntityWriter.digest(text);
        if (pending.size() >= BATCH || lists.size() >= BATCH) {
            flush();
        }
        boolean unchanged = db.transaction(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(UNCHANGED))) {
                statement.setString(1, table);
                statement.setString(2, id);
                statement.setString(3, digest);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return row.getBoolean(1);
                }
            }
        });
        if (!unchanged) {
            lists.add(new ListRow(table, id, digest));
        }
        return !unchanged;
    }

    private void add(String user, String team, String role) {
        Member member = new Member(user, team);
        String before = pending.get(member);
        if (before == null) {
            pending.put(member, role);
        } else {
            tally.row(Fate.UNCHANGED, "", null);
            if (role.equals("admin")) {
                pending.put(member, role);
            }
        }
    }

    private void flush() throws SQLException {
        if (pending.isEmpty() && lists.isEmpty()) {
            return;
        }
        List<Member> members = List.copyOf(pending.keySet());
        Map<Member, String> outcomes = db.transaction(tx -> {
            Connection connection = tx.connection();
            Map<Member, String> outcome = new LinkedHashMap<>();
            String[] users = members.stream().map(Member::userId).toArray(String[]::new);
            String[] teams = members.stream().map(Member::teamId).toArray(String[]::new);
            if (users.length > 0) {
                makeUsers(connection, users, teams);
                makeMembers(connection, users, teams, members, outcome);
            }
            try (PreparedStatement statement =
                    connection.prepareStatement(db.sql().of(REMEMBER))) {
                for (ListRow list : lists) {
                    statement.setString(1, list.table);
                    statement.setString(2, list.id);
                    statement.setString(3, list.digest);
                    statement.setLong(4, run);
                    statement.addBatch();
                }
                statement.executeBatch();
            }
            return outcome;
        });
        outcomes.forEach((member, outcome) -> {
            switch (outcome) {
                case "made" -> tally.row(Fate.ADDED, "", null);
                case "raised" -> tally.row(Fate.UPDATED, "", null);
                case "there" -> tally.row(Fate.UNCHANGED, "", null);
                default ->
                    tally.row(Fate.SKIPPED, "names a team that does not exist", member.userId + "/" + member.teamId);
            }
        });
        pending.clear();
        lists.clear();
    }

    private void makeUsers(Connection connection, String[] users, String[] teams) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of(MAKE_USERS))) {
            statement.setArray(1, connection.createArrayOf("text", users));
            statement.setArray(2, connection.createArrayOf("text", teams));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    bareUsers++;
                }
            }
        }
    }

    private void makeMembers(
            Connection connection, String[] users, String[] teams, List<Member> members, Map<Member, String> outcome)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of(MAKE_MEMBERS))) {
            statement.setArray(1, connection.createArrayOf("text", users));
            statement.setArray(2, connection.createArrayOf("text", teams));
            statement.setArray(
                    3,
                    connection.createArrayOf(
                            "text", members.stream().map(pending::get).toArray()));
            statement.setObject(4, Balances.time(since));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    outcome.put(new Member(rows.getString(1), rows.getString(2)), rows.getString(3));
                }
            }
        }
    }
}
