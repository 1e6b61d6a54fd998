package io.llmdb.move;

import io.llmdb.error.LlmDbException;
import org.jspecify.annotations.Nullable;

/** A step of a move was refused or failed. The message says what to do next; what a failed step had begun is undone. */
public class MoveException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public MoveException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public MoveException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
