package io.llmdb.error;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The database has moved to another server, or is the target of a move that is not finished: nothing is admitted or
 * written here. What was to be written was not; an event is booked once on the new side by offering it there.
 */
public class DatabaseMovedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private final @Nullable String movedTo;

    /**
     * @param message what is wrong and what to do about it
     * @param movedTo where the database is now, as the one who moved it said; null where that is not known
     */
    public DatabaseMovedException(String message, @Nullable String movedTo) {
        super(message);
        this.movedTo = movedTo;
    }

    /**
     * @param message what is wrong and what to do about it
     * @param movedTo where the database is now, as the one who moved it said; null where that is not known
     * @param cause what was caught
     */
    public DatabaseMovedException(String message, @Nullable String movedTo, Throwable cause) {
        super(message, cause);
        this.movedTo = movedTo;
    }

    /** @return where the database is now, in the words of who moved it; empty where that is not known */
    public Optional<String> movedTo() {
        return Optional.ofNullable(movedTo);
    }
}
