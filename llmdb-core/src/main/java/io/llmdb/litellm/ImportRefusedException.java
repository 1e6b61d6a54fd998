package io.llmdb.litellm;

import io.llmdb.error.LlmDbException;

/**
 * An import that does not begin: the source is no LiteLLM database or may not be read, the target holds something else,
 * or a key is missing. Nothing was changed; the message says what to do.
 */
public final class ImportRefusedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do */
    public ImportRefusedException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do
     * @param cause why
     */
    public ImportRefusedException(String message, Throwable cause) {
        super(message, cause);
    }
}
