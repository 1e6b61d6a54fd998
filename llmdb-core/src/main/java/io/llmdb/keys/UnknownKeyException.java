package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** No key with this hash is in the database; a string that is no key at all is unknown too. */
public final class UnknownKeyException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public UnknownKeyException(String message) {
        super(message);
    }
}
