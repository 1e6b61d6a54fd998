package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.END_USER;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.EndUserRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * End users: customers of the proxy's callers. One who was seen in traffic has a row too.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class EndUserRepository {

    private final Context context;
    private final Store<EndUserRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public EndUserRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private EndUserRepository(Context context) {
        this.context = context;
        this.store = context.store(END_USER, "end user");
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public EndUserRepository as(Actor actor) {
        return new EndUserRepository(context.as(actor));
    }

    /**
     * Makes an end user.
     *
     * @param spec what to set
     * @param id the id that callers send
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id
     * @throws NotFoundException where the budget row does not exist
     * @throws InvalidArgumentException where the id is none
     */
    public EndUser create(EndUserSpec spec, String id) {
        Arguments.id("user_id", id);
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            EndUserRow row = tx.dsl().newRecord(END_USER);
            row.setUserId(id);
            apply(row, spec);
            // First, because a booking may be making the same row, and budget rows are locked last.
            store.claim(tx, row);
            links.link(tx, now, owner(id), null, row, spec.budgetId(), spec.ownBudget());
            return Rows.endUser(store.fill(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the end user, or empty
     */
    public Optional<EndUser> find(String id) {
        return store.find(store.is(id), Rows::endUser);
    }

    /**
     * @param id its id
     * @return the end user
     * @throws NotFoundException where there is none
     */
    public EndUser require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such an end user
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Changes what an administrator sets.
     *
     * @param id its id
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the end user after the change
     * @throws NotFoundException where it or the budget row does not exist
     */
    public EndUser update(String id, UnaryOperator<EndUserSpec> change) {
        return context.db().transaction(tx -> {
            EndUserRow before = store.lock(tx, id);
            Instant now = store.now(tx);
            EndUserSpec spec = change.apply(Rows.endUserSpec(before));
            EndUserRow after = store.copy(before);
            apply(after, spec);
            links.link(tx, now, owner(id), before, after, spec.budgetId(), spec.ownBudget());
            EndUserRow written = store.update(tx, before, after, now);
            links.dropOwn(tx, now, owner(id), before.getBudgetId(), written.getBudgetId());
            return Rows.endUser(written);
        });
    }

    /**
     * Refuses every call for it from now on.
     *
     * @param id its id
     * @return the end user after the change
     * @throws NotFoundException where there is none
     */
    public EndUser block(String id) {
        return update(id, spec -> spec.withBlocked(true));
    }

    /**
     * Lets calls for it in again.
     *
     * @param id its id
     * @return the end user after the change
     * @throws NotFoundException where there is none
     */
    public EndUser unblock(String id) {
        return update(id, spec -> spec.withBlocked(false));
    }

    /**
     * Deletes an end user with its own budget row. What it spent stays in the logs and daily totals.
     *
     * @param id its id
     * @throws NotFoundException where there is none
     */
    public void delete(String id) {
        context.db().transaction(tx -> {
            EndUserRow row = store.lockToDelete(tx, id);
            Instant now = store.now(tx);
            Leftovers.forget(tx, List.of(Leftovers.Gone.of("end_user", List.of(id))));
            store.delete(tx, row, now);
            links.dropOwn(tx, now, owner(id), row.getBudgetId(), null);
            return id;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<EndUser> list(EndUserFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.idPart() != null) {
            where = where.and(END_USER.USER_ID.containsIgnoreCase(filter.idPart()));
        }
        if (filter.aliasPart() != null) {
            where = where.and(END_USER.ALIAS.containsIgnoreCase(filter.aliasPart()));
        }
        if (filter.budgetId() != null) {
            where = where.and(END_USER.BUDGET_ID.eq(filter.budgetId()));
        }
        if (filter.blocked() != null) {
            where = where.and(END_USER.BLOCKED.eq(filter.blocked()));
        }
        if (filter.allowedModelRegion() != null) {
            where = where.and(END_USER.ALLOWED_MODEL_REGION.eq(filter.allowedModelRegion()));
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", END_USER.USER_ID);
            case NEWEST -> Keyset.descending("newest", END_USER.CREATED_AT, END_USER.USER_ID);
            case OLDEST -> Keyset.ascending("oldest", END_USER.CREATED_AT, END_USER.USER_ID);
            case MOST_SPENT -> Keyset.descending("most_spent", END_USER.SPEND, END_USER.USER_ID);
        };
        return store.list(where, order, page, Rows::endUser);
    }

    private static String owner(String id) {
        return "end_user:" + id;
    }

    private static void apply(EndUserRow row, EndUserSpec spec) {
        row.setAlias(spec.alias());
        row.setAllowedModelRegion(spec.allowedModelRegion());
        row.setDefaultModel(spec.defaultModel());
        row.setBlocked(spec.blocked());
    }
}
