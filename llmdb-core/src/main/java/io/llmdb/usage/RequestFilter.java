package io.llmdb.usage;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.function.Consumer;
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

    private static final RequestFilter ALL = new Draft().build();

    /** @return all requests */
    public static RequestFilter all() {
        return ALL;
    }

    /**
     * @param value the virtual key's hash
     * @return a copy with it
     */
    public RequestFilter withKeyHash(@Nullable String value) {
        return with(draft -> draft.keyHash = value);
    }

    /**
     * @param value the user
     * @return a copy with it
     */
    public RequestFilter withUserId(@Nullable String value) {
        return with(draft -> draft.userId = value);
    }

    /**
     * @param value the team
     * @return a copy with it
     */
    public RequestFilter withTeamId(@Nullable String value) {
        return with(draft -> draft.teamId = value);
    }

    /**
     * @param value the organization
     * @return a copy with it
     */
    public RequestFilter withOrganizationId(@Nullable String value) {
        return with(draft -> draft.organizationId = value);
    }

    /**
     * @param value the end user
     * @return a copy with it
     */
    public RequestFilter withEndUser(@Nullable String value) {
        return with(draft -> draft.endUser = value);
    }

    /**
     * @param value the model that was called
     * @return a copy with it
     */
    public RequestFilter withModel(@Nullable String value) {
        return with(draft -> draft.model = value);
    }

    /**
     * @param value one of the request's tags
     * @return a copy with it
     */
    public RequestFilter withTag(@Nullable String value) {
        return with(draft -> draft.tag = value);
    }

    /**
     * @param value the session
     * @return a copy with it
     */
    public RequestFilter withSessionId(@Nullable String value) {
        return with(draft -> draft.sessionId = value);
    }

    /**
     * @param value the id that the caller or the provider gave
     * @return a copy with it
     */
    public RequestFilter withRequestId(@Nullable String value) {
        return with(draft -> draft.requestId = value);
    }

    /**
     * @param value true: only what was answered; false: only what failed
     * @return a copy with it
     */
    public RequestFilter withSuccessful(@Nullable Boolean value) {
        return with(draft -> draft.successful = value);
    }

    /**
     * @param first the first instant
     * @param end the first instant that counts no more
     * @return a copy with them
     */
    public RequestFilter within(@Nullable Instant first, @Nullable Instant end) {
        return with(draft -> {
            draft.from = first;
            draft.before = end;
        });
    }

    /**
     * @param least the least cost
     * @param most the greatest cost
     * @return a copy with them
     */
    public RequestFilter withCost(@Nullable BigDecimal least, @Nullable BigDecimal most) {
        return with(draft -> {
            draft.costAtLeast = least;
            draft.costAtMost = most;
        });
    }

    private RequestFilter with(Consumer<Draft> change) {
        Draft draft = new Draft();
        draft.keyHash = keyHash;
        draft.userId = userId;
        draft.teamId = teamId;
        draft.organizationId = organizationId;
        draft.endUser = endUser;
        draft.model = model;
        draft.tag = tag;
        draft.sessionId = sessionId;
        draft.requestId = requestId;
        draft.successful = successful;
        draft.from = from;
        draft.before = before;
        draft.costAtLeast = costAtLeast;
        draft.costAtMost = costAtMost;
        change.accept(draft);
        return draft.build();
    }

    /** The parts by name, so that no call has to hold all of them in order. */
    private static final class Draft {
        private @Nullable String keyHash;
        private @Nullable String userId;
        private @Nullable String teamId;
        private @Nullable String organizationId;
        private @Nullable String endUser;
        private @Nullable String model;
        private @Nullable String tag;
        private @Nullable String sessionId;
        private @Nullable String requestId;
        private @Nullable Boolean successful;
        private @Nullable Instant from;
        private @Nullable Instant before;
        private @Nullable BigDecimal costAtLeast;
        private @Nullable BigDecimal costAtMost;

        private RequestFilter build() {
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
                    costAtLeast,
                    costAtMost);
        }
    }
}
