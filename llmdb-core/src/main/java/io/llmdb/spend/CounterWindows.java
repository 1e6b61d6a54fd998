package io.llmdb.spend;

import io.llmdb.internal.Db;
import java.util.List;

/**
 * Moves counters on to the present window. Nothing depends on when that happens: a booking or a grant that meets a
 * window that is over does it first. Safe for use by several threads.
 */
public final class CounterWindows {

    private final Db db;
    private final CounterBook book;

    /**
     * @param db the database
     * @param policy says where windows begin
     */
    public CounterWindows(Db db, BookingPolicy policy) {
        this.db = db;
        this.book = new CounterBook(db.sql(), policy);
    }

    /**
     * Moves counters whose window is over on, and begins windows where a length was set and none has begun. Does
     * nothing to the others, so doing it twice at once is doing it once.
     *
     * @param counters which counters
     */
    public void moveOn(List<CounterId> counters) {
        db.transaction(tx -> {
            book.moveOn(tx.connection(), counters);
            return null;
        });
    }
}
