package io.llmdb.identity;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A link by which a user comes in for the first time. Its id lets its holder in, so treat it like a password until it
 * is used.
 *
 * @param id the secret part of the link
 * @param userId the user who is invited
 * @param acceptedAt when it was used; null: not yet
 * @param expiresAt its end
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited; spending is no edit
 * @param updatedBy who edited it last; empty: unknown
 */
public record Invitation(
        String id,
        String userId,
        @Nullable Instant acceptedAt,
        Instant expiresAt,
        Instant createdAt,
        String createdBy,
        Instant updatedAt,
        String updatedBy) {

    /** @return whether it was used */
    public boolean isAccepted() {
        return acceptedAt != null;
    }

    /** @return all parts; of an unused link not its id */
    @Override
    public String toString() {
        return "Invitation[id=" + (acceptedAt == null ? "***" : id) + ", userId=" + userId + ", acceptedAt="
                + acceptedAt + ", expiresAt=" + expiresAt + ", createdAt=" + createdAt + ", createdBy=" + createdBy
                + ", updatedAt=" + updatedAt + ", updatedBy=" + updatedBy + "]";
    }
}
