package io.llmdb.spend;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Why a request failed: what {@code "LLM_ErrorLogs"} holds beside the request itself.
 *
 * @param type the exception's type, such as {@code RateLimitError}
 * @param message its text; virtual keys in it are masked, of other secrets the proxy takes care
 * @param statusCode the HTTP status, as text; empty: none
 * @param requestJson {@code request_kwargs}, a JSON object, or null; virtual keys in it are masked
 */
public record RequestError(
        String type,
        String message,
        String statusCode,
        @Nullable String requestJson) {

    /** Checks for null, and masks virtual keys. */
    public RequestError {
        Objects.requireNonNull(type, "type");
        message = KeyMask.of(Objects.requireNonNull(message, "message"));
        Objects.requireNonNull(statusCode, "statusCode");
        requestJson = KeyMask.orNull(requestJson);
    }

    /**
     * @param type the exception's type
     * @param message its text
     * @param statusCode the HTTP status
     * @return the error
     */
    public static RequestError of(String type, String message, int statusCode) {
        return new RequestError(type, message, Integer.toString(statusCode), null);
    }

    /** @return type and status, not the message, which may quote the request */
    @Override
    public String toString() {
        return "failed with " + type + (statusCode.isEmpty() ? "" : " (" + statusCode + ")");
    }
}
