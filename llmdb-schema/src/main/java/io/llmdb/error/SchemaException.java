package io.llmdb.error;

import org.jspecify.annotations.Nullable;

/** The database's schema cannot be used by this version of the library, or could not be migrated. */
public class SchemaException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public SchemaException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public SchemaException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
