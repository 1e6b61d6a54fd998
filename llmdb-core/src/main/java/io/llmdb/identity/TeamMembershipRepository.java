package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Who is a member of which team. Rows of their own: any number of callers may add, change and remove members at once,
 * and none is lost.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class TeamMembershipRepository {

    private final Context context;
    private final Store<TeamMembershipRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public TeamMembershipRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private TeamMembershipRepository(Context context) {
        this.context = context;
        this.store = context.teamMemberships();
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public TeamMembershipRepository as(Actor actor) {
        return new TeamMembershipRepository(context.as(actor));
    }

    /**
     * Makes a user a member of a team.
     *
     * @param teamId the team
     * @param userId the user
     * @param spec what to set
     * @return what was made
     * @throws AlreadyExistsException where the user is a member already
     * @throws NotFoundException where the team, the user or the budget row does not exist
     */
    public TeamMembership add(String teamId, String userId, TeamMembershipSpec spec) {
        return addAll(teamId, Map.of(userId, spec)).get(0);
    }

    /**
     * Makes several users members of a team, all or none.
     *
     * @param teamId the team
     * @param members what to set, by user
     * @return what was made, sorted by user
     * @throws AlreadyExistsException where one of them is a member already
     * @throws NotFoundException where the team, a user or a budget row does not exist
     */
    public List<TeamMembership> addAll(String teamId, Map<String, TeamMembershipSpec> members) {
        Map<String, TeamMembershipSpec> sorted = new TreeMap<>(members);
        if (sorted.isEmpty()) {
            return List.of();
        }
        return context.db().transaction(tx -> {
            lockPeople(tx, teamId, sorted.keySet());
            requireNoMember(tx, teamId, sorted.keySet());
            Instant now = store.now(tx);
            List<TeamMembershipRow> rows = new ArrayList<>();
            sorted.forEach((userId, spec) -> {
                TeamMembershipRow row = tx.dsl().newRecord(TEAM_MEMBERSHIP);
                row.setUserId(userId);
                row.setTeamId(teamId);
                row.setRole(spec.role().word());
                links.link(tx, now, owner(teamId, userId), null, row, spec.budgetId(), spec.ownBudget());
                rows.add(row);
            });
            return store.insertAll(tx, rows, now).stream()
                    .map(Rows::teamMembership)
                    .sorted(Comparator.comparing(TeamMembership::userId))
                    .toList();
        });
    }

    /**
     * @param teamId a team
     * @param userId a user
     * @return the membership, or empty
     */
    public Optional<TeamMembership> find(String teamId, String userId) {
        return store.find(store.is(userId, teamId), Rows::teamMembership);
    }

    /**
     * @param teamId a team
     * @param userId a user
     * @return the membership
     * @throws NotFoundException where the user is no member
     */
    public TeamMembership require(String teamId, String userId) {
        return find(teamId, userId).orElseThrow(() -> store.missing(userId, teamId));
    }

    /**
     * @param teamId a team
     * @param userId a user
     * @return whether the user is a member
     */
    public boolean exists(String teamId, String userId) {
        return store.exists(store.is(userId, teamId));
    }

    /**
     * Changes role or budget.
     *
     * @param teamId the team
     * @param userId the user
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the membership after the change
     * @throws NotFoundException where the user is no member, or the budget row does not exist
     */
    public TeamMembership update(String teamId, String userId, UnaryOperator<TeamMembershipSpec> change) {
        return context.db().transaction(tx -> {
            // A new role changes the team's list of admins, and teams are locked before members.
            context.teams().lockAll(tx, TEAM.TEAM_ID.eq(teamId));
            TeamMembershipRow before = store.lock(tx, userId, teamId);
            Instant now = store.now(tx);
            TeamMembershipSpec spec = change.apply(Rows.teamMembershipSpec(before));
            TeamMembershipRow after = store.copy(before);
            after.setRole(spec.role().word());
            String owner = owner(teamId, userId);
            links.link(tx, now, owner, before, after, spec.budgetId(), spec.ownBudget());
            TeamMembershipRow written = store.update(tx, before, after, now);
            links.dropOwn(tx, now, owner, before.getBudgetId(), written.getBudgetId());
            return Rows.teamMembership(written);
        });
    }

    /**
     * Ends a membership, with the member's own budget row, and archives and deletes the keys that the user holds in the
     * team.
     *
     * @param teamId the team
     * @param userId the user
     * @return what was done
     * @throws NotFoundException where the user is no member
     * @throws ConflictException where others make keys for the member all the time
     */
    public MembershipRemoval remove(String teamId, String userId) {
        return context.db().transaction(tx -> {
            Condition keys = VIRTUAL_KEY.USER_ID.eq(userId).and(VIRTUAL_KEY.TEAM_ID.eq(teamId));
            Locked locked = StableLocks.take(tx, "user_id \"" + userId + "\" in team_id \"" + teamId + '"', () -> {
                Set<String> lockedKeys = context.keys().lock(tx, keys);
                context.users().lockAll(tx, USER.USER_ID.eq(userId));
                context.teams().lockAll(tx, TEAM.TEAM_ID.eq(teamId));
                TeamMembershipRow membership = store.lockToDelete(tx, userId, teamId);
                return context.keys().areAll(tx, keys, lockedKeys) ? new Locked(membership, lockedKeys) : null;
            });
            Instant now = store.now(tx);
            TeamMembershipRow row = locked.membership();
            Leftovers.forget(
                    tx,
                    List.of(
                            Leftovers.Gone.of("key", locked.keys()),
                            new Leftovers.Gone("team_member", List.of(userId), List.of(teamId))));
            List<String> keyHashes = context.keys().archiveAndDelete(tx, keys, locked.keys(), context.actor(), now);
            store.delete(tx, row, now);
            links.dropOwn(tx, now, owner(teamId, userId), row.getBudgetId(), null);
            return new MembershipRemoval(teamId, userId, keyHashes);
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<TeamMembership> list(TeamMembershipFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.teamId() != null) {
            where = where.and(TEAM_MEMBERSHIP.TEAM_ID.eq(filter.teamId()));
        }
        if (filter.userId() != null) {
            where = where.and(TEAM_MEMBERSHIP.USER_ID.eq(filter.userId()));
        }
        if (filter.role() != null) {
            where = where.and(TEAM_MEMBERSHIP.ROLE.eq(filter.role().word()));
        }
        if (filter.budgetId() != null) {
            where = where.and(TEAM_MEMBERSHIP.BUDGET_ID.eq(filter.budgetId()));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", TEAM_MEMBERSHIP.USER_ID, TEAM_MEMBERSHIP.TEAM_ID);
            case NEWEST ->
                Keyset.descending(
                        "newest", TEAM_MEMBERSHIP.CREATED_AT, TEAM_MEMBERSHIP.USER_ID, TEAM_MEMBERSHIP.TEAM_ID);
            case OLDEST ->
                Keyset.ascending(
                        "oldest", TEAM_MEMBERSHIP.CREATED_AT, TEAM_MEMBERSHIP.USER_ID, TEAM_MEMBERSHIP.TEAM_ID);
            case MOST_SPENT ->
                Keyset.descending(
                        "most_spent", TEAM_MEMBERSHIP.SPEND, TEAM_MEMBERSHIP.USER_ID, TEAM_MEMBERSHIP.TEAM_ID);
        };
        return store.list(where, order, page, Rows::teamMembership);
    }

    private record Locked(TeamMembershipRow membership, Set<String> keys) {}

    static String owner(String teamId, String userId) {
        return "team_member:" + AuditTrail.objectId(userId, teamId);
    }

    /** Users before the team, as booking locks them; the lists that follow the memberships stand in both. */
    private void lockPeople(Tx tx, String teamId, Set<String> userIds) {
        Set<String> found = new HashSet<>();
        context.users()
                .lockAll(tx, USER.USER_ID.eq(DSL.any(userIds.toArray(new String[0]))))
                .forEach(user -> found.add(user.getUserId()));
        context.teams().lock(tx, teamId);
        for (String userId : userIds) {
            if (!found.contains(userId)) {
                throw context.users().missing(userId);
            }
        }
    }

    private static void requireNoMember(Tx tx, String teamId, Set<String> userIds) {
        tx.dsl()
                .select(TEAM_MEMBERSHIP.USER_ID)
                .from(TEAM_MEMBERSHIP)
                .where(TEAM_MEMBERSHIP.TEAM_ID.eq(teamId))
                .and(TEAM_MEMBERSHIP.USER_ID.eq(DSL.any(userIds.toArray(new String[0]))))
                .orderBy(TEAM_MEMBERSHIP.USER_ID)
                .limit(1)
                .fetchOptional(TEAM_MEMBERSHIP.USER_ID)
                .ifPresent(userId -> {
                    throw new AlreadyExistsException(
                            "user_id \"" + userId + "\" is a member of team_id \"" + teamId + "\" already");
                });
    }
}
