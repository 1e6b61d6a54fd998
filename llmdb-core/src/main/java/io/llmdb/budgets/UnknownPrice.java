package io.llmdb.budgets;

/**
 * What is reserved for a call under a budget that comes without an estimate. What is booked is the event's cost,
 * whatever was reserved.
 */
public enum UnknownPrice {
    /** Nothing; the call is refused with {@link UnknownPriceException}. */
    REFUSE,
    /** Nothing; the call is admitted. */
    ALLOW,
    /** A fixed amount from the settings. */
    FIXED
}
