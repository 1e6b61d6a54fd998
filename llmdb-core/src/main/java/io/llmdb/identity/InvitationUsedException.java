package io.llmdb.identity;

import io.llmdb.error.ConflictException;
import java.time.Instant;

/** An invitation was used before; it works once. */
public final class InvitationUsedException extends ConflictException {

    private static final long serialVersionUID = 1L;

    InvitationUsedException(String id, Instant acceptedAt) {
        super("invitation \"" + id + "\" was used at " + acceptedAt + ": ask for a new one");
    }
}
