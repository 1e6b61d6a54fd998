package io.llmdb.identity;

import io.llmdb.error.ConflictException;
import io.llmdb.internal.Tx;
import java.sql.SQLException;
import java.sql.Savepoint;
import org.jspecify.annotations.Nullable;

/**
 * Locks objects of which only the last one, once locked, says which the others are. Locks have one order (that of
 * booking: keys, users, teams, members, organizations, organization members, end users, tags, then budgets and the
 * rest), so the others are looked up without a lock, locked first, and looked up again at the end; where more of them
 * have come meanwhile, all locks are given back and taken anew.
 */
final class StableLocks {

    private static final int ATTEMPTS = 20;

    private StableLocks() {}

    /**
     * One attempt to take all locks.
     *
     * @param <T> what is known once they are taken
     */
    @FunctionalInterface
    interface Attempt<T> {

        /** @return what is known; null where more objects would have had to be locked */
        @Nullable
        T run() throws SQLException;
    }

    static <T> T take(Tx tx, String what, Attempt<T> attempt) throws SQLException {
        for (int i = 0; i < ATTEMPTS; i++) {
            Savepoint savepoint = tx.connection().setSavepoint();
            T locked = attempt.run();
            if (locked != null) {
                tx.connection().releaseSavepoint(savepoint);
                return locked;
            }
            tx.connection().rollback(savepoint);
        }
        throw new ConflictException(
                what + " is being changed by others all the time: nothing was done; try again when they are done");
    }
}
