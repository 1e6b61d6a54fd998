package io.llmdb.keys;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.ChangeFeed;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Values from the database that are never older than they may be.
 *
 * <p>A value is fresh while it was read, or the change feed was, a short time ago: the feed removes what changed. Where
 * neither is so the value is read again, or trusted all the same where the settings say so. What was not there is
 * remembered too, apart, so that a flood of it pushes nothing else out.
 *
 * <p>What a query returns is kept only where no change was told since the query began, so an older state is never put
 * back.
 *
 * @param <K> keys
 * @param <V> values
 */
final class FreshCache<K, V> {

    /** The feed is read several times in this time while the database answers. */
    private static final Duration AWAY_AFTER = Duration.ofSeconds(2);

    /** A machine that stood still itself needs a moment to see that the database is there. */
    private static final Duration AWAY_GRACE = Duration.ofMillis(250);

    private static final int READS = 3;

    private final ChangeFeed feed;
    private final AuthenticationSettings settings;
    private final long maxStaleNanos;
    private final long maxAgeNanos;
    private final long maxUnknownAgeNanos;
    private final boolean allowStale;
    private final BatchReader<K, V> reader;
    private final Cache<K, Entry<V>> known;
    private final Cache<K, Entry<V>> unknown;

    private final Epoch epoch = new Epoch();
    private final LongAdder hits = new LongAdder();
    private final LongAdder unknownHits = new LongAdder();
    private final LongAdder misses = new LongAdder();
    private final LongAdder queries = new LongAdder();

    /**
     * @param value null: there is none
     * @param validAt an instant at which it was so, by {@link System#nanoTime()}
     * @param readAt the same before the query that its oldest part is from
     */
    record Entry<V>(@Nullable V value, long validAt, long readAt) {}

    /**
     * @param size how many values are kept
     * @param pace limits queries for what nobody vouches for; null: nothing does
     */
    FreshCache(
            ChangeFeed feed,
            AuthenticationSettings settings,
            int size,
            @Nullable TokenBucket pace,
            BatchReader.Source<K, V> source) {
        this.feed = feed;
        this.settings = settings;
        this.maxStaleNanos = settings.maxStaleness().toNanos();
        this.maxAgeNanos = settings.cacheAge().toNanos();
        this.maxUnknownAgeNanos = settings.unknownCacheAge().toNanos();
        this.allowStale = settings.allowWhenUnavailable();
        this.known = cache(size);
        this.unknown = cache(settings.unknownCacheSize());
        this.reader = new BatchReader<>(
                (keys, found) -> {
                    queries.increment();
                    int trips = source.read(keys, found);
                    queries.add(trips - 1);
                    return trips;
                },
                this::answer,
                this::put,
                epoch::now,
                pace,
                settings.lookupTimeout());
    }

    /** Evicts on the thread that puts: that takes a microsecond, to wake another thread for it takes many. */
    static <K, V> Cache<K, V> cache(int size) {
        return Caffeine.newBuilder().executor(Runnable::run).maximumSize(size).build();
    }

    /** A value that is kept and may be used, or null. */
    @Nullable
    V kept(K key) {
        long heardAt = feed.readAt();
        Entry<V> entry = known.getIfPresent(key);
        if (entry == null || !isUsable(entry, heardAt)) {
            return null;
        }
        hits.increment();
        return entry.value;
    }

    /** Whether it is kept that there is no such value. */
    boolean isKnownToBeAbsent(K key) {
        long heardAt = feed.readAt();
        Entry<V> entry = unknown.getIfPresent(key);
        if (entry == null || !isUsable(entry, heardAt)) {
            return false;
        }
        unknownHits.increment();
        return true;
    }

    /** A kept value, or one that is read now; null where there is none. */
    @Nullable
    V get(K key) {
        V value = kept(key);
        return value != null || isKnownToBeAbsent(key) ? value : read(key, true);
    }

    /**
     * Reads a value.
     *
     * @param vouched whether the query need not be paced
     * @throws DatabaseUnavailableException where the database cannot be reached or does not answer in time
     */
    @Nullable
    V read(K key, boolean vouched) {
        misses.increment();
        for (int attempt = 1; ; attempt++) {
            refuseWhileAway();
            BatchReader.Answer<V> answer = reader.read(key, vouched);
            if (isFresh(answer) || attempt == READS && allowStale) {
                return answer.value();
            }
            if (attempt == READS) {
                throw new DatabaseUnavailableException("The database answers more slowly than "
                        + settings.maxStaleness().toMillis() + " ms, so what it says is out of date");
            }
        }
    }

    /** Whether the feed was read lately, so that what is kept is complete as far as it goes. */
    boolean isFeedFresh() {
        return feed.nanosBehind(System.nanoTime()) <= maxStaleNanos;
    }

    /** Removes what is kept of some keys, and of what is being read. */
    void remove(Iterable<K> keys) {
        epoch.next();
        for (K key : keys) {
            known.invalidate(key);
            unknown.invalidate(key);
        }
    }

    /** Removes what is kept of some values, and of what is being read. Looks at all that is kept. */
    void removeIf(Predicate<V> condition) {
        epoch.next();
        known.asMap().values().removeIf(entry -> entry.value != null && condition.test(entry.value));
    }

    /** Removes all that is kept. */
    void clear() {
        epoch.next();
        known.invalidateAll();
        unknown.invalidateAll();
    }

    CacheMetrics metrics() {
        return new CacheMetrics(
                hits.sum(),
                unknownHits.sum(),
                misses.sum(),
                queries.sum(),
                known.estimatedSize(),
                unknown.estimatedSize());
    }

    /** What is kept of a key and may be used, also that there is no value, as the query that read it would say it. */
    private BatchReader.@Nullable Answer<V> answer(K key) {
        // Before the entry: what is told in between makes the answer older, not newer.
        long present = epoch.now();
        long heardAt = feed.readAt();
        Entry<V> entry = known.getIfPresent(key);
        if (entry == null) {
            entry = unknown.getIfPresent(key);
        }
        if (entry == null || !isUsable(entry, heardAt)) {
            return null;
        }
        return new BatchReader.Answer<>(entry.value, entry.validAt, entry.readAt, present);
    }

    /**
     * @param heardAt when the feed was read that vouches for the entry; taken before the entry, which an answer in
     *     between may take away
     */
    private boolean isUsable(Entry<V> entry, long heardAt) {
        long now = System.nanoTime();
        long age = now - entry.readAt;
        if (now - entry.validAt <= maxStaleNanos || now - heardAt <= maxStaleNanos) {
            return age <= (entry.value == null ? maxUnknownAgeNanos : maxAgeNanos);
        }
        return allowStale && entry.value != null;
    }

    /** So a short time ago, or nothing was told since and the feed is read. */
    private boolean isFresh(BatchReader.Answer<V> answer) {
        return System.nanoTime() - answer.validAt() <= maxStaleNanos || answer.epoch() == epoch.now() && isFeedFresh();
    }

    /** While the database is away nobody queues up for it: the feed finds out when it is back. */
    private void refuseWhileAway() {
        if (feed.hasBeenRead()
                && feed.nanosBehind(System.nanoTime()) > AWAY_AFTER.toNanos()
                && !feed.awaitReadWithin(AWAY_AFTER.toNanos(), AWAY_GRACE.toNanos())) {
            throw new DatabaseUnavailableException("The database has not answered for "
                    + TimeUnit.NANOSECONDS.toMillis(feed.nanosBehind(System.nanoTime())) + " ms");
        }
    }

    private void put(K key, BatchReader.Answer<V> answer) {
        Entry<V> entry = new Entry<>(answer.value(), answer.validAt(), answer.readAt());
        epoch.ifStill(answer.epoch(), () -> {
            if (answer.value() == null) {
                unknown.put(key, entry);
                known.invalidate(key);
            } else {
                known.put(key, entry);
                unknown.invalidate(key);
            }
        });
    }
}
