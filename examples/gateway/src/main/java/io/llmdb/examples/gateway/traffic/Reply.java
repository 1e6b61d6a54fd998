package io.llmdb.examples.gateway.traffic;

import io.llmdb.examples.gateway.upstream.Usage;
import org.jspecify.annotations.Nullable;

/**
 * What a client saw of its request.
 *
 * @param request the request
 * @param kind how it ended
 * @param status the HTTP status; 0: there was none
 * @param code the error's code, such as {@code budget_exceeded}; empty: none
 * @param scope whose budget refused it, such as {@code team_member}; empty: none did
 * @param usage what the answer says it took; null where there is no whole answer
 * @param nanos how long it took
 * @param firstPartNanos how long the first part of a stream took; 0: there was none
 */
public record Reply(
        PlannedRequest request,
        Kind kind,
        int status,
        String code,
        String scope,
        @Nullable Usage usage,
        long nanos,
        long firstPartNanos) {

    /** How a request ended, seen by its client. */
    public enum Kind {
        /** A whole answer came. */
        ANSWERED,
        /** The gateway said no: it never reached the upstream. */
        REFUSED,
        /** The upstream failed, before its answer or within it. */
        FAILED,
        /** The client left on purpose. */
        LEFT,
        /** Something went wrong that should not; the code says what. */
        BROKEN
    }
}
