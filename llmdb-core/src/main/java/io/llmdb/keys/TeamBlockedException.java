package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** The key's team is blocked. */
public final class TeamBlockedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public TeamBlockedException(String message) {
        super(message);
    }
}
