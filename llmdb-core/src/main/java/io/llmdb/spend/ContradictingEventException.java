package io.llmdb.spend;

import io.llmdb.error.LlmDbException;
import java.util.UUID;

/**
 * An event with this id was booked already, with other content. This one was not booked; it stands among the dead
 * letters.
 */
public final class ContradictingEventException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    ContradictingEventException(UUID id) {
        super("Event " + id
                + " was booked before with other content; an id names one request, whose content never changes");
    }
}
