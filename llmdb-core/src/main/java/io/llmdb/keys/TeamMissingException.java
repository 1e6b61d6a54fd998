package io.llmdb.keys;

import io.llmdb.error.LlmDbException;

/** The key names a team that does not exist, so nobody can say what it may do. */
public final class TeamMissingException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public TeamMissingException(String message) {
        super(message);
    }
}
