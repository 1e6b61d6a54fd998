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
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads callers by the hashes of their keys: one round trip, for one key or for hundreds.
 *
 * <p>A function of the database puts a caller together. Its statements are planned once for each connection of the
 * server's, also where a pooler in transaction mode stands between and nothing else can be prepared; the join of twelve
 * tables that it replaces took longer to plan than all the rest. Its columns are those of the readers here, in their
 * order, which a test holds it to. While instances of two versions run, each has its own function.
 */
final class CallerQuery implements BatchReader.Source<KeyDigest, LoadedCaller> {

    private static final String CALLERS = "SELECT w.hash, ${llmdb}.llmdb_caller(w.hash) FROM unnest(?) AS w (hash)";

    /** A lone caller's question, which is planned in a fraction of the time. */
    private static final String CALLER = "SELECT ${llmdb}.llmdb_caller(?)";

    private static final RowReader<VirtualKeyRow> KEYS =
            new RowReader<>(VIRTUAL_KEY, VirtualKeyRow::new, "k", Set.of(VIRTUAL_KEY.MODEL_SPEND));

    /** Without the lists of members, which may be long. */
    private static final RowReader<TeamRow> TEAMS = new RowReader<>(
            TEAM, TeamRow::new, "t", Set.of(TEAM.ADMINS, TEAM.MEMBERS, TEAM.MEMBERS_WITH_ROLES, TEAM.MODEL_SPEND));

    private static final RowReader<TeamMembershipRow> TEAM_MEMBERSHIPS =
            new RowReader<>(TEAM_MEMBERSHIP, TeamMembershipRow::new, "tm", Set.of());
    private static final RowReader<UserRow> USERS =
            new RowReader<>(USER, UserRow::new, "u", Set.of(USER.PASSWORD, USER.MODEL_SPEND));
    private static final RowReader<OrganizationRow> ORGANIZATIONS =
            new RowReader<>(ORGANIZATION, OrganizationRow::new, "o", Set.of(ORGANIZATION.MODEL_SPEND));
    private static final RowReader<OrganizationMembershipRow> ORGANIZATION_MEMBERSHIPS =
            new RowReader<>(ORGANIZATION_MEMBERSHIP, OrganizationMembershipRow::new, "om", Set.of());
    private static final RowReader<BudgetRow> BUDGETS = new RowReader<>(BUDGET, BudgetRow::new, "b", Set.of());

    private final Db db;
    private final Duration timeout;
    private final String ofSeveral;
    private final String ofOne;

    CallerQuery(Db db, Duration timeout) {
        this.db = db;
        this.timeout = timeout;
        this.ofSeveral = db.sql().of(CALLERS);
        this.ofOne = db.sql().of(CALLER);
    }

    /** The rows that the function writes, in this order; of the last there may be several. */
    static List<String> rows() {
        return List.of(
                KEYS.row(),
                TEAMS.row(),
                TEAM_MEMBERSHIPS.row(),
                USERS.row(),
                ORGANIZATIONS.row(),
                ORGANIZATION_MEMBERSHIPS.row(),
                BUDGETS.row());
    }

    @Override
    public void read(List<KeyDigest> digests, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        db.read(timeout, tx -> {
            if (digests.size() == 1) {
                readOne(tx.connection(), digests.get(0), found);
            } else {
                readSeveral(tx.connection(), digests, found);
            }
            return true;
        });
    }

    private void readOne(Connection connection, KeyDigest digest, BatchReader.Found<KeyDigest, LoadedCaller> found)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(ofOne)) {
            statement.setString(1, digest.hash());
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                read(digest, rows.getString(1), found);
            }
        }
    }

    private void readSeveral(
            Connection connection, List<KeyDigest> digests, BatchReader.Found<KeyDigest, LoadedCaller> found)
            throws SQLException {
        String[] hashes = digests.stream().map(KeyDigest::hash).toArray(String[]::new);
        try (PreparedStatement statement = connection.prepareStatement(ofSeveral)) {
            statement.setArray(1, connection.createArrayOf("text", hashes));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    KeyDigest digest = Objects.requireNonNull(KeyDigest.ofHash(rows.getString(1)), "hash");
                    read(digest, rows.getString(2), found);
                }
            }
        }
    }

    private static void read(
            KeyDigest digest, @Nullable String caller, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        if (caller == null) {
            return;
        }
        try {
            found.value(digest, caller(new RowText(caller)));
        } catch (RuntimeException e) {
            found.failure(digest, e);
        }
    }

    private static LoadedCaller caller(RowText text) {
        String[] replaced = text.next(1);
        Instant revokeAt = replaced == null || replaced[0] == null
                ? null
                : TimeText.parse(replaced[0]).toInstant();
        VirtualKey key = KeyRows.key(Objects.requireNonNull(KEYS.read(text), "key"));
        TeamRow team = TEAMS.read(text);
        TeamMembershipRow teamMembership = TEAM_MEMBERSHIPS.read(text);
        UserRow user = USERS.read(text);
        OrganizationRow organization = ORGANIZATIONS.read(text);
        OrganizationMembershipRow organizationMembership = ORGANIZATION_MEMBERSHIPS.read(text);
        Map<String, Budget> linked = new HashMap<>();
        while (text.hasMore()) {
            Budget budget = Rows.budget(Objects.requireNonNull(BUDGETS.read(text), "budget"));
            linked.put(budget.id(), budget);
        }
        Caller caller = new Caller(
                key,
                team == null ? null : Rows.team(team),
                teamMembership == null ? null : Rows.teamMembership(teamMembership),
                user == null ? null : Rows.user(user),
                organization == null ? null : Rows.organization(organization),
                organizationMembership == null ? null : Rows.organizationMembership(organizationMembership),
                linked);
        return new LoadedCaller(caller, revokeAt);
    }
}
