package io.llmdb.identity;

import io.llmdb.error.ConflictException;
import org.jspecify.annotations.Nullable;

/** A request for models was decided before; it is decided once. */
public final class ModelAccessDecidedException extends ConflictException {

    private static final long serialVersionUID = 1L;

    ModelAccessDecidedException(String id, ModelAccessStatus status, @Nullable String decidedBy) {
        super("request_id \"" + id + "\" is " + status.word() + " already, by \"" + decidedBy
                + "\": make a new request");
    }
}
