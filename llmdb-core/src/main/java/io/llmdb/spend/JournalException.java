package io.llmdb.spend;

import io.llmdb.error.LlmDbException;
import org.jspecify.annotations.Nullable;

/**
 * The journal cannot be used: another instance uses its directory, or this machine's disk refuses. Whether an event
 * that was being written is in the journal is not known then; offering it again is right.
 */
public final class JournalException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    JournalException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
