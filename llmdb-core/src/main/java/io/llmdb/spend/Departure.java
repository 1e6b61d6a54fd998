package io.llmdb.spend;

import io.llmdb.internal.DbErrors;

/**
 * Tells which failures send events to the database that this one has moved to. Once the move is known, an old server
 * that does not answer any more is one of them: it was copied to its end before it said that it has moved. Safe for use
 * by several threads.
 */
final class Departure {

    private volatile boolean known;

    boolean isSeenIn(Throwable failure) {
        if (DbErrors.isMoved(failure)) {
            known = true;
            return true;
        }
        return known && DbErrors.isUnavailable(failure);
    }
}
