package io.llmdb.spend;

import io.llmdb.error.DatabaseFailureException;

/** A sink did not take its batch within the transaction, which is never an event's fault: the batch waits for it. */
final class SinkFailedException extends DatabaseFailureException {

    private static final long serialVersionUID = 1L;

    SinkFailedException(SpendLogSink sink, Throwable cause) {
        super("Sink " + sink.getClass().getName() + " failed in the transaction: " + cause, cause);
    }
}
