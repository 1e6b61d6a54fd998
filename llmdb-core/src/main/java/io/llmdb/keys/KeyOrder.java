package io.llmdb.keys;

/** In which order keys are listed; keys that are equal in it, by hash. */
public enum KeyOrder {
    /** The newest first. */
    NEWEST_FIRST,
    /** The oldest first. */
    OLDEST_FIRST,
    /** The most spent in the current window first. */
    MOST_SPENT_FIRST,
    /** By alias; keys without one come last. */
    ALIAS,
    /** Those that end soonest first; keys without end come last. */
    EXPIRES_SOONEST_FIRST
}
