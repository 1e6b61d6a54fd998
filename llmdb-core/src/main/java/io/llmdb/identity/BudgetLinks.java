package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.ConflictException;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jooq.Condition;
import org.jooq.Record;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Between an object and the budget row that counts for it: links an existing one, makes, edits and drops one of its
 * own, and keeps the object's window in step. Budget rows are locked after the objects that link them.
 */
final class BudgetLinks {

    private final Store<BudgetRow> budgets;
    private final CounterWindows windows;

    BudgetLinks(Store<BudgetRow> budgets, CounterWindows windows) {
        this.budgets = budgets;
        this.windows = windows;
    }

    /**
     * Sets {@code budget_id} and the window of an object's row.
     *
     * @param owner what a row of its own says in {@code owned_by}
     * @param before the row before; null for a new object
     * @param after the row to edit
     * @param wantedId the row to link; null: none
     * @param wantedOwn the limits of a row of its own; null: no such row is asked for
     */
    void link(
            Tx tx,
            Instant now,
            String owner,
            @Nullable Record before,
            Record after,
            @Nullable String wantedId,
            @Nullable BudgetSpec wantedOwn) {
        String oldId = before == null ? null : before.get(BudgetColumns.BUDGET_ID);
        if (wantedOwn == null && Objects.equals(wantedId, oldId)) {
            return;
        }
        BudgetDuration oldDuration = null;
        BudgetRow own = null;
        if (oldId != null) {
            BudgetRow old = budgets.lock(tx, oldId);
            oldDuration = BudgetColumns.duration(old);
            own = owner.equals(old.getOwnedBy()) ? old : null;
        }
        String newId = null;
        BudgetDuration newDuration = null;
        if (wantedOwn != null) {
            newId = own == null ? create(tx, now, owner, wantedOwn).getBudgetId() : own.getBudgetId();
            newDuration = wantedOwn.terms().duration();
            if (own != null) {
                edit(tx, now, own, wantedOwn);
            }
        } else if (wantedId != null) {
            BudgetRow shared = lockShared(tx, wantedId);
            if (shared.getOwnedBy() != null && !shared.getOwnedBy().equals(owner)) {
                throw new ConflictException("budget_id \"" + wantedId + "\" was made for " + shared.getOwnedBy()
                        + " alone: link a budget that was made by itself");
            }
            newId = wantedId;
            newDuration = BudgetColumns.duration(shared);
        }
        after.set(BudgetColumns.field(after, BudgetColumns.BUDGET_ID), newId);
        windows.change(after, oldDuration, newDuration, now);
    }

    /** Makes an object's own budget row. */
    BudgetRow create(Tx tx, Instant now, @Nullable String owner, BudgetSpec spec) {
        return insert(tx, now, Ids.at(now).toString(), owner, spec);
    }

    BudgetRow insert(Tx tx, Instant now, String id, @Nullable String owner, BudgetSpec spec) {
        BudgetRow row = tx.dsl().newRecord(BUDGET);
        row.setBudgetId(id);
        row.setOwnedBy(owner);
        apply(row, spec);
        windowOf(row, null, spec.terms().duration(), now);
        return budgets.insert(tx, row, now);
    }

    /** Writes a locked row with new limits. */
    BudgetRow edit(Tx tx, Instant now, BudgetRow before, BudgetSpec spec) {
        BudgetRow after = budgets.copy(before);
        apply(after, spec);
        windowOf(after, BudgetColumns.duration(before), spec.terms().duration(), now);
        return budgets.update(tx, before, after, now);
    }

    /** Drops an object's own row after the object links another one. */
    void dropOwn(Tx tx, Instant now, String owner, @Nullable String oldId, @Nullable String newId) {
        if (oldId != null && !oldId.equals(newId)) {
            dropOwned(tx, now, List.of(oldId), BUDGET.OWNED_BY.eq(owner));
        }
    }

    /**
     * Drops the rows of their own of objects that are gone. One that somebody else has linked all the same stays, as a
     * row that stands for itself.
     *
     * @param budgetIds what the objects linked
     * @param owned tells their own rows from shared ones
     * @return how many rows were deleted
     */
    int dropOwned(Tx tx, Instant now, List<String> budgetIds, Condition owned) {
        if (budgetIds.isEmpty()) {
            return 0;
        }
        String[] ids = budgetIds.toArray(new String[0]);
        List<BudgetRow> rows =
                budgets.lockAllToDelete(tx, BUDGET.BUDGET_ID.eq(DSL.any(ids)).and(owned));
        Set<String> linked = LinkedObjects.linkedAmong(
                tx, rows.stream().map(BudgetRow::getBudgetId).toList());
        for (BudgetRow row : rows) {
            if (linked.contains(row.getBudgetId())) {
                BudgetRow after = budgets.copy(row);
                after.setOwnedBy(null);
                budgets.update(tx, row, after, now);
            }
        }
        List<BudgetRow> unused =
                rows.stream().filter(row -> !linked.contains(row.getBudgetId())).toList();
        budgets.deleteAll(tx, unused, now);
        return unused.size();
    }

    /** Keeps the length of the row's windows from changing until the link is there. */
    private BudgetRow lockShared(Tx tx, String id) {
        BudgetRow row = tx.dsl()
                .selectFrom(BUDGET)
                .where(BUDGET.BUDGET_ID.eq(id))
                .forShare()
                .fetchOne();
        if (row == null) {
            throw budgets.missing(id);
        }
        return row;
    }

    private void windowOf(BudgetRow row, @Nullable BudgetDuration before, @Nullable BudgetDuration after, Instant now) {
        if (!Objects.equals(before, after)) {
            row.setBudgetResetAt(
                    after == null
                            ? null
                            : BudgetColumns.time(windows.first(after, now).end()));
        }
    }

    private static void apply(BudgetRow row, BudgetSpec spec) {
        BudgetColumns.set(row, spec.terms());
        BudgetColumns.set(row, spec.rateLimits());
        row.setAllowedModels(spec.allowedModels().toArray(new String[0]));
    }
}
