package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL could not be reached, or no connection was free in time. Never means that a key or an object does not
 * exist; trying again may succeed.
 */
public class DatabaseUnavailableException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public DatabaseUnavailableException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public DatabaseUnavailableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
