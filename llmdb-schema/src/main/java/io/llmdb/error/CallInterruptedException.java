package io.llmdb.error;

/**
 * The calling thread was interrupted while it waited for an answer. The call has done nothing: what it would have
 * reserved is free. The thread's interrupt status is set again.
 */
public class CallInterruptedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message what was waited for
     * @param cause the interruption
     */
    public CallInterruptedException(String message, InterruptedException cause) {
        super(message, cause);
    }
}
