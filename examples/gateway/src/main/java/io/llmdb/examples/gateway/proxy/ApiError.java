package io.llmdb.examples.gateway.proxy;

import io.llmdb.examples.gateway.upstream.ChatRequest.MalformedException;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.UpstreamException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * An answer that says no, in OpenAI's form.
 *
 * @param status the HTTP status
 * @param type the kind of error, such as {@code invalid_request_error}
 * @param code the error, such as {@code budget_exceeded}
 * @param parameter the parameter of the request that is wrong, or null
 * @param message for a person
 * @param retryAfterSeconds when to try again, or null
 * @param budget the budget that refused, for code; null: none did
 */
public record ApiError(
        int status,
        String type,
        String code,
        @Nullable String parameter,
        String message,
        @Nullable Long retryAfterSeconds,
        @Nullable ObjectNode budget) {

    static ApiError of(int status, String type, String code, String message) {
        return new ApiError(status, type, code, null, message, null, null);
    }

    static ApiError of(MalformedException e) {
        return new ApiError(
                400,
                "invalid_request_error",
                "malformed_request",
                e.parameter(),
                String.valueOf(e.getMessage()),
                null,
                null);
    }

    static ApiError of(UpstreamException e) {
        return of(e.status(), e.type(), "upstream_error", e.text());
    }

    ApiError withRetryAfter(long seconds) {
        return new ApiError(status, type, code, parameter, message, seconds, budget);
    }

    ApiError withBudget(ObjectNode value) {
        return new ApiError(status, type, code, parameter, message, retryAfterSeconds, value);
    }

    /** @return the answer's body */
    public ObjectNode toJson() {
        ObjectNode root = Json.object();
        ObjectNode error = root.putObject("error")
                .put("message", message)
                .put("type", type)
                .put("param", parameter)
                .put("code", code);
        if (budget != null) {
            error.set("budget", budget);
        }
        return root;
    }

    /** Ends the handling of a request with an error. */
    static final class Refusal extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private final transient ApiError error;

        Refusal(ApiError error) {
            super(error.message(), null, false, false);
            this.error = error;
        }

        ApiError error() {
            return error;
        }
    }
}
