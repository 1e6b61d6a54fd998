package io.llmdb.keys;

import io.llmdb.error.InvalidArgumentException;
import java.time.Duration;

/**
 * How callers are kept and looked up.
 *
 * @param cacheSize how many callers are kept at most; 0 keeps none
 * @param cacheAge how long a caller is kept at most, however fresh the change feed says it is; nothing keeps none
 * @param unknownCacheSize how many keys are remembered at most as unknown; 0 remembers none
 * @param unknownCacheAge how long a key is remembered at most as unknown; nothing remembers none
 * @param unknownLookupsPerSecond how many queries a second at most may look for keys of which the instance knows that a
 *     moment ago there was none such; beyond that they are unknown without a query
 * @param maxStaleness how old what is known may be: older than that, a caller is read again. The promise that a change
 *     holds everywhere within a second rests on it
 * @param lookupTimeout how long a call waits for the database before it is unavailable, beside the pool's own time-out
 * @param allowWhenUnavailable whether known callers go on while the database cannot be read; false: they are refused
 */
public record AuthenticationSettings(
        int cacheSize,
        Duration cacheAge,
        int unknownCacheSize,
        Duration unknownCacheAge,
        int unknownLookupsPerSecond,
        Duration maxStaleness,
        Duration lookupTimeout,
        boolean allowWhenUnavailable) {

    /**
     * What counts where an {@link Authenticator} is used alone and nothing else is set. {@code LlmDb} takes sizes and
     * ages from its settings, whose defaults are others.
     */
    public static final AuthenticationSettings DEFAULT = new AuthenticationSettings(
            50_000,
            Duration.ofMinutes(10),
            10_000,
            Duration.ofSeconds(10),
            100,
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            false);

    /**
     * Checks.
     *
     * @throws InvalidArgumentException where the size or the age of a cache is negative, or another rate or time not
     *     positive
     */
    public AuthenticationSettings {
        notNegative("cacheSize", cacheSize < 0, cacheSize);
        notNegative("unknownCacheSize", unknownCacheSize < 0, unknownCacheSize);
        positive("unknownLookupsPerSecond", unknownLookupsPerSecond);
        notNegative("cacheAge", cacheAge.isNegative(), cacheAge);
        notNegative("unknownCacheAge", unknownCacheAge.isNegative(), unknownCacheAge);
        positive("maxStaleness", maxStaleness);
        positive("lookupTimeout", lookupTimeout);
    }

    /**
     * @param value how many callers are kept at most
     * @return a copy with it
     */
    public AuthenticationSettings withCacheSize(int value) {
        return new AuthenticationSettings(
                value,
                cacheAge,
                unknownCacheSize,
                unknownCacheAge,
                unknownLookupsPerSecond,
                maxStaleness,
                lookupTimeout,
                allowWhenUnavailable);
    }

    /**
     * @param value how long a caller is kept at most
     * @return a copy with it
     */
    public AuthenticationSettings withCacheAge(Duration value) {
        return new AuthenticationSettings(
                cacheSize,
                value,
                unknownCacheSize,
                unknownCacheAge,
                unknownLookupsPerSecond,
                maxStaleness,
                lookupTimeout,
                allowWhenUnavailable);
    }

    /**
     * @param value how many queries a second at most may look for keys that seem to be unknown
     * @return a copy with it
     */
    public AuthenticationSettings withUnknownLookupsPerSecond(int value) {
        return new AuthenticationSettings(
                cacheSize,
                cacheAge,
                unknownCacheSize,
                unknownCacheAge,
                value,
                maxStaleness,
                lookupTimeout,
                allowWhenUnavailable);
    }

    /**
     * @param value how long a call waits for the database
     * @return a copy with it
     */
    public AuthenticationSettings withLookupTimeout(Duration value) {
        return new AuthenticationSettings(
                cacheSize,
                cacheAge,
                unknownCacheSize,
                unknownCacheAge,
                unknownLookupsPerSecond,
                maxStaleness,
                value,
                allowWhenUnavailable);
    }

    /**
     * @param value {@code allow_requests_on_db_unavailable}
     * @return a copy with it
     */
    public AuthenticationSettings withAllowWhenUnavailable(boolean value) {
        return new AuthenticationSettings(
                cacheSize,
                cacheAge,
                unknownCacheSize,
                unknownCacheAge,
                unknownLookupsPerSecond,
                maxStaleness,
                lookupTimeout,
                value);
    }

    private static void notNegative(String name, boolean negative, Object value) {
        if (negative) {
            throw new InvalidArgumentException(name + " " + value + ": use nothing or more");
        }
    }

    private static void positive(String name, int value) {
        if (value < 1) {
            throw new InvalidArgumentException(name + " " + value + ": use at least 1");
        }
    }

    private static void positive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new InvalidArgumentException(name + " " + value + ": use more than nothing");
        }
    }
}
