package io.llmdb.usage;

import java.time.Instant;
import java.util.UUID;

/**
 * A row of the error log.
 *
 * @param id the request's id of ours
 * @param requestId the id that the caller or the provider gave; may be empty
 * @param model the model that was called
 * @param modelGroup the group of models that was asked for; empty: none
 * @param modelId the deployment; empty: none
 * @param apiBase where the request went to; empty: nowhere
 * @param exceptionType what went wrong
 * @param message in the words of who found it
 * @param statusCode the provider's or the proxy's status; empty: none
 * @param request what the proxy noted of the request, JSON
 * @param startTime when the request started
 * @param endTime when it ended
 */
public record LoggedError(
        UUID id,
        String requestId,
        String model,
        String modelGroup,
        String modelId,
        String apiBase,
        String exceptionType,
        String message,
        String statusCode,
        String request,
        Instant startTime,
        Instant endTime) {}
