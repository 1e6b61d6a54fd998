package io.llmdb.spend;

import io.llmdb.error.LlmDbException;

/**
 * PostgreSQL refuses to store an event; it stands among the dead letters with the reason, and can be mended and
 * replayed from there.
 */
public final class EventRefusedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    EventRefusedException(String message) {
        super(message);
    }

    EventRefusedException(String message, Throwable cause) {
        super(message, cause);
    }
}
