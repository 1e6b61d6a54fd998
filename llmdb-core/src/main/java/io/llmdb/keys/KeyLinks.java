package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.USER;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.ConflictException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a key points at. Users and teams have no foreign key, since copied rows may name some that are not there; what
 * an administrator writes must name existing ones. They are locked so that they cannot be deleted meanwhile, in the
 * order of booking.
 */
final class KeyLinks {

    private KeyLinks() {}

    /**
     * Checks what is new.
     *
     * @param before the row before; null for a new key
     * @param after the row to be written
     */
    static void check(Tx tx, @Nullable VirtualKeyRow before, VirtualKeyRow after) {
        String user = after.getUserId();
        if (user != null && (before == null || !user.equals(before.getUserId()))) {
            requireUser(tx, user);
        }
        String team = after.getTeamId();
        String organization = after.getOrganizationId();
        if (team != null
                && (before == null
                        || !team.equals(before.getTeamId())
                        || !Objects.equals(organization, before.getOrganizationId()))) {
            requireTeam(tx, team, organization);
        }
        if (organization != null && (before == null || !organization.equals(before.getOrganizationId()))) {
            requireOrganization(tx, organization);
        }
        String budget = after.getBudgetId();
        if (budget != null && (before == null || !budget.equals(before.getBudgetId()))) {
            requireBudget(tx, budget);
        }
    }

    /** How long the windows of a key's counter are; its own terms go before the row that it links, as in booking. */
    static @Nullable BudgetDuration windowDuration(Tx tx, VirtualKeyRow row) {
        if (row.getMaxBudget() != null || row.getBudgetId() == null) {
            return BudgetColumns.duration(row);
        }
        BudgetRow linked = tx.dsl()
                .selectFrom(BUDGET)
                .where(BUDGET.BUDGET_ID.eq(row.getBudgetId()))
                .forShare()
                .fetchOne();
        return linked == null ? null : BudgetColumns.duration(linked);
    }

    private static void requireUser(Tx tx, String id) {
        if (tx.dsl()
                        .select(USER.USER_ID)
                        .from(USER)
                        .where(USER.USER_ID.eq(id))
                        .forKeyShare()
                        .fetchOne()
                == null) {
            throw new NotFoundException("user_id \"" + id + "\": there is no such user");
        }
    }

    private static void requireTeam(Tx tx, String id, @Nullable String organization) {
        TeamRow team = tx.dsl()
                .selectFrom(TEAM)
                .where(TEAM.TEAM_ID.eq(id))
                .forKeyShare()
                .fetchOne();
        if (team == null) {
            throw new NotFoundException("team_id \"" + id + "\": there is no such team");
        }
        if (organization != null
                && team.getOrganizationId() != null
                && !organization.equals(team.getOrganizationId())) {
            throw new ConflictException(
                    "team_id \"" + id + "\" belongs to organization_id \"" + team.getOrganizationId() + "\", not to \""
                            + organization + "\": leave the key's organization_id out");
        }
    }

    /** Its foreign key would lock it behind the budget row, which is out of order. */
    private static void requireOrganization(Tx tx, String id) {
        if (tx.dsl()
                        .select(ORGANIZATION.ORGANIZATION_ID)
                        .from(ORGANIZATION)
                        .where(ORGANIZATION.ORGANIZATION_ID.eq(id))
                        .forKeyShare()
                        .fetchOne()
                == null) {
            throw new NotFoundException("organization_id \"" + id + "\": there is no such organization");
        }
    }

    private static void requireBudget(Tx tx, String id) {
        BudgetRow budget = tx.dsl()
                .selectFrom(BUDGET)
                .where(BUDGET.BUDGET_ID.eq(id))
                .forShare()
                .fetchOne();
        if (budget == null) {
            throw new NotFoundException("budget_id \"" + id + "\": there is no such budget");
        }
        if (budget.getOwnedBy() != null) {
            throw new ConflictException("budget_id \"" + id + "\" was made for " + budget.getOwnedBy()
                    + " alone: link a budget that was made by itself");
        }
    }
}
