package io.llmdb.identity;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.windows.BudgetCalendar;
import io.llmdb.windows.Window;
import java.time.Instant;
import java.util.Objects;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;

/**
 * Sets the window of an object's counter where an administrator sets or changes its length. Never touches what was
 * spent.
 *
 * <p>Not API. Immutable.
 */
public final class CounterWindows {

    private final BudgetCalendar calendar;

    /** @param calendar says where windows begin */
    public CounterWindows(BudgetCalendar calendar) {
        this.calendar = Objects.requireNonNull(calendar, "calendar");
    }

    /**
     * The window that counters of a length begin with.
     *
     * @param duration the length
     * @param now the present, by the database's clock
     * @return the window
     */
    public Window first(BudgetDuration duration, Instant now) {
        return calendar.windowAt(duration, null, now);
    }

    /**
     * Edits a row with a counter after the length of its windows changed, or was set for the first time.
     *
     * <p>The window ends at the new length's next boundary. Its start stays, because {@code spend} counts from there. A
     * window that is over is left to whatever moves it on next, which goes on from its end in the new length.
     *
     * @param row the row to edit
     * @param before the length before; null: none
     * @param after the length now; null: none
     * @param now the present, by the database's clock
     */
    public void change(Record row, @Nullable BudgetDuration before, @Nullable BudgetDuration after, Instant now) {
        if (Objects.equals(before, after)) {
            return;
        }
        var start = BudgetColumns.field(row, BudgetColumns.SPEND_WINDOW_START);
        var reset = BudgetColumns.field(row, BudgetColumns.BUDGET_RESET_AT);
        if (after == null) {
            row.set(start, null);
            row.set(reset, null);
            return;
        }
        Instant end = BudgetColumns.instant(row.get(reset));
        if (end != null && !now.isBefore(end)) {
            return;
        }
        Window window = first(after, now);
        if (row.get(start) == null) {
            row.set(start, BudgetColumns.time(window.start()));
        }
        row.set(reset, BudgetColumns.time(window.end()));
    }
}
