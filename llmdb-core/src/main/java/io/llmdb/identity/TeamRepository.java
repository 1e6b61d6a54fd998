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
import io.llmdb.internal.Arguments;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Teams.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class TeamRepository {

    private final Context context;
    private final Store<TeamRow> store;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public TeamRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private TeamRepository(Context context) {
        this.context = context;
        this.store = context.teams();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public TeamRepository as(Actor actor) {
        return new TeamRepository(context.as(actor));
    }

    /**
     * Makes a team with a new id.
     *
     * @param spec what to set
     * @return what was made
     * @throws NotFoundException where the organization does not exist
     */
    public Team create(TeamSpec spec) {
        return insert(spec, null);
    }

    /**
     * Makes a team.
     *
     * @param spec what to set
     * @param id its id
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id
     * @throws NotFoundException where the organization does not exist
     * @throws InvalidArgumentException where the id is none
     */
    public Team create(TeamSpec spec, String id) {
        return insert(spec, Arguments.id("team_id", id));
    }

    private Team insert(TeamSpec spec, @Nullable String id) {
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            TeamRow row = tx.dsl().newRecord(TEAM);
            row.setTeamId(id == null ? Ids.at(now).toString() : id);
            apply(row, spec);
            context.windows().change(row, null, spec.budget().duration(), now);
            return Rows.team(store.insert(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the team, or empty
     */
    public Optional<Team> find(String id) {
        return store.find(store.is(id), Rows::team);
    }

    /**
     * @param id its id
     * @return the team
     * @throws NotFoundException where there is none
     */
    public Team require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such a team
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Changes what an administrator sets. A new budget duration moves the end of the current window to its next
     * boundary; what was spent stays.
     *
     * @param id its id
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the team after the change
     * @throws NotFoundException where it or the organization does not exist
     */
    public Team update(String id, UnaryOperator<TeamSpec> change) {
        return context.db().transaction(tx -> {
            TeamRow before = store.lock(tx, id);
            Instant now = store.now(tx);
            TeamSpec spec = change.apply(Rows.teamSpec(before));
            TeamRow after = store.copy(before);
            apply(after, spec);
            context.windows()
                    .change(after, BudgetColumns.duration(before), spec.budget().duration(), now);
            return Rows.team(store.update(tx, before, after, now));
        });
    }

    /**
     * Refuses every call for it from now on.
     *
     * @param id its id
     * @return the team after the change
     * @throws NotFoundException where there is none
     */
    public Team block(String id) {
        return update(id, spec -> spec.withBlocked(true));
    }

    /**
     * Lets calls for it in again.
     *
     * @param id its id
     * @return the team after the change
     * @throws NotFoundException where there is none
     */
    public Team unblock(String id) {
        return update(id, spec -> spec.withBlocked(false));
    }

    /**
     * Deletes a team: archives its row, archives and deletes its keys, and removes its memberships. What it spent stays
     * in the logs and daily totals.
     *
     * @param id its id
     * @return what was done
     * @throws NotFoundException where there is none
     * @throws ConflictException where others change its members or keys all the time
     */
    public TeamDeletion delete(String id) {
        return context.db().transaction(tx -> {
            Condition keys = VIRTUAL_KEY.TEAM_ID.eq(id);
            Condition members = TEAM_MEMBERSHIP.TEAM_ID.eq(id);
            TeamRemoval.Locked locked = StableLocks.take(tx, "team_id \"" + id + '"', () -> {
                Set<String> lockedKeys = context.keys().lock(tx, keys);
                Set<String> lockedUsers = TeamRemoval.memberIds(tx, members);
                context.users().lockAll(tx, USER.USER_ID.eq(DSL.any(lockedUsers.toArray(new String[0]))));
                TeamRow team = store.lockToDelete(tx, id);
                List<TeamMembershipRow> memberships = context.teamMemberships().lockAllToDelete(tx, members);
                boolean complete = context.keys().areAll(tx, keys, lockedKeys)
                        && lockedUsers.containsAll(TeamRemoval.memberIds(tx, members));
                return complete ? new TeamRemoval.Locked(lockedKeys, List.of(team), memberships) : null;
            });
            Leftovers.forget(tx, locked.gone());
            return new TeamRemoval(context).remove(tx, locked, store.now(tx)).get(0);
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<Team> list(TeamFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.aliasPart() != null) {
            where = where.and(TEAM.TEAM_ALIAS.containsIgnoreCase(filter.aliasPart()));
        }
        if (filter.organizationId() != null) {
            where = where.and(TEAM.ORGANIZATION_ID.eq(filter.organizationId()));
        }
        if (filter.memberUserId() != null) {
            where = where.and(DSL.exists(DSL.selectOne()
                    .from(TEAM_MEMBERSHIP)
                    .where(TEAM_MEMBERSHIP.USER_ID.eq(filter.memberUserId()))
                    .and(TEAM_MEMBERSHIP.TEAM_ID.eq(TEAM.TEAM_ID))));
        }
        if (filter.blocked() != null) {
            where = where.and(TEAM.BLOCKED.eq(filter.blocked()));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", TEAM.TEAM_ID);
            case ALIAS -> Keyset.ascending("alias", DSL.coalesce(TEAM.TEAM_ALIAS, DSL.inline("")), TEAM.TEAM_ID);
            case NEWEST -> Keyset.descending("newest", TEAM.CREATED_AT, TEAM.TEAM_ID);
            case OLDEST -> Keyset.ascending("oldest", TEAM.CREATED_AT, TEAM.TEAM_ID);
            case MOST_SPENT -> Keyset.descending("most_spent", TEAM.SPEND, TEAM.TEAM_ID);
        };
        return store.list(where, order, page, Rows::team);
    }

    private static void apply(TeamRow row, TeamSpec spec) {
        row.setTeamAlias(spec.alias());
        row.setOrganizationId(spec.organizationId());
        BudgetColumns.set(row, spec.budget());
        BudgetColumns.set(row, spec.rateLimits());
        row.setModels(spec.models().toArray(new String[0]));
        row.setModelAliases(JSONB.valueOf(Json.write(spec.modelAliases())));
        row.setTeamMemberPermissions(spec.memberPermissions().toArray(new String[0]));
        row.setBlocked(spec.blocked());
        row.setMetadata(JSONB.valueOf(Json.write(spec.metadata())));
    }
}
