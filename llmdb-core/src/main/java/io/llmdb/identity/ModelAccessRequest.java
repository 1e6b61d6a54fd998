package io.llmdb.identity;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A user's request for models.
 *
 * @param id its id
 * @param userId who asks
 * @param models for which models
 * @param justification why; may be empty
 * @param status what became of it
 * @param createdAt when it was made
 * @param decidedBy who decided; null: nobody yet
 * @param decidedAt when it was decided; null: not yet
 */
public record ModelAccessRequest(
        String id,
        String userId,
        List<String> models,
        String justification,
        ModelAccessStatus status,
        Instant createdAt,
        @Nullable String decidedBy,
        @Nullable Instant decidedAt) {

    /** Copies the list. */
    public ModelAccessRequest {
        models = List.copyOf(models);
    }
}
