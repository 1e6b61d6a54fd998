package io.llmdb.examples.gateway.upstream;

/** The upstream failed; the status is what the client is told. */
public final class UpstreamException extends Exception {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final String type;

    /**
     * @param status the HTTP status
     * @param type the error's type, such as {@code server_error}
     * @param message for the client
     */
    public UpstreamException(int status, String type, String message) {
        super(message);
        this.status = status;
        this.type = type;
    }

    /** @return the HTTP status */
    public int status() {
        return status;
    }

    /** @return the error's type */
    public String type() {
        return type;
    }

    /** @return the message, which is always there */
    public String text() {
        return String.valueOf(getMessage());
    }
}
