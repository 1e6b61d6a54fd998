package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/** An object with the same id, alias or key exists already. */
public class AlreadyExistsException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public AlreadyExistsException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public AlreadyExistsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
