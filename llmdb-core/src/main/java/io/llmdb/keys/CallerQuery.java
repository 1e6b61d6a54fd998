package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.identity.Budget;
import io.llmdb.identity.Rows;
import io.llmdb.internal.Db;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.schema.jooq.tables.records.OrganizationRow;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jooq.Field;
import org.jooq.UpdatableRecord;
import org.jspecify.annotations.Nullable;

/** Reads callers by the hashes of their keys: one join, one round trip, for one key or for hundreds. */
final class CallerQuery implements BatchReader.Source<KeyDigest, LoadedCaller> {

    /**
     * A hash that was replaced leads to its key while its grace lasts. Every join but the first is by a primary key.
     */
    private static final String JOIN = """
            SELECT wanted.hash, replaced.revoke_at, %s
            FROM unnest(?) AS wanted (hash)
            LEFT JOIN ${llmdb}."LLM_DeprecatedVerificationToken" replaced
                ON replaced.token = wanted.hash AND replaced.revoke_at > ${llmdb}.llmdb_now()
            JOIN ${llmdb}."LLM_VerificationToken" k ON k.token = coalesce(replaced.active_token_id, wanted.hash)
            LEFT JOIN ${llmdb}."LLM_TeamTable" t ON t.team_id = k.team_id
            LEFT JOIN ${llmdb}."LLM_TeamMembership" tm ON tm.user_id = k.user_id AND tm.team_id = k.team_id
            LEFT JOIN ${llmdb}."LLM_UserTable" u ON u.user_id = k.user_id
            LEFT JOIN ${llmdb}."LLM_OrganizationTable" o ON o.organization_id = coalesce(k.organization_id, t.organization_id)
            LEFT JOIN ${llmdb}."LLM_OrganizationMembership" om
                ON om.user_id = k.user_id AND om.organization_id = coalesce(k.organization_id, t.organization_id)
            LEFT JOIN ${llmdb}."LLM_BudgetTable" bk ON bk.budget_id = k.budget_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" bt ON bt.budget_id = tm.budget_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" bo ON bo.budget_id = o.budget_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" bm ON bm.budget_id = om.budget_id""";

    private final RowReader<VirtualKeyRow> keys = new RowReader<>(VIRTUAL_KEY, "k", Set.of(VIRTUAL_KEY.MODEL_SPEND));

    /** Without the lists of members, which may be long. */
    private final RowReader<TeamRow> teams =
            new RowReader<>(TEAM, "t", Set.of(TEAM.ADMINS, TEAM.MEMBERS, TEAM.MEMBERS_WITH_ROLES, TEAM.MODEL_SPEND));

    private final RowReader<TeamMembershipRow> teamMemberships = new RowReader<>(TEAM_MEMBERSHIP, "tm", Set.of());
    private final RowReader<UserRow> users = new RowReader<>(USER, "u", Set.of(USER.PASSWORD, USER.MODEL_SPEND));
    private final RowReader<OrganizationRow> organizations =
            new RowReader<>(ORGANIZATION, "o", Set.of(ORGANIZATION.MODEL_SPEND));
    private final RowReader<OrganizationMembershipRow> organizationMemberships =
            new RowReader<>(ORGANIZATION_MEMBERSHIP, "om", Set.of());
    private final List<RowReader<BudgetRow>> budgets = List.of(budget("bk"), budget("bt"), budget("bo"), budget("bm"));

    private final Db db;
    private final Duration timeout;
    private final String sql;

    CallerQuery(Db db, Duration timeout) {
        this.db = db;
        this.timeout = timeout;
        StringBuilder columns = new StringBuilder(keys.list());
        for (RowReader<?> reader : List.of(teams, teamMemberships, users, organizations, organizationMemberships)) {
            columns.append(", ").append(reader.list());
        }
        budgets.forEach(reader -> columns.append(", ").append(reader.list()));
        this.sql = db.sql().of(JOIN.formatted(columns));
    }

    @Override
    public void read(List<KeyDigest> digests, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        String[] hashes = digests.stream().map(KeyDigest::hash).toArray(String[]::new);
        db.read(timeout, tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(sql)) {
                statement.setArray(1, tx.connection().createArrayOf("text", hashes));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        KeyDigest digest = Objects.requireNonNull(KeyDigest.ofHash(rows.getString(1)), "hash");
                        read(rows, digest, found);
                    }
                }
            }
            return true;
        });
    }

    private void read(ResultSet rows, KeyDigest digest, BatchReader.Found<KeyDigest, LoadedCaller> found)
            throws SQLException {
        try {
            found.value(digest, caller(rows));
        } catch (RuntimeException e) {
            found.failure(digest, e);
        }
    }

    private LoadedCaller caller(ResultSet rows) throws SQLException {
        OffsetDateTime revokeAt = rows.getObject(2, OffsetDateTime.class);
        Columns columns = new Columns(rows, 3);
        VirtualKey key = KeyRows.key(Objects.requireNonNull(columns.next(keys), "key"));
        TeamRow team = columns.next(teams);
        TeamMembershipRow teamMembership = columns.next(teamMemberships);
        UserRow user = columns.next(users);
        OrganizationRow organization = columns.next(organizations);
        OrganizationMembershipRow organizationMembership = columns.next(organizationMemberships);
        Map<String, Budget> linked = new HashMap<>();
        for (RowReader<BudgetRow> reader : budgets) {
            BudgetRow row = columns.next(reader);
            if (row != null) {
                linked.putIfAbsent(row.getBudgetId(), Rows.budget(row));
            }
        }
        Caller caller = new Caller(
                key,
                team == null ? null : Rows.team(team),
                teamMembership == null ? null : Rows.teamMembership(teamMembership),
                user == null ? null : Rows.user(user),
                organization == null ? null : Rows.organization(organization),
                organizationMembership == null ? null : Rows.organizationMembership(organizationMembership),
                linked);
        return new LoadedCaller(caller, revokeAt == null ? null : revokeAt.toInstant());
    }

    private static RowReader<BudgetRow> budget(String alias) {
        return new RowReader<>(BUDGET, alias, Set.<Field<?>>of());
    }

    /** Where the next table's columns begin. */
    private static final class Columns {

        private final ResultSet rows;
        private int at;

        Columns(ResultSet rows, int at) {
            this.rows = rows;
            this.at = at;
        }

        <R extends UpdatableRecord<R>> @Nullable R next(RowReader<R> reader) throws SQLException {
            R row = reader.read(rows, at);
            at += reader.size();
            return row;
        }
    }
}
