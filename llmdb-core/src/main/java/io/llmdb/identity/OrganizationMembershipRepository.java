package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Who is a member of which organization. Rows of their own: any number of callers may add, change and remove members at
 * once, and none is lost.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class OrganizationMembershipRepository {

    private final Context context;
    private final Store<OrganizationMembershipRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public OrganizationMembershipRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private OrganizationMembershipRepository(Context context) {
        this.context = context;
        this.store = context.organizationMemberships();
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public OrganizationMembershipRepository as(Actor actor) {
        return new OrganizationMembershipRepository(context.as(actor));
    }

    /**
     * Makes a user a member of an organization.
     *
     * @param organizationId the organization
     * @param userId the user
     * @param spec what to set
     * @return what was made
     * @throws AlreadyExistsException where the user is a member already
     * @throws NotFoundException where the organization, the user or the budget row does not exist
     */
    public OrganizationMembership add(String organizationId, String userId, OrganizationMembershipSpec spec) {
        return context.db().transaction(tx -> {
            // The foreign keys would take these locks behind that of a budget row, which is out of order.
            context.users().keep(tx, userId);
            context.organizations().keep(tx, organizationId);
            Instant now = store.now(tx);
            OrganizationMembershipRow row = tx.dsl().newRecord(ORGANIZATION_MEMBERSHIP);
            row.setUserId(userId);
            row.setOrganizationId(organizationId);
            row.setUserRole(spec.role());
            links.link(tx, now, owner(organizationId, userId), null, row, spec.budgetId(), spec.ownBudget());
            return Rows.organizationMembership(store.insert(tx, row, now));
        });
    }

    /**
     * @param organizationId an organization
     * @param userId a user
     * @return the membership, or empty
     */
    public Optional<OrganizationMembership> find(String organizationId, String userId) {
        return store.find(store.is(userId, organizationId), Rows::organizationMembership);
    }

    /**
     * @param organizationId an organization
     * @param userId a user
     * @return the membership
     * @throws NotFoundException where the user is no member
     */
    public OrganizationMembership require(String organizationId, String userId) {
        return find(organizationId, userId).orElseThrow(() -> store.missing(userId, organizationId));
    }

    /**
     * @param organizationId an organization
     * @param userId a user
     * @return whether the user is a member
     */
    public boolean exists(String organizationId, String userId) {
        return store.exists(store.is(userId, organizationId));
    }

    /**
     * Changes role or budget.
     *
     * @param organizationId the organization
     * @param userId the user
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the membership after the change
     * @throws NotFoundException where the user is no member, or the budget row does not exist
     */
    public OrganizationMembership update(
            String organizationId, String userId, UnaryOperator<OrganizationMembershipSpec> change) {
        return context.db().transaction(tx -> {
            OrganizationMembershipRow before = store.lock(tx, userId, organizationId);
            Instant now = store.now(tx);
            OrganizationMembershipSpec spec = change.apply(Rows.organizationMembershipSpec(before));
            OrganizationMembershipRow after = store.copy(before);
            after.setUserRole(spec.role());
            String owner = owner(organizationId, userId);
            links.link(tx, now, owner, before, after, spec.budgetId(), spec.ownBudget());
            OrganizationMembershipRow written = store.update(tx, before, after, now);
            links.dropOwn(tx, now, owner, before.getBudgetId(), written.getBudgetId());
            return Rows.organizationMembership(written);
        });
    }

    /**
     * Ends a membership, with the member's own budget row. Memberships in the organization's teams go on.
     *
     * @param organizationId the organization
     * @param userId the user
     * @throws NotFoundException where the user is no member
     */
    public void remove(String organizationId, String userId) {
        context.db().transaction(tx -> {
            OrganizationMembershipRow row = store.lockToDelete(tx, userId, organizationId);
            Instant now = store.now(tx);
            Leftovers.forget(
                    tx, List.of(new Leftovers.Gone("organization_member", List.of(userId), List.of(organizationId))));
            store.delete(tx, row, now);
            links.dropOwn(tx, now, owner(organizationId, userId), row.getBudgetId(), null);
            return userId;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<OrganizationMembership> list(OrganizationMembershipFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.organizationId() != null) {
            where = where.and(ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID.eq(filter.organizationId()));
        }
        if (filter.userId() != null) {
            where = where.and(ORGANIZATION_MEMBERSHIP.USER_ID.eq(filter.userId()));
        }
        if (filter.role() != null) {
            where = where.and(ORGANIZATION_MEMBERSHIP.USER_ROLE.eq(filter.role()));
        }
        if (filter.budgetId() != null) {
            where = where.and(ORGANIZATION_MEMBERSHIP.BUDGET_ID.eq(filter.budgetId()));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", ORGANIZATION_MEMBERSHIP.USER_ID, ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID);
            case NEWEST ->
                Keyset.descending(
                        "newest",
                        ORGANIZATION_MEMBERSHIP.CREATED_AT,
                        ORGANIZATION_MEMBERSHIP.USER_ID,
                        ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID);
            case OLDEST ->
                Keyset.ascending(
                        "oldest",
                        ORGANIZATION_MEMBERSHIP.CREATED_AT,
                        ORGANIZATION_MEMBERSHIP.USER_ID,
                        ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID);
            case MOST_SPENT ->
                Keyset.descending(
                        "most_spent",
                        ORGANIZATION_MEMBERSHIP.SPEND,
                        ORGANIZATION_MEMBERSHIP.USER_ID,
                        ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID);
        };
        return store.list(where, order, page, Rows::organizationMembership);
    }

    static String owner(String organizationId, String userId) {
        return "organization_member:" + AuditTrail.objectId(userId, organizationId);
    }
}
