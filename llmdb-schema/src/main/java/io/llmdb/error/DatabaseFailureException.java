package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/** PostgreSQL answered with an error that is no fault of the caller's arguments; the message carries its SQLSTATE. */
public class DatabaseFailureException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public DatabaseFailureException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public DatabaseFailureException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
