package io.llmdb.identity;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which end users a list shows, and in which order. Conditions that are null let all through.
 *
 * @param idPart a part of the id, in upper or lower case; null: any
 * @param aliasPart a part of the alias, in upper or lower case; null: any
 * @param budgetId the budget row that it links; null: any
 * @param blocked whether it is blocked; null: any
 * @param allowedModelRegion the region that models must be in; null: any
 * @param order in which order
 */
public record EndUserFilter(
        @Nullable String idPart,
        @Nullable String aliasPart,
        @Nullable String budgetId,
        @Nullable Boolean blocked,
        @Nullable String allowedModelRegion,
        Order order) {

    /** The orders of the list; equal ones are ordered by id. */
    public enum Order {
        /** By id. */
        ID,
        /** The newest first. */
        NEWEST,
        /** The oldest first. */
        OLDEST,
        /** Those that spent most in the current window first. */
        MOST_SPENT
    }

    /** Checks the order. */
    public EndUserFilter {
        Objects.requireNonNull(order, "order");
    }

    /** @return all of them, in the order ID */
    public static EndUserFilter all() {
        return new EndUserFilter(null, null, null, null, null, Order.ID);
    }

    /**
     * @param value a part of the id, in upper or lower case
     * @return a copy with it
     */
    public EndUserFilter withIdPart(String value) {
        return new EndUserFilter(value, aliasPart, budgetId, blocked, allowedModelRegion, order);
    }

    /**
     * @param value a part of the alias, in upper or lower case
     * @return a copy with it
     */
    public EndUserFilter withAliasPart(String value) {
        return new EndUserFilter(idPart, value, budgetId, blocked, allowedModelRegion, order);
    }

    /**
     * @param value the budget row that it links
     * @return a copy with it
     */
    public EndUserFilter withBudgetId(String value) {
        return new EndUserFilter(idPart, aliasPart, value, blocked, allowedModelRegion, order);
    }

    /**
     * @param value whether it is blocked
     * @return a copy with it
     */
    public EndUserFilter withBlocked(Boolean value) {
        return new EndUserFilter(idPart, aliasPart, budgetId, value, allowedModelRegion, order);
    }

    /**
     * @param value the region that models must be in
     * @return a copy with it
     */
    public EndUserFilter withAllowedModelRegion(String value) {
        return new EndUserFilter(idPart, aliasPart, budgetId, blocked, value, order);
    }

    /**
     * @param value in which order
     * @return a copy with it
     */
    public EndUserFilter withOrder(Order value) {
        return new EndUserFilter(idPart, aliasPart, budgetId, blocked, allowedModelRegion, value);
    }
}
