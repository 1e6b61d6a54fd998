package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/** An argument that breaks a rule; the message names the argument, its value and the rule. */
public class InvalidArgumentException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public InvalidArgumentException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public InvalidArgumentException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
