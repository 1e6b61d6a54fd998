package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.error.ConflictException;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.schema.jooq.tables.records.OrganizationRow;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Deletes an organization with everything that hangs on it. */
final class OrganizationRemoval {

    private final Context context;
    private final Store<OrganizationRow> organizations;
    private final String id;
    private final Condition ofTeams;
    private final Condition ofKeys;
    private final Condition ofTeamMemberships;

    OrganizationRemoval(Context context, Store<OrganizationRow> organizations, String id) {
        this.context = context;
        this.organizations = organizations;
        this.id = id;
        this.ofTeams = TEAM.ORGANIZATION_ID.eq(id);
        var teamIds = DSL.select(TEAM.TEAM_ID).from(TEAM).where(ofTeams);
        this.ofKeys = VIRTUAL_KEY.ORGANIZATION_ID.eq(id).or(VIRTUAL_KEY.TEAM_ID.in(teamIds));
        this.ofTeamMemberships = TEAM_MEMBERSHIP.TEAM_ID.in(teamIds);
    }

    /** What is locked before the organization goes. */
    record Locked(
            Set<String> keys,
            OrganizationRow organization,
            TeamRemoval.Locked teams,
            List<UserRow> homeUsers,
            List<OrganizationMembershipRow> memberships) {}

    /** Takes all locks in their order; null where more has come to hang on the organization meanwhile. */
    @Nullable
    Locked lock(Tx tx, boolean withTeamsAndKeys) {
        Set<String> keys = context.keys().lock(tx, ofKeys);
        Set<String> members = TeamRemoval.memberIds(tx, ofTeamMemberships);
        Condition ofUsers = USER.ORGANIZATION_ID.eq(id).or(USER.USER_ID.eq(DSL.any(members.toArray(new String[0]))));
        List<UserRow> users = context.users().lockAll(tx, ofUsers);
        List<TeamRow> teams = context.teams().lockAllToDelete(tx, ofTeams);
        List<TeamMembershipRow> teamMemberships = context.teamMemberships().lockAllToDelete(tx, ofTeamMemberships);
        OrganizationRow organization = organizations.lockToDelete(tx, id);
        if (!withTeamsAndKeys) {
            refuseWhereUsed(tx);
        }
        Set<String> lockedUsers = new HashSet<>();
        users.forEach(user -> lockedUsers.add(user.getUserId()));
        Set<String> lockedTeams = new HashSet<>();
        teams.forEach(team -> lockedTeams.add(team.getTeamId()));
        List<UserRow> homeUsers = context.users()
                .lockAll(
                        tx,
                        USER.ORGANIZATION_ID.eq(id).and(USER.USER_ID.eq(DSL.any(lockedUsers.toArray(new String[0])))));
        boolean complete = context.keys().areAll(tx, ofKeys, keys)
                && lockedUsers.containsAll(TeamRemoval.memberIds(tx, ofTeamMemberships))
                && homeUsers.size() == tx.dsl().fetchCount(USER, USER.ORGANIZATION_ID.eq(id))
                && lockedTeams.containsAll(
                        tx.dsl().select(TEAM.TEAM_ID).from(TEAM).where(ofTeams).fetch(TEAM.TEAM_ID));
        if (!complete) {
            return null;
        }
        return new Locked(
                keys,
                organization,
                new TeamRemoval.Locked(keys, teams, teamMemberships),
                homeUsers,
                context.organizationMemberships().lockAllToDelete(tx, ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID.eq(id)));
    }

    OrganizationDeletion remove(Tx tx, Locked locked, Instant now) {
        List<String> memberIds = locked.memberships().stream()
                .map(OrganizationMembershipRow::getUserId)
                .sorted()
                .toList();
        List<Leftovers.Gone> gone = new ArrayList<>(locked.teams().gone());
        gone.add(Leftovers.Gone.of("organization", List.of(id)));
        gone.add(new Leftovers.Gone("organization_member", memberIds, List.of(id)));
        Leftovers.forget(tx, gone);
        List<TeamDeletion> teams =
                locked.teams().teams().isEmpty() ? List.of() : new TeamRemoval(context).remove(tx, locked.teams(), now);
        List<String> keyHashes = context.keys()
                .archiveAndDelete(tx, VIRTUAL_KEY.ORGANIZATION_ID.eq(id), locked.keys(), context.actor(), now);
        for (UserRow user : locked.homeUsers()) {
            UserRow after = context.users().copy(user);
            after.setOrganizationId(null);
            context.users().update(tx, user, after, now);
        }
        context.organizationMemberships().deleteAll(tx, locked.memberships(), now);
        organizations.delete(tx, locked.organization(), now);
        return new OrganizationDeletion(
                id,
                teams,
                keyHashes,
                memberIds,
                locked.homeUsers().stream().map(UserRow::getUserId).sorted().toList(),
                dropBudgets(tx, locked, memberIds, now));
    }

    private int dropBudgets(Tx tx, Locked locked, List<String> memberIds, Instant now) {
        List<String> budgetIds = Stream.concat(
                        Stream.of(locked.organization().getBudgetId()),
                        locked.memberships().stream().map(OrganizationMembershipRow::getBudgetId))
                .filter(Objects::nonNull)
                .toList();
        String[] owners = Stream.concat(
                        Stream.of(OrganizationRepository.owner(id)),
                        memberIds.stream().map(userId -> OrganizationMembershipRepository.owner(id, userId)))
                .toArray(String[]::new);
        return context.budgetLinks().dropOwned(tx, now, budgetIds, BUDGET.OWNED_BY.eq(DSL.any(owners)));
    }

    private void refuseWhereUsed(Tx tx) {
        int teams = tx.dsl().fetchCount(TEAM, ofTeams);
        int keys = tx.dsl().fetchCount(VIRTUAL_KEY, VIRTUAL_KEY.ORGANIZATION_ID.eq(id));
        if (teams + keys > 0) {
            throw new ConflictException("organization_id \"" + id + "\" still has " + teams + " teams and " + keys
                    + " virtual keys: delete or move them first, or call deleteWithTeamsAndKeys");
        }
    }
}
