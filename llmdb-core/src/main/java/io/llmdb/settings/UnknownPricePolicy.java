package io.llmdb.settings;

/** What happens to a request under a budget whose model has no price. */
public enum UnknownPricePolicy {
    /** It is refused: a budget that cannot be counted cannot hold. */
    REFUSE,
    /** It is let through and costs nothing. */
    ALLOW,
    /** It is let through and costs {@code unknown_price}. */
    FIXED
}
