package io.llmdb.budgets;

/** What happens to a request under a budget where its price is not known. */
public enum UnknownPrice {
    /** Refused with {@link UnknownPriceException}. */
    REFUSE,
    /** Admitted with nothing reserved; its cost is booked where it becomes known. */
    ALLOW,
    /** Reserved with a fixed price from the settings. */
    FIXED
}
