package io.llmdb.usage;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A row of the spend log.
 *
 * @param id our own id
 * @param requestId the id that the caller or the provider gave; may be empty
 * @param callType what kind of call it was; may be empty
 * @param keyHash the virtual key's hash; empty: none
 * @param userId the user, or null
 * @param teamId the team, or null
 * @param organizationId the organization, or null
 * @param endUser the end user, or null
 * @param model the model that was called
 * @param modelGroup the group of models that was asked for, or null
 * @param provider who runs the model, or null
 * @param successful whether it was answered
 * @param cost what it cost, exact
 * @param promptTokens tokens of what was sent
 * @param completionTokens tokens of the answer
 * @param totalTokens tokens in all
 * @param startTime when it started
 * @param endTime when it ended
 * @param completionStartTime when the answer began, or null
 * @param cacheHit whether a cache answered, in the proxy's words, or null
 * @param sessionId the session, or null
 * @param tags the request's tags
 * @param requesterIp where it came from, or null
 * @param apiBase where it went to, or null
 * @param metadata what the proxy noted, JSON, or null
 */
public record LoggedRequest(
        UUID id,
        String requestId,
        String callType,
        String keyHash,
        @Nullable String userId,
        @Nullable String teamId,
        @Nullable String organizationId,
        @Nullable String endUser,
        String model,
        @Nullable String modelGroup,
        @Nullable String provider,
        boolean successful,
        BigDecimal cost,
        long promptTokens,
        long completionTokens,
        long totalTokens,
        Instant startTime,
        Instant endTime,
        @Nullable Instant completionStartTime,
        @Nullable String cacheHit,
        @Nullable String sessionId,
        List<String> tags,
        @Nullable String requesterIp,
        @Nullable String apiBase,
        @Nullable String metadata) {

    /** Copies the list. */
    public LoggedRequest {
        tags = List.copyOf(tags);
    }
}
