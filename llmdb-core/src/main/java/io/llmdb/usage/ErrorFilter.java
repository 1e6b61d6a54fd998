package io.llmdb.usage;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which errors are asked for. Conditions that are null let all through; all of them hold together.
 *
 * @param model the model that was called
 * @param exceptionType what went wrong
 * @param statusCode the provider's or the proxy's status
 * @param requestId the id that the caller or the provider gave
 * @param from the first instant of the request's start
 * @param before the first instant of the request's start that counts no more
 */
public record ErrorFilter(
        @Nullable String model,
        @Nullable String exceptionType,
        @Nullable String statusCode,
        @Nullable String requestId,
        @Nullable Instant from,
        @Nullable Instant before) {

    private static final ErrorFilter ALL = new ErrorFilter(null, null, null, null, null, null);

    /** @return all errors */
    public static ErrorFilter all() {
        return ALL;
    }

    /**
     * @param value the model that was called
     * @return a copy with it
     */
    public ErrorFilter withModel(@Nullable String value) {
        return new ErrorFilter(value, exceptionType, statusCode, requestId, from, before);
    }

    /**
     * @param value what went wrong
     * @return a copy with it
     */
    public ErrorFilter withExceptionType(@Nullable String value) {
        return new ErrorFilter(model, value, statusCode, requestId, from, before);
    }

    /**
     * @param value the provider's or the proxy's status
     * @return a copy with it
     */
    public ErrorFilter withStatusCode(@Nullable String value) {
        return new ErrorFilter(model, exceptionType, value, requestId, from, before);
    }

    /**
     * @param value the id that the caller or the provider gave
     * @return a copy with it
     */
    public ErrorFilter withRequestId(@Nullable String value) {
        return new ErrorFilter(model, exceptionType, statusCode, value, from, before);
    }

    /**
     * @param first the first instant
     * @param end the first instant that counts no more
     * @return a copy with them
     */
    public ErrorFilter within(@Nullable Instant first, @Nullable Instant end) {
        return new ErrorFilter(model, exceptionType, statusCode, requestId, first, end);
    }
}
