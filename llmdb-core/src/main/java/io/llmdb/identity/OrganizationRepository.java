package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.OrganizationRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Organizations.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class OrganizationRepository {

    private final Context context;
    private final Store<OrganizationRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public OrganizationRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private OrganizationRepository(Context context) {
        this.context = context;
        this.store = context.store(ORGANIZATION, "organization");
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public OrganizationRepository as(Actor actor) {
        return new OrganizationRepository(context.as(actor));
    }

    /**
     * Makes an organization with a new id, and a budget row of its own where none is named.
     *
     * @param spec what to set
     * @return what was made
     * @throws NotFoundException where the budget row does not exist
     */
    public Organization create(OrganizationSpec spec) {
        return insert(spec, null);
    }

    /**
     * Makes an organization, and a budget row of its own where none is named.
     *
     * @param spec what to set
     * @param id its id
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id
     * @throws NotFoundException where the budget row does not exist
     * @throws InvalidArgumentException where the id is none
     */
    public Organization create(OrganizationSpec spec, String id) {
        return insert(spec, Arguments.id("organization_id", id));
    }

    private Organization insert(OrganizationSpec spec, @Nullable String id) {
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            OrganizationRow row = tx.dsl().newRecord(ORGANIZATION);
            row.setOrganizationId(id == null ? Ids.at(now).toString() : id);
            apply(row, spec);
            links.link(tx, now, owner(row.getOrganizationId()), null, row, spec.budgetId(), ownBudget(spec));
            return Rows.organization(store.insert(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the organization, or empty
     */
    public Optional<Organization> find(String id) {
        return store.find(store.is(id), Rows::organization);
    }

    /**
     * @param id its id
     * @return the organization
     * @throws NotFoundException where there is none
     */
    public Organization require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such an organization
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Changes what an administrator sets. Without a budget id it gets a budget row of its own.
     *
     * @param id its id
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the organization after the change
     * @throws NotFoundException where it or the budget row does not exist
     */
    public Organization update(String id, UnaryOperator<OrganizationSpec> change) {
        return context.db().transaction(tx -> {
            OrganizationRow before = store.lock(tx, id);
            Instant now = store.now(tx);
            OrganizationSpec spec = change.apply(Rows.organizationSpec(before));
            OrganizationRow after = store.copy(before);
            apply(after, spec);
            links.link(tx, now, owner(id), before, after, spec.budgetId(), ownBudget(spec));
            OrganizationRow written = store.update(tx, before, after, now);
            links.dropOwn(tx, now, owner(id), before.getBudgetId(), written.getBudgetId());
            return Rows.organization(written);
        });
    }

    /**
     * Deletes an organization that has no teams and keys any more, with its memberships and its own budget row. Users
     * whose home it was go on without one.
     *
     * @param id its id
     * @return what was done
     * @throws NotFoundException where there is none
     * @throws ConflictException where it has teams or keys; the message says how many
     */
    public OrganizationDeletion delete(String id) {
        return delete(id, false);
    }

    /**
     * Deletes an organization with its teams, as {@link TeamRepository#delete} does, its keys, memberships and own
     * budget row. Users whose home it was go on without one.
     *
     * @param id its id
     * @return what was done
     * @throws NotFoundException where there is none
     * @throws ConflictException where others change its teams, members or keys all the time
     */
    public OrganizationDeletion deleteWithTeamsAndKeys(String id) {
        return delete(id, true);
    }

    private OrganizationDeletion delete(String id, boolean withTeamsAndKeys) {
        return context.db().transaction(tx -> {
            OrganizationRemoval removal = new OrganizationRemoval(context, store, id);
            OrganizationRemoval.Locked locked =
                    StableLocks.take(tx, "organization_id \"" + id + '"', () -> removal.lock(tx, withTeamsAndKeys));
            return removal.remove(tx, locked, store.now(tx));
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<Organization> list(OrganizationFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.aliasPart() != null) {
            where = where.and(ORGANIZATION.ORGANIZATION_ALIAS.containsIgnoreCase(filter.aliasPart()));
        }
        if (filter.budgetId() != null) {
            where = where.and(ORGANIZATION.BUDGET_ID.eq(filter.budgetId()));
        }
        if (filter.memberUserId() != null) {
            where = where.and(DSL.exists(DSL.selectOne()
                    .from(ORGANIZATION_MEMBERSHIP)
                    .where(ORGANIZATION_MEMBERSHIP.USER_ID.eq(filter.memberUserId()))
                    .and(ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID.eq(ORGANIZATION.ORGANIZATION_ID))));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", ORGANIZATION.ORGANIZATION_ID);
            case ALIAS ->
                Keyset.ascending(
                        "alias",
                        DSL.coalesce(ORGANIZATION.ORGANIZATION_ALIAS, DSL.inline("")),
                        ORGANIZATION.ORGANIZATION_ID);
            case NEWEST -> Keyset.descending("newest", ORGANIZATION.CREATED_AT, ORGANIZATION.ORGANIZATION_ID);
            case OLDEST -> Keyset.ascending("oldest", ORGANIZATION.CREATED_AT, ORGANIZATION.ORGANIZATION_ID);
            case MOST_SPENT -> Keyset.descending("most_spent", ORGANIZATION.SPEND, ORGANIZATION.ORGANIZATION_ID);
        };
        return store.list(where, order, page, Rows::organization);
    }

    static String owner(String id) {
        return "organization:" + id;
    }

    /** LiteLLM's table wants a budget row of every organization. */
    private static @Nullable BudgetSpec ownBudget(OrganizationSpec spec) {
        return spec.budgetId() == null && spec.ownBudget() == null
                ? BudgetSpec.of(BudgetTerms.UNLIMITED)
                : spec.ownBudget();
    }

    private static void apply(OrganizationRow row, OrganizationSpec spec) {
        row.setOrganizationAlias(spec.alias());
        row.setModels(spec.models().toArray(new String[0]));
        row.setMetadata(JSONB.valueOf(Json.write(spec.metadata())));
    }
}
