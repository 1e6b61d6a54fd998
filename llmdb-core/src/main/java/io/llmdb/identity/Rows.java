package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.END_USER;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TAG;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;

import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Json;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import io.llmdb.schema.jooq.tables.records.EndUserRow;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.schema.jooq.tables.records.OrganizationRow;
import io.llmdb.schema.jooq.tables.records.TagRow;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jooq.JSONB;
import org.jooq.Record;

/**
 * Makes our records of rows of our tables.
 *
 * <p>Not API: for the packages that read people together with something else, in one round trip.
 */
public final class Rows {

    private Rows() {}

    /**
     * @param record a row with all columns of {@code BUDGET}
     * @return the budget row
     */
    public static Budget budget(Record record) {
        BudgetRow row = record instanceof BudgetRow own ? own : record.into(BUDGET);
        return new Budget(
                row.getBudgetId(),
                budgetSpec(row),
                BudgetColumns.instant(row.getBudgetResetAt()),
                row.getOwnedBy(),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant(),
                row.getUpdatedBy());
    }

    static BudgetSpec budgetSpec(BudgetRow row) {
        return new BudgetSpec(BudgetColumns.terms(row), BudgetColumns.rateLimits(row), List.of(row.getAllowedModels()));
    }

    /**
     * @param record a row with all columns of {@code ORGANIZATION}
     * @return the organization
     */
    public static Organization organization(Record record) {
        OrganizationRow row = record instanceof OrganizationRow own ? own : record.into(ORGANIZATION);
        return new Organization(
                row.getOrganizationId(),
                organizationSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant(),
                row.getUpdatedBy());
    }

    static OrganizationSpec organizationSpec(OrganizationRow row) {
        return new OrganizationSpec(
                row.getOrganizationAlias(),
                List.of(row.getModels()),
                Json.object(row.getMetadata().data()),
                row.getBudgetId(),
                null);
    }

    /**
     * @param record a row with all columns of {@code TEAM}
     * @return the team
     */
    public static Team team(Record record) {
        TeamRow row = record instanceof TeamRow own ? own : record.into(TEAM);
        return new Team(
                row.getTeamId(),
                teamSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant(),
                row.getUpdatedAt().toInstant());
    }

    static TeamSpec teamSpec(TeamRow row) {
        Map<String, String> aliases = new LinkedHashMap<>();
        Json.object(row.getModelAliases().data()).forEach((name, model) -> aliases.put(name, String.valueOf(model)));
        return new TeamSpec(
                row.getTeamAlias(),
                row.getOrganizationId(),
                BudgetColumns.terms(row),
                BudgetColumns.rateLimits(row),
                List.of(row.getModels()),
                aliases,
                List.of(row.getTeamMemberPermissions()),
                row.getBlocked(),
                Json.object(row.getMetadata().data()));
    }

    /**
     * @param record a row with all columns of {@code USER}
     * @return the user
     */
    public static User user(Record record) {
        UserRow row = record instanceof UserRow own ? own : record.into(USER);
        return new User(
                row.getUserId(),
                userSpec(row),
                BudgetColumns.spendState(row),
                List.of(row.getTeams()),
                row.getCreatedAt().toInstant(),
                row.getUpdatedAt().toInstant());
    }

    static UserSpec userSpec(UserRow row) {
        return new UserSpec(
                row.getUserAlias(),
                row.getUserEmail(),
                row.getSsoUserId(),
                row.getOrganizationId(),
                row.getTeamId(),
                row.getUserRole(),
                row.getPassword(),
                BudgetColumns.terms(row),
                BudgetColumns.rateLimits(row),
                List.of(row.getModels()),
                List.of(row.getAllowedCacheControls()),
                Json.object(row.getMetadata().data()));
    }

    /**
     * @param record a row with all columns of {@code END_USER}
     * @return the end user
     */
    public static EndUser endUser(Record record) {
        EndUserRow row = record instanceof EndUserRow own ? own : record.into(END_USER);
        return new EndUser(
                row.getUserId(),
                endUserSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant());
    }

    static EndUserSpec endUserSpec(EndUserRow row) {
        return new EndUserSpec(
                row.getAlias(),
                row.getAllowedModelRegion(),
                row.getDefaultModel(),
                row.getBlocked(),
                row.getBudgetId(),
                null);
    }

    /**
     * @param record a row with all columns of {@code TEAM_MEMBERSHIP}
     * @return the membership
     */
    public static TeamMembership teamMembership(Record record) {
        TeamMembershipRow row = record instanceof TeamMembershipRow own ? own : record.into(TEAM_MEMBERSHIP);
        return new TeamMembership(
                row.getTeamId(),
                row.getUserId(),
                teamMembershipSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant());
    }

    static TeamMembershipSpec teamMembershipSpec(TeamMembershipRow row) {
        return new TeamMembershipSpec(TeamRole.of(row.getRole()), row.getBudgetId(), null);
    }

    /**
     * @param record a row with all columns of {@code ORGANIZATION_MEMBERSHIP}
     * @return the membership
     */
    public static OrganizationMembership organizationMembership(Record record) {
        OrganizationMembershipRow row =
                record instanceof OrganizationMembershipRow own ? own : record.into(ORGANIZATION_MEMBERSHIP);
        return new OrganizationMembership(
                row.getOrganizationId(),
                row.getUserId(),
                organizationMembershipSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant(),
                row.getUpdatedAt().toInstant());
    }

    static OrganizationMembershipSpec organizationMembershipSpec(OrganizationMembershipRow row) {
        return new OrganizationMembershipSpec(row.getUserRole(), row.getBudgetId(), null);
    }

    /**
     * @param record a row with all columns of {@code TAG}
     * @return the tag
     */
    public static Tag tag(Record record) {
        TagRow row = record instanceof TagRow own ? own : record.into(TAG);
        return new Tag(
                row.getTagName(),
                tagSpec(row),
                BudgetColumns.spendState(row),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant());
    }

    static TagSpec tagSpec(TagRow row) {
        JSONB modelInfo = row.getModelInfo();
        return new TagSpec(
                row.getDescription(),
                List.of(row.getModels()),
                Json.object(modelInfo == null ? null : modelInfo.data()),
                row.getBudgetId(),
                null);
    }
}
