package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/**
 * The call does not fit the object's present state, for instance because another call came first or because other
 * objects still point at it.
 */
public class ConflictException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public ConflictException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public ConflictException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
