package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** The key's last instant is over. */
public final class KeyExpiredException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public KeyExpiredException(String message) {
        super(message);
    }
}
