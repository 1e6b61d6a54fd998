package io.llmdb.models;

import io.llmdb.error.LlmDbException;
import org.jspecify.annotations.Nullable;

/**
 * A stored credential cannot be decrypted with the keys that are set: they are others, or the value was changed or
 * moved to another row.
 */
public final class WrongCredentialsKeyException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    WrongCredentialsKeyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
