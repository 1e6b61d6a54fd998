package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/**
 * The root of every exception that this library throws.
 *
 * <p>Messages are made for people: they name the setting, argument or object at fault and what to do next. None
 * contains a raw key, a password or a credential.
 */
public abstract class LlmDbException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    protected LlmDbException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    protected LlmDbException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
