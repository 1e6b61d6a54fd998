package io.llmdb.identity;

import io.llmdb.common.BudgetDuration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which budget rows a list shows, and in which order. Conditions that are null let all through.
 *
 * @param idPart a part of the id, in upper or lower case; null: any
 * @param duration the length of its windows; null: any
 * @param owned whether it was made for one object; null: any
 * @param order in which order
 */
public record BudgetFilter(
        @Nullable String idPart,
        @Nullable BudgetDuration duration,
        @Nullable Boolean owned,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By id. */
        ID,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** The largest maximum first, unlimited ones before all. */
        LARGEST
    }

    /** Checks the order. */
    public BudgetFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static BudgetFilter all() {
        return new BudgetFilter(null, null, null, Order.ID);
    }

    /**
     * @param value a part of the id, in upper or lower case
     * @return a copy with it
     */
    public BudgetFilter withIdPart(String value) {
        return new BudgetFilter(value, duration, owned, order);
    }

    /**
     * @param value the length of its windows
     * @return a copy with it
     */
    public BudgetFilter withDuration(BudgetDuration value) {
        return new BudgetFilter(idPart, value, owned, order);
    }

    /**
     * @param value whether it was made for one object
     * @return a copy with it
     */
    public BudgetFilter withOwned(Boolean value) {
        return new BudgetFilter(idPart, duration, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public BudgetFilter withOrder(Order value) {
        return new BudgetFilter(idPart, duration, owned, value);
    }
}
