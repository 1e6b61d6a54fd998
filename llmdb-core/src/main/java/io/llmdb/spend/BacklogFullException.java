package io.llmdb.spend;

import io.llmdb.error.LlmDbException;

/**
 * An event was not taken, because as many wait to be booked as the settings allow. It is counted nowhere; the caller
 * may offer it again.
 */
public final class BacklogFullException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    BacklogFullException(String message) {
        super(message);
    }
}
