package io.llmdb.spend;

import io.llmdb.internal.Db;
import java.util.List;
import java.util.Map;

/**
 * Moves counters on to the present window. Nothing depends on when that happens: a booking or a grant that meets a
 * window that is over does it first. Safe for use by several threads.
 */
public final class CounterWindows {

    private final Db db;
    private final CounterBook book;
    private final ReplacedKeys replacedKeys;

    /**
     * @param db the database
     * @param policy says where windows begin
     */
    public CounterWindows(Db db, BookingPolicy policy) {
        this.db = db;
        this.book = new CounterBook(db.sql(), policy);
        this.replacedKeys = new ReplacedKeys(db.sql());
    }

    /**
     * Moves counters whose window is over on, and begins windows where a length was set and none has begun. Does
     * nothing to the others, so doing it twice at once is doing it once. The counters of a key go with it: one that is
     * named by a replaced hash is the one of the hash that holds now.
     *
     * @param counters which counters
     */
    public void moveOn(List<CounterId> counters) {
        db.transaction(tx -> {
            Map<String, String> replaced = replacedKeys.of(
                    tx,
                    counters.stream()
                            .filter(counter -> counter.scope() == Scope.KEY)
                            .map(CounterId::id)
                            .distinct()
                            .toList());
            book.moveOn(
                    tx.connection(),
                    counters.stream()
                            .map(counter -> counter.scope() == Scope.KEY ? underNewHash(counter, replaced) : counter)
                            .toList());
            return null;
        });
    }

    private static CounterId underNewHash(CounterId counter, Map<String, String> replaced) {
        String hash = replaced.getOrDefault(counter.id(), counter.id());
        return new CounterId(Scope.KEY, hash, counter.parentId(), counter.model(), counter.duration());
    }
}
