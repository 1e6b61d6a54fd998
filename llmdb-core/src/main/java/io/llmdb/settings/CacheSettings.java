package io.llmdb.settings;

import java.time.Duration;
import java.util.Objects;

/**
 * What is kept in memory of callers, and how soon a change made elsewhere is seen.
 *
 * @param callerSize {@code llmdb.caller_cache_size}: the most callers that are kept; 0 keeps none
 * @param callerAge {@code llmdb.caller_cache_age}: how long a caller is kept without being read again
 * @param unknownKeySize {@code llmdb.unknown_key_cache_size}: the most keys that are remembered as unknown; 0 remembers
 *     none
 * @param unknownKeyAge {@code llmdb.unknown_key_cache_age}: how long a key is remembered as unknown
 * @param changePollInterval {@code llmdb.change_poll_interval}: how often an instance looks for changes that others
 *     made; with more than 800 ms a change may take longer than 1 s to hold everywhere
 */
public record CacheSettings(
        int callerSize, Duration callerAge, int unknownKeySize, Duration unknownKeyAge, Duration changePollInterval) {

    /** Most cached callers. */
    public static final int DEFAULT_CALLER_SIZE = 100_000;

    /** Longest life of a cached caller. */
    public static final Duration DEFAULT_CALLER_AGE = Duration.ofSeconds(60);

    /** Most cached unknown keys. */
    public static final int DEFAULT_UNKNOWN_KEY_SIZE = 100_000;

    /** Longest life of a cached unknown key. */
    public static final Duration DEFAULT_UNKNOWN_KEY_AGE = Duration.ofSeconds(5);

    /** Time between two looks for changes. */
    public static final Duration DEFAULT_CHANGE_POLL_INTERVAL = Duration.ofMillis(250);

    /** Checks that what cannot be absent is there. */
    public CacheSettings {
        Objects.requireNonNull(callerAge, "callerAge");
        Objects.requireNonNull(unknownKeyAge, "unknownKeyAge");
        Objects.requireNonNull(changePollInterval, "changePollInterval");
    }

    static CacheSettings of(Values values) {
        return new CacheSettings(
                values.get(Known.CALLER_CACHE_SIZE),
                values.get(Known.CALLER_CACHE_AGE),
                values.get(Known.UNKNOWN_KEY_CACHE_SIZE),
                values.get(Known.UNKNOWN_KEY_CACHE_AGE),
                values.get(Known.CHANGE_POLL_INTERVAL));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * The most callers that are kept.
         *
         * @param value from 0, which keeps none, to 100,000,000
         * @return this
         */
        public Builder callerSize(int value) {
            overrides.put(Known.CALLER_CACHE_SIZE, value);
            return this;
        }

        /**
         * How long a caller is kept without being read again.
         *
         * @param value from 0 to a day
         * @return this
         */
        public Builder callerAge(Duration value) {
            overrides.put(Known.CALLER_CACHE_AGE, value);
            return this;
        }

        /**
         * The most keys that are remembered as unknown.
         *
         * @param value from 0, which remembers none, to 100,000,000
         * @return this
         */
        public Builder unknownKeySize(int value) {
            overrides.put(Known.UNKNOWN_KEY_CACHE_SIZE, value);
            return this;
        }

        /**
         * How long a key is remembered as unknown.
         *
         * @param value from 0 to an hour
         * @return this
         */
        public Builder unknownKeyAge(Duration value) {
            overrides.put(Known.UNKNOWN_KEY_CACHE_AGE, value);
            return this;
        }

        /**
         * How often an instance looks for changes that others made.
         *
         * @param value from 10 ms to a minute; with more than 800 ms a change may take longer than 1 s to hold
         *     everywhere
         * @return this
         */
        public Builder changePollInterval(Duration value) {
            overrides.put(Known.CHANGE_POLL_INTERVAL, value);
            return this;
        }
    }
}
