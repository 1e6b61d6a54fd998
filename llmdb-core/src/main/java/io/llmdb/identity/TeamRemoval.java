package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.DELETED_TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.Table;
import org.jooq.impl.DSL;

/** Archives and deletes locked teams with everything that hangs on them. */
final class TeamRemoval {

    private final Context context;
    private final Store<TeamRow> teams;
    private final Store<TeamMembershipRow> memberships;
    private final BudgetLinks links;

    TeamRemoval(Context context) {
        this.context = context;
        this.teams = context.teams();
        this.memberships = context.teamMemberships();
        this.links = context.budgetLinks();
    }

    /** What is locked before teams go: their keys, the users who are members, the teams, the memberships. */
    record Locked(Set<String> keys, List<TeamRow> teams, List<TeamMembershipRow> memberships) {

        List<String> teamIds() {
            return teams.stream().map(TeamRow::getTeamId).toList();
        }

        /** What else is kept for them. */
        List<Leftovers.Gone> gone() {
            Set<String> users = new HashSet<>();
            memberships.forEach(row -> users.add(row.getUserId()));
            return List.of(
                    Leftovers.Gone.of("key", keys),
                    Leftovers.Gone.of("team", teamIds()),
                    new Leftovers.Gone("team_member", users, teamIds()));
        }
    }

    /** The ids of the users who are members of a team. */
    static Set<String> memberIds(Tx tx, Condition ofMemberships) {
        return new HashSet<>(tx.dsl()
                .selectDistinct(TEAM_MEMBERSHIP.USER_ID)
                .from(TEAM_MEMBERSHIP)
                .where(ofMemberships)
                .fetch(TEAM_MEMBERSHIP.USER_ID));
    }

    /** Deletes teams whose keys, members, rows and memberships are all locked, and whose leftovers are gone. */
    List<TeamDeletion> remove(Tx tx, Locked locked, Instant now) {
        Map<String, TeamRow> archived = new LinkedHashMap<>();
        Map<String, UUID> archiveIds = archive(tx, locked.teamIds(), now);
        Map<String, List<String>> keys = new HashMap<>();
        for (TeamRow team : locked.teams()) {
            archived.put(team.getTeamId(), team);
            keys.put(
                    team.getTeamId(),
                    context.keys()
                            .archiveAndDelete(
                                    tx, VIRTUAL_KEY.TEAM_ID.eq(team.getTeamId()), locked.keys(), context.actor(), now));
        }
        memberships.deleteAll(tx, locked.memberships(), now);
        List<TeamDeletion> deletions = new ArrayList<>();
        for (String teamId : archived.keySet()) {
            List<TeamMembershipRow> ofTeam = locked.memberships().stream()
                    .filter(row -> row.getTeamId().equals(teamId))
                    .toList();
            List<String> userIds =
                    ofTeam.stream().map(TeamMembershipRow::getUserId).sorted().toList();
            List<String> budgetIds = ofTeam.stream()
                    .map(TeamMembershipRow::getBudgetId)
                    .filter(Objects::nonNull)
                    .toList();
            String[] owners = userIds.stream()
                    .map(userId -> TeamMembershipRepository.owner(teamId, userId))
                    .toArray(String[]::new);
            int budgets = links.dropOwned(tx, now, budgetIds, BUDGET.OWNED_BY.eq(DSL.any(owners)));
            deletions.add(new TeamDeletion(
                    teamId,
                    Objects.requireNonNull(keys.get(teamId)),
                    userIds,
                    budgets,
                    Objects.requireNonNull(archiveIds.get(teamId))));
        }
        teams.deleteAll(tx, locked.teams(), now);
        return deletions;
    }

    private Map<String, UUID> archive(Tx tx, List<String> teamIds, Instant now) {
        Map<String, UUID> archiveIds = new LinkedHashMap<>();
        teamIds.forEach(id -> archiveIds.put(id, Ids.at(now)));
        Table<?> given = DSL.table(
                        "unnest({0}, {1})",
                        DSL.val(archiveIds.values().toArray(new UUID[0])), DSL.val(teamIds.toArray(new String[0])))
                .as("given", "id", "team_id");
        io.llmdb.schema.jooq.tables.Team team = TEAM.as("t");
        tx.dsl()
                .insertInto(
                        DELETED_TEAM,
                        DELETED_TEAM.ID,
                        DELETED_TEAM.TEAM_ID,
                        DELETED_TEAM.TEAM_ALIAS,
                        DELETED_TEAM.ORGANIZATION_ID,
                        DELETED_TEAM.TOTAL_SPEND,
                        DELETED_TEAM.TEAM_ROW,
                        DELETED_TEAM.DELETED_AT,
                        DELETED_TEAM.DELETED_BY,
                        DELETED_TEAM.DELETED_BY_API_KEY)
                .select(DSL.select(
                                DSL.field(DSL.name("given", "id"), UUID.class),
                                team.TEAM_ID,
                                team.TEAM_ALIAS,
                                team.ORGANIZATION_ID,
                                team.TOTAL_SPEND,
                                DSL.field("to_jsonb(t)", JSONB.class),
                                DSL.val(BudgetColumns.time(now)),
                                DSL.val(context.actor().id()),
                                DSL.val(context.actor().keyHash()))
                        .from(team)
                        .join(given)
                        .on(team.TEAM_ID.eq(DSL.field(DSL.name("given", "team_id"), String.class))))
                .execute();
        return archiveIds;
    }
}
