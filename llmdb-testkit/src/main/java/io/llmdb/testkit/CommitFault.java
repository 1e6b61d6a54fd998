package io.llmdb.testkit;

/**
 * How a {@link TcpProxy} breaks a COMMIT. Either way the client sees a broken connection and cannot tell which one it
 * was.
 */
public enum CommitFault {

    /** The connection is cut before the server gets the COMMIT: it rolls back. */
    NEVER_SENT,

    /** The connection is cut after the server has committed and before its answer reaches the client. */
    ANSWER_LOST
}
