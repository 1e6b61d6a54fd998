package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which tags a list shows, and in which order. Conditions that are null let all through.
 *
 * @param namePart a part of the name, in upper or lower case; null: any
 * @param budgetId the budget row that it links; null: any
 * @param order in which order
 */
public record TagFilter(@Nullable String namePart, @Nullable String budgetId, Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By name. */
        NAME,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public TagFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order NAME */
    public static TagFilter all() {
        return new TagFilter(null, null, Order.NAME);
    }

    /**
     * @param value a part of the name, in upper or lower case
     * @return a copy with it
     */
    public TagFilter withNamePart(String value) {
        return new TagFilter(value, budgetId, order);
    }

    /**
     * @param value the budget row that it links
     * @return a copy with it
     */
    public TagFilter withBudgetId(String value) {
        return new TagFilter(namePart, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public TagFilter withOrder(Order value) {
        return new TagFilter(namePart, budgetId, value);
    }
}
