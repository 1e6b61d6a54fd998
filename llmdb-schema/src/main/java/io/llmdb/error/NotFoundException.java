package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/** The object that an administrative call names does not exist. */
public class NotFoundException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public NotFoundException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public NotFoundException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
