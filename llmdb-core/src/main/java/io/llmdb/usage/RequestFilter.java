package io.llmdb.usage;

import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which finished requests are asked for. Conditions that are null let all through; all of them hold together.
 *
 * @param keyHash the virtual key's hash
 * @param userId the user
 * @param teamId the team
 * @param organizationId the organization
 * @param endUser the end user
 * @param model the model that was called
 * @param tag one of the request's tags
 * @param sessionId the session
 * @param requestId the id that the caller or the provider gave; may be shared by several requests
 * @param successful true: only what was answered; false: only what failed
 * @param from the first instant of the start
 * @param before the first instant of the start that counts no more
 * @param costAtLeast the least cost
 * @param costAtMost the greatest cost
 */
public record RequestFilter(
        @Nullable String keyHash,
        @Nullable String userId,
        @Nullable String teamId,
        @Nullable String organizationId,
        @Nullable String endUser,
        @Nullable String model,
        @Nullable String tag,
        @Nullable String sessionId,
        @Nullable String requestId,
        @Nullable Boolean successful,
        @Nullable Instant from,
        @Nullable Instant before,
        @Nullable BigDecimal costAtLeast,
        @Nullable BigDecimal costAtMost) {

    private static final RequestFilter ALL =
            new RequestFilter(null, null, null, null, null, null, null, null, null, null, null, null, null, null);

    /** @return all requests */
    public static RequestFilter all() {
        return ALL;
    }

    /**
     * @param value the virtual key's hash
     * @return a copy with it
     */
    public RequestFilter withKeyHash(@Nullable String value) {
        return new RequestFilter(
                value,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the user
     * @return a copy with it
     */
    public RequestFilter withUserId(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                value,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the team
     * @return a copy with it
     */
    public RequestFilter withTeamId(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                value,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the organization
     * @return a copy with it
     */
    public RequestFilter withOrganizationId(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                value,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the end user
     * @return a copy with it
     */
    public RequestFilter withEndUser(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                value,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the model that was called
     * @return a copy with it
     */
    public RequestFilter withModel(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                value,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value one of the request's tags
     * @return a copy with it
     */
    public RequestFilter withTag(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                value,
                sessionId,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the session
     * @return a copy with it
     */
    public RequestFilter withSessionId(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                value,
                requestId,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value the id that the caller or the provider gave
     * @return a copy with it
     */
    public RequestFilter withRequestId(@Nullable String value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                value,
                successful,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param value true: only what was answered; false: only what failed
     * @return a copy with it
     */
    public RequestFilter withSuccessful(@Nullable Boolean value) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                value,
                from,
                before,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param first the first instant
     * @param end the first instant that counts no more
     * @return a copy with them
     */
    public RequestFilter within(@Nullable Instant first, @Nullable Instant end) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                first,
                end,
                costAtLeast,
                costAtMost);
    }

    /**
     * @param least the least cost
     * @param most the greatest cost
     * @return a copy with them
     */
    public RequestFilter withCost(@Nullable BigDecimal least, @Nullable BigDecimal most) {
        return new RequestFilter(
                keyHash,
                userId,
                teamId,
                organizationId,
                endUser,
                model,
                tag,
                sessionId,
                requestId,
                successful,
                from,
                before,
                least,
                most);
    }
}
