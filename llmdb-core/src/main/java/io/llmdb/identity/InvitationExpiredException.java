package io.llmdb.identity;

import io.llmdb.error.ConflictException;
import java.time.Instant;

/** An invitation's time is over. */
public final class InvitationExpiredException extends ConflictException {

    private static final long serialVersionUID = 1L;

    InvitationExpiredException(String id, Instant expiresAt) {
        super("invitation \"" + id + "\" ended at " + expiresAt + ": ask for a new one");
    }
}
