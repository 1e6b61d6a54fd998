package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.INVITATION;
import static io.llmdb.schema.jooq.Tables.MODEL_ACCESS_REQUEST;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
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
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.InvitationRow;
import io.llmdb.schema.jooq.tables.records.ModelAccessRequestRow;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import io.llmdb.windows.BudgetCalendar;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Internal users.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class UserRepository {

    private final Context context;
    private final Store<UserRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public UserRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private UserRepository(Context context) {
        this.context = context;
        this.store = context.users();
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public UserRepository as(Actor actor) {
        return new UserRepository(context.as(actor));
    }

    /**
     * Makes a user with a new id.
     *
     * @param spec what to set
     * @return what was made
     * @throws AlreadyExistsException where there is one with this {@code ssoUserId}
     * @throws NotFoundException where the organization does not exist
     */
    public User create(UserSpec spec) {
        return insert(spec, null);
    }

    /**
     * Makes a user.
     *
     * @param spec what to set
     * @param id the id
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id or this {@code ssoUserId}
     * @throws NotFoundException where the organization does not exist
     * @throws InvalidArgumentException where the id is none
     */
    public User create(UserSpec spec, String id) {
        return insert(spec, Arguments.id("user_id", id));
    }

    private User insert(UserSpec spec, @Nullable String id) {
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            UserRow row = tx.dsl().newRecord(USER);
            row.setUserId(id == null ? Ids.at(now).toString() : id);
            apply(row, spec);
            context.windows().change(row, null, spec.budget().duration(), now);
            return Rows.user(store.insert(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the user, or empty
     */
    public Optional<User> find(String id) {
        return store.find(store.is(id), Rows::user);
    }

    /**
     * @param id its id
     * @return the user
     * @throws NotFoundException where there is none
     */
    public User require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such a user
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
     * @return the user after the change
     * @throws NotFoundException where it or the organization does not exist
     * @throws AlreadyExistsException where another user has the same {@code ssoUserId}
     */
    public User update(String id, UnaryOperator<UserSpec> change) {
        return context.db().transaction(tx -> {
            UserRow before = store.lock(tx, id);
            Instant now = store.now(tx);
            UserSpec spec = change.apply(Rows.userSpec(before));
            UserRow after = store.copy(before);
            apply(after, spec);
            context.windows()
                    .change(after, BudgetColumns.duration(before), spec.budget().duration(), now);
            return Rows.user(store.update(tx, before, after, now));
        });
    }

    /**
     * Deletes a user with memberships, invitations and requests for models, and archives and deletes the user's keys:
     * the personal ones, and those that the user holds in teams. What was spent stays in the logs and daily totals.
     *
     * @param id the id
     * @return what was done
     * @throws NotFoundException where there is none
     * @throws ConflictException where others make keys for the user all the time
     */
    public UserDeletion delete(String id) {
        return context.db().transaction(tx -> {
            Condition keys = VIRTUAL_KEY.USER_ID.eq(id);
            Locked locked = StableLocks.take(tx, "user_id \"" + id + '"', () -> {
                Set<String> lockedKeys = context.keys().lock(tx, keys);
                UserRow row = store.lockToDelete(tx, id);
                return context.keys().areAll(tx, keys, lockedKeys) ? new Locked(row, lockedKeys) : null;
            });
            // No membership can be added while the user is locked.
            List<String> teamIds = tx.dsl()
                    .select(TEAM_MEMBERSHIP.TEAM_ID)
                    .from(TEAM_MEMBERSHIP)
                    .where(TEAM_MEMBERSHIP.USER_ID.eq(id))
                    .fetch(TEAM_MEMBERSHIP.TEAM_ID);
            context.teams().lockAll(tx, TEAM.TEAM_ID.eq(DSL.any(teamIds.toArray(new String[0]))));
            List<TeamMembershipRow> inTeams =
                    context.teamMemberships().lockAllToDelete(tx, TEAM_MEMBERSHIP.USER_ID.eq(id));
            List<OrganizationMembershipRow> inOrganizations =
                    context.organizationMemberships().lockAllToDelete(tx, ORGANIZATION_MEMBERSHIP.USER_ID.eq(id));
            return delete(tx, locked, keys, inTeams, inOrganizations);
        });
    }

    private record Locked(UserRow user, Set<String> keys) {}

    private UserDeletion delete(
            Tx tx,
            Locked locked,
            Condition keys,
            List<TeamMembershipRow> inTeams,
            List<OrganizationMembershipRow> inOrganizations)
            throws SQLException {
        UserRow user = locked.user();
        String id = user.getUserId();
        Instant now = store.now(tx);
        Leftovers.forget(
                tx,
                List.of(
                        Leftovers.Gone.of("key", locked.keys()),
                        Leftovers.Gone.of("user", List.of(id)),
                        Leftovers.Gone.of("team_member", List.of(id)),
                        Leftovers.Gone.of("organization_member", List.of(id))));
        List<String> keyHashes = context.keys().archiveAndDelete(tx, keys, locked.keys(), context.actor(), now);
        context.teamMemberships().deleteAll(tx, inTeams, now);
        context.organizationMemberships().deleteAll(tx, inOrganizations, now);
        Store<InvitationRow> invitations = context.store(INVITATION, "invitation");
        List<InvitationRow> invited = invitations.lockAllToDelete(tx, INVITATION.USER_ID.eq(id));
        invitations.deleteAll(tx, invited, now);
        Store<ModelAccessRequestRow> requests = context.store(MODEL_ACCESS_REQUEST, "request for models");
        List<ModelAccessRequestRow> requested = requests.lockAllToDelete(tx, MODEL_ACCESS_REQUEST.USER_ID.eq(id));
        requests.deleteAll(tx, requested, now);

        List<String> teamIds =
                inTeams.stream().map(TeamMembershipRow::getTeamId).sorted().toList();
        List<String> organizationIds = inOrganizations.stream()
                .map(OrganizationMembershipRow::getOrganizationId)
                .sorted()
                .toList();
        List<String> budgetIds = Stream.concat(
                        inTeams.stream().map(TeamMembershipRow::getBudgetId),
                        inOrganizations.stream().map(OrganizationMembershipRow::getBudgetId))
                .filter(Objects::nonNull)
                .toList();
        String[] owners = Stream.concat(
                        teamIds.stream().map(teamId -> TeamMembershipRepository.owner(teamId, id)),
                        organizationIds.stream()
                                .map(organizationId -> OrganizationMembershipRepository.owner(organizationId, id)))
                .toArray(String[]::new);
        store.delete(tx, user, now);
        int budgets = links.dropOwned(tx, now, budgetIds, BUDGET.OWNED_BY.eq(DSL.any(owners)));
        return new UserDeletion(id, keyHashes, teamIds, organizationIds, invited.size(), requested.size(), budgets);
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<User> list(UserFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.aliasPart() != null) {
            where = where.and(USER.USER_ALIAS.containsIgnoreCase(filter.aliasPart()));
        }
        if (filter.emailPart() != null) {
            where = where.and(USER.USER_EMAIL.containsIgnoreCase(filter.emailPart()));
        }
        if (filter.role() != null) {
            where = where.and(USER.USER_ROLE.eq(filter.role()));
        }
        if (filter.organizationId() != null) {
            where = where.and(USER.ORGANIZATION_ID.eq(filter.organizationId()));
        }
        if (filter.teamId() != null) {
            where = where.and(DSL.exists(DSL.selectOne()
                    .from(TEAM_MEMBERSHIP)
                    .where(TEAM_MEMBERSHIP.TEAM_ID.eq(filter.teamId()))
                    .and(TEAM_MEMBERSHIP.USER_ID.eq(USER.USER_ID))));
        }
        if (filter.ssoUserId() != null) {
            where = where.and(USER.SSO_USER_ID.eq(filter.ssoUserId()));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", USER.USER_ID);
            case ALIAS -> Keyset.ascending("alias", DSL.coalesce(USER.USER_ALIAS, DSL.inline("")), USER.USER_ID);
            case EMAIL -> Keyset.ascending("email", DSL.coalesce(USER.USER_EMAIL, DSL.inline("")), USER.USER_ID);
            case NEWEST -> Keyset.descending("newest", USER.CREATED_AT, USER.USER_ID);
            case OLDEST -> Keyset.ascending("oldest", USER.CREATED_AT, USER.USER_ID);
            case MOST_SPENT -> Keyset.descending("most_spent", USER.SPEND, USER.USER_ID);
        };
        return store.list(where, order, page, Rows::user);
    }

    private static void apply(UserRow row, UserSpec spec) {
        row.setUserAlias(spec.alias());
        row.setUserEmail(spec.email());
        row.setSsoUserId(spec.ssoUserId());
        row.setOrganizationId(spec.organizationId());
        row.setTeamId(spec.defaultTeamId());
        row.setUserRole(spec.role());
        row.setPassword(spec.passwordHash());
        BudgetColumns.set(row, spec.budget());
        BudgetColumns.set(row, spec.rateLimits());
        row.setModels(spec.models().toArray(new String[0]));
        row.setAllowedCacheControls(spec.allowedCacheControls().toArray(new String[0]));
        row.setMetadata(JSONB.valueOf(Json.write(spec.metadata())));
    }
}
