package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.identity.Budget;
import io.llmdb.identity.Rows;
import io.llmdb.internal.Db;
import io.llmdb.internal.Sql;
import io.llmdb.keys.Surroundings.Links;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads callers by the hashes of their keys: one round trip, for one key or for hundreds. Where what is around most
 * keys is in memory, only their own rows are read, and a second round trip reads whole callers for the rest.
 *
 * <p>A function of the database puts a caller together. Its statements are planned once for each connection of the
 * server's, also where a pooler in transaction mode stands between and nothing else can be prepared; the join of twelve
 * tables that it replaces took longer to plan than all the rest. Its columns are those of the readers here, in their
 * order, which a test holds it to. While instances of two versions run, each has its own function.
 */
final class CallerQuery implements BatchReader.Source<KeyDigest, LoadedCaller> {

    private static final String OF_SEVERAL = "SELECT w.hash, ${llmdb}.%s(w.hash) FROM unnest(?) AS w (hash)";

    /** A lone caller's question, which is planned in a fraction of the time. */
    private static final String OF_ONE = "SELECT ${llmdb}.%s(?)";

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
    private final SurroundingsCache surroundings;
    private final Question wholeCallers;
    private final Question keysAlone;

    /** @param surroundings what is around keys; gets what is read */
    CallerQuery(Db db, Duration timeout, SurroundingsCache surroundings) {
        this.db = db;
        this.timeout = timeout;
        this.surroundings = surroundings;
        this.wholeCallers = new Question(db.sql(), "llmdb_caller");
        this.keysAlone = new Question(db.sql(), "llmdb_caller_key");
    }

    /** What a function answers to the hash of a key, for one of them and for several. */
    private record Question(String ofOne, String ofSeveral) {

        Question(Sql sql, String function) {
            this(sql.of(OF_ONE.formatted(function)), sql.of(OF_SEVERAL.formatted(function)));
        }
    }

    private interface Answers {
        void of(KeyDigest digest, String text);
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
    public int read(List<KeyDigest> digests, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        if (!surroundings.pays()) {
            readWhole(digests, timeout, found);
            return 1;
        }
        List<KeyDigest> rest = new ArrayList<>();
        long askedAt = System.nanoTime();
        ask(keysAlone, digests, timeout, (digest, text) -> {
            if (!completed(digest, text, askedAt, found)) {
                rest.add(digest);
            }
        });
        if (rest.isEmpty()) {
            return 1;
        }
        try {
            readWhole(rest, timeout.minusNanos(System.nanoTime() - askedAt), found);
        } catch (RuntimeException e) {
            // Those that are complete are answered all the same.
            rest.forEach(digest -> found.failure(digest, e));
        }
        return 2;
    }

    private void readWhole(List<KeyDigest> digests, Duration limit, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        long epoch = surroundings.epoch();
        long askedAt = System.nanoTime();
        ask(wholeCallers, digests, limit, (digest, text) -> {
            LoadedCaller loaded;
            try {
                loaded = caller(new RowText(text));
            } catch (RuntimeException e) {
                found.failure(digest, e);
                return;
            }
            Links links = Links.of(loaded.caller().key());
            surroundings.put(links, Surroundings.of(loaded.caller()), askedAt, epoch);
            found.value(digest, loaded, askedAt, askedAt);
        });
    }

    /** Puts a caller together of its key's row and what is around it; false where that is not in memory. */
    private boolean completed(
            KeyDigest digest, String text, long askedAt, BatchReader.Found<KeyDigest, LoadedCaller> found) {
        try {
            RowText rows = new RowText(text);
            Instant revokeAt = revokeAt(rows);
            VirtualKey key = key(rows);
            SurroundingsCache.Kept kept = surroundings.find(Links.of(key));
            if (kept == null) {
                return false;
            }
            found.value(
                    digest,
                    new LoadedCaller(kept.value().callerWith(key), revokeAt),
                    earlier(kept.validAt(), askedAt),
                    earlier(kept.readAt(), askedAt));
        } catch (RuntimeException e) {
            found.failure(digest, e);
        }
        return true;
    }

    private static long earlier(long nanoTime, long other) {
        return nanoTime - other < 0 ? nanoTime : other;
    }

    private void ask(Question question, List<KeyDigest> digests, Duration limit, Answers answers) {
        if (limit.toMillis() < 1) {
            throw new DatabaseUnavailableException(
                    "The database has not answered within " + timeout.toMillis() + " ms");
        }
        db.read(limit, tx -> {
            if (digests.size() == 1) {
                askForOne(tx.connection(), question, digests.get(0), answers);
            } else {
                askForSeveral(tx.connection(), question, digests, answers);
            }
            return true;
        });
    }

    private static void askForOne(Connection connection, Question question, KeyDigest digest, Answers answers)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(question.ofOne)) {
            statement.setString(1, digest.hash());
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                String text = rows.getString(1);
                if (text != null) {
                    answers.of(digest, text);
                }
            }
        }
    }

    private static void askForSeveral(
            Connection connection, Question question, List<KeyDigest> digests, Answers answers) throws SQLException {
        String[] hashes = digests.stream().map(KeyDigest::hash).toArray(String[]::new);
        try (PreparedStatement statement = connection.prepareStatement(question.ofSeveral)) {
            statement.setArray(1, connection.createArrayOf("text", hashes));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    KeyDigest digest = Objects.requireNonNull(KeyDigest.ofHash(rows.getString(1)), "hash");
                    String text = rows.getString(2);
                    if (text != null) {
                        answers.of(digest, text);
                    }
                }
            }
        }
    }

    private static LoadedCaller caller(RowText text) {
        Instant revokeAt = revokeAt(text);
        VirtualKey key = key(text);
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

    /** Until when the hash is good, where a newer one has replaced it. */
    private static @Nullable Instant revokeAt(RowText text) {
        String[] replaced = text.next(1);
        return replaced == null || replaced[0] == null
                ? null
                : TimeText.parse(replaced[0]).toInstant();
    }

    private static VirtualKey key(RowText text) {
        return KeyRows.key(Objects.requireNonNull(KEYS.read(text), "key"));
    }
}
