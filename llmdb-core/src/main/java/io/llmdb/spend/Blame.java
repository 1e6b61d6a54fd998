package io.llmdb.spend;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.DbErrors;
import java.sql.SQLException;
import java.util.Set;

/** Whose fault a failed booking is, which decides what becomes of its events. */
enum Blame {
    /** One of the events: its neighbours are booked, it is set aside with the reason. */
    EVENT,
    /**
     * The database's state (away, moved, full, read-only, a table or a privilege missing), or a sink that writes in its
     * transaction: all wait and are tried again.
     */
    DATABASE,
    /** Not known. Tried again a few times; what is refused still is set aside. */
    UNCLEAR;

    /** Bad values, broken constraints, too large for an index, too old to be booked, refused by somebody's trigger. */
    private static final Set<String> EVENT_CLASSES = Set.of("22", "23", "54", "P0", "LD");

    /** Connections, transactions, roles, names, resources, operators, the machine. */
    private static final Set<String> DATABASE_CLASSES =
            Set.of("08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "F0");

    static Blame of(Throwable failure) {
        if (failure instanceof SinkFailedException) {
            return DATABASE;
        }
        if (DbErrors.isUnavailable(failure) || DbErrors.isWorthRunningAgain(failure) || DbErrors.isMoved(failure)) {
            return DATABASE;
        }
        String state = DbErrors.sqlState(failure);
        if (state != null && state.length() == 5) {
            String group = state.substring(0, 2);
            return EVENT_CLASSES.contains(group) ? EVENT : DATABASE_CLASSES.contains(group) ? DATABASE : UNCLEAR;
        }
        boolean ofTheDriver = failure instanceof DatabaseFailureException || failure.getCause() instanceof SQLException;
        // What is thrown on our side before anything is sent comes from a value: the same one throws it again.
        return failure instanceof InvalidArgumentException || !ofTheDriver ? EVENT : UNCLEAR;
    }
}
