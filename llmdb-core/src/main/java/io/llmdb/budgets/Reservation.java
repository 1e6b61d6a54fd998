package io.llmdb.budgets;

import io.llmdb.budgets.Slice.Hold;
import java.time.Instant;
import java.util.List;

/**
 * What one call holds, on all of its budgets.
 *
 * @param holds one for each budget
 * @param start the call's start by the database's clock, in whole milliseconds; it lies in the windows that the holds
 *     are of, and decides where its cost counts
 */
record Reservation(List<Hold> holds, Instant start) {

    void release() {
        holds.forEach(hold -> hold.slice().release(hold));
    }
}
