package io.llmdb.testkit;

import org.jspecify.annotations.Nullable;

/**
 * The testkit could not do its own work: no server, a wrong setting, a process that did not start. No assertion of a
 * test.
 */
public final class TestkitException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    TestkitException(String message) {
        super(message);
    }

    TestkitException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
