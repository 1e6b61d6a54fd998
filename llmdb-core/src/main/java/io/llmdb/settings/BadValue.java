package io.llmdb.settings;

/**
 * A text or value that a setting cannot have; the message says what is wrong and what is allowed, and shows no secret.
 */
final class BadValue extends Exception {

    private static final long serialVersionUID = 1L;

    BadValue(String message) {
        super(message);
    }
}
