package io.llmdb.models;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which stored models a list shows, and in which order. Conditions that are null let all through.
 *
 * @param namePart a part of the name, in upper or lower case; null: any
 * @param blocked whether it is blocked; null: any
 * @param order in which order
 */
public record ProxyModelFilter(
        @Nullable String namePart, @Nullable Boolean blocked, Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By name. */
        NAME,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST
    }

    /** Checks the order. */
    public ProxyModelFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order NAME */
    public static ProxyModelFilter all() {
        return new ProxyModelFilter(null, null, Order.NAME);
    }

    /**
     * @param value a part of the name, in upper or lower case
     * @return a copy with it
     */
    public ProxyModelFilter withNamePart(String value) {
        return new ProxyModelFilter(value, blocked, order);
    }

    /**
     * @param value whether it is blocked
     * @return a copy with it
     */
    public ProxyModelFilter withBlocked(Boolean value) {
        return new ProxyModelFilter(namePart, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public ProxyModelFilter withOrder(Order value) {
        return new ProxyModelFilter(namePart, blocked, value);
    }
}
