package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** The end user is blocked. */
public final class EndUserBlockedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public EndUserBlockedException(String message) {
        super(message);
    }
}
