package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** The key is blocked. */
public final class KeyBlockedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public KeyBlockedException(String message) {
        super(message);
    }
}
