package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
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
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Budget rows, which organizations, members, end users, tags and keys link.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class BudgetRepository {

    private final Context context;
    private final Store<BudgetRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public BudgetRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private BudgetRepository(Context context) {
        this.context = context;
        this.store = context.store(BUDGET, "budget");
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public BudgetRepository as(Actor actor) {
        return new BudgetRepository(context.as(actor));
    }

    /**
     * Makes a budget row with a new id.
     *
     * @param spec its limits
     * @return what was made
     */
    public Budget create(BudgetSpec spec) {
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            return Rows.budget(links.insert(tx, now, Ids.at(now).toString(), null, spec));
        });
    }

    /**
     * Makes a budget row.
     *
     * @param spec its limits
     * @param id its id
     * @return what was made
     * @throws AlreadyExistsException where there is one with this id
     * @throws InvalidArgumentException where the id is none
     */
    public Budget create(BudgetSpec spec, String id) {
        Arguments.id("budget_id", id);
        return context.db().transaction(tx -> Rows.budget(links.insert(tx, store.now(tx), id, null, spec)));
    }

    /**
     * @param id its id
     * @return the budget row, or empty
     */
    public Optional<Budget> find(String id) {
        return store.find(store.is(id), Rows::budget);
    }

    /**
     * @param id its id
     * @return the budget row
     * @throws NotFoundException where there is none
     */
    public Budget require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id an id
     * @return whether there is a budget row with it
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Changes limits. A new duration moves the end of the current window of every object that links the row to its next
     * boundary; what they have spent stays.
     *
     * @param id its id
     * @param change makes the new limits of those that hold, which are locked meanwhile; may be called more than once
     * @return the row after the change
     * @throws NotFoundException where there is none
     */
    public Budget update(String id, UnaryOperator<BudgetSpec> change) {
        return context.db().transaction(tx -> {
            Edit edit = lockToEdit(tx, id, change);
            Instant now = store.now(tx);
            BudgetDuration duration = edit.spec.terms().duration();
            BudgetRow after = links.edit(tx, now, edit.before, edit.spec);
            if (!Objects.equals(duration, BudgetColumns.duration(edit.before))) {
                LinkedObjects.changeDuration(tx, context.windows(), id, duration, now);
            }
            return Rows.budget(after);
        });
    }

    /**
     * Deletes a budget row.
     *
     * @param id its id
     * @throws NotFoundException where there is none
     * @throws ConflictException where an object links it; the message says which
     */
    public void delete(String id) {
        context.db().transaction(tx -> {
            BudgetRow row = store.lockToDelete(tx, id);
            String linked = LinkedObjects.describe(tx, id);
            if (!linked.isEmpty()) {
                throw new ConflictException("budget_id \"" + id + "\" is still linked by " + linked
                        + ": link another budget there before it is deleted");
            }
            store.delete(tx, row, store.now(tx));
            return true;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<Budget> list(BudgetFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.idPart() != null) {
            where = where.and(BUDGET.BUDGET_ID.containsIgnoreCase(filter.idPart()));
        }
        if (filter.duration() != null) {
            where = where.and(BUDGET.BUDGET_DURATION.eq(filter.duration().toString()));
        }
        if (filter.owned() != null) {
            where = where.and(filter.owned() ? BUDGET.OWNED_BY.isNotNull() : BUDGET.OWNED_BY.isNull());
        }
        Keyset order = switch (filter.order()) {
            case ID -> Keyset.ascending("id", BUDGET.BUDGET_ID);
            case NEWEST -> Keyset.descending("newest", BUDGET.CREATED_AT, BUDGET.BUDGET_ID);
            case OLDEST -> Keyset.ascending("oldest", BUDGET.CREATED_AT, BUDGET.BUDGET_ID);
            case LARGEST ->
                Keyset.descending(
                        "largest",
                        // An unlimited one is larger than any amount that can be stored.
                        DSL.coalesce(BUDGET.MAX_BUDGET, DSL.inline(new BigDecimal("1e40"))),
                        BUDGET.BUDGET_ID);
        };
        return store.list(where, order, page, Rows::budget);
    }

    private record Edit(BudgetRow before, BudgetSpec spec) {}

    /** Only where the duration changes are the objects locked that link the row, before it. */
    private Edit lockToEdit(Tx tx, String id, UnaryOperator<BudgetSpec> change) throws SQLException {
        boolean[] lockCounters = {false};
        return StableLocks.take(tx, "budget_id \"" + id + '"', () -> {
            Set<String> locked = lockCounters[0] ? LinkedObjects.lockCounters(tx, id) : Set.of();
            BudgetRow before = store.lock(tx, id);
            BudgetSpec spec = change.apply(Rows.budgetSpec(before));
            lockCounters[0] = !Objects.equals(spec.terms().duration(), BudgetColumns.duration(before));
            boolean complete = !lockCounters[0] || locked.containsAll(LinkedObjects.counters(tx, id));
            return complete ? new Edit(before, spec) : null;
        });
    }
}
