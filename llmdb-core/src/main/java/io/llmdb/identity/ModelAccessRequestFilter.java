package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which requests a list shows, and in which order. Conditions that are null let all through.
 *
 * @param userId who asks; null: any
 * @param status what became of it; null: any
 * @param order in which order
 */
public record ModelAccessRequestFilter(
        @Nullable String userId, @Nullable ModelAccessStatus status, Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST
    }

    /** Checks the order. */
    public ModelAccessRequestFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order NEWEST */
    public static ModelAccessRequestFilter all() {
        return new ModelAccessRequestFilter(null, null, Order.NEWEST);
    }

    /**
     * @param value who asks
     * @return a copy with it
     */
    public ModelAccessRequestFilter withUserId(String value) {
        return new ModelAccessRequestFilter(value, status, order);
    }

    /**
     * @param value what became of it
     * @return a copy with it
     */
    public ModelAccessRequestFilter withStatus(ModelAccessStatus value) {
        return new ModelAccessRequestFilter(userId, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public ModelAccessRequestFilter withOrder(Order value) {
        return new ModelAccessRequestFilter(userId, status, value);
    }
}
