package io.llmdb.budgets;

import static io.llmdb.schema.jooq.Tables.BUDGET_WINDOW;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.spend.CounterId;

/** Reads windows that are over. */
final class PastWindows {

    private static final Keyset NEWEST = Keyset.descending("newest", BUDGET_WINDOW.WINDOW_START);

    private final Db db;

    PastWindows(Db db) {
        this.db = db;
    }

    Page<PastWindow> list(CounterId counter, PageRequest page) {
        return db.transaction(tx -> NEWEST.page(
                tx.dsl(),
                BUDGET_WINDOW,
                BUDGET_WINDOW
                        .SCOPE
                        .eq(counter.scope().sqlName())
                        .and(BUDGET_WINDOW.SCOPE_ID.eq(counter.id()))
                        .and(BUDGET_WINDOW.PARENT_ID.eq(counter.parentId()))
                        .and(BUDGET_WINDOW.MODEL.eq(counter.model()))
                        .and(BUDGET_WINDOW.BUDGET_DURATION.eq(counter.duration())),
                page,
                row -> new PastWindow(
                        counter,
                        row.getWindowStart().toInstant(),
                        row.getWindowEnd().toInstant(),
                        row.getSpend())));
    }
}
