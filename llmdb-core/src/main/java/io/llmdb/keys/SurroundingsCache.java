package io.llmdb.keys;

import com.github.benmanes.caffeine.cache.Cache;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.keys.Surroundings.Links;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * What keys that were read had around them, for other keys with the same links: of such a key its own row is all that
 * the database has to be asked for. Each is as one query read it, and as fresh as a kept caller would have to be.
 *
 * <p>Tells, too, whether asking for the key's row alone pays: where what is around it is not here after all, a second
 * round trip has to fetch it. Safe for use by several threads.
 */
final class SurroundingsCache {

    /** Of so many keys in a thousand what is around them must have been here lately. */
    private static final int PAYS_FROM = 900;

    private static final int ALL = 1000;

    /** How much of the share is forgotten with each key: one part of so many. */
    private static final int MEMORY = 16;

    private final ChangeFeed feed;
    private final long maxStaleNanos;
    private final long maxAgeNanos;
    private final Cache<Links, Kept> cache;
    private final Epoch epoch = new Epoch();
    private final LongAdder found = new LongAdder();

    /** An estimate; an update that is lost among threads does no harm. */
    private volatile int share;

    /**
     * @param readAt {@link System#nanoTime()} before the query that read it
     * @param validAt an instant at which it was still so, by {@link System#nanoTime()}
     */
    record Kept(Surroundings value, long readAt, long validAt) {}

    SurroundingsCache(ChangeFeed feed, AuthenticationSettings settings) {
        this.feed = feed;
        this.maxStaleNanos = settings.maxStaleness().toNanos();
        this.maxAgeNanos = settings.cacheAge().toNanos();
        this.cache = FreshCache.cache(settings.cacheSize());
    }

    /** Whether what is around the next key is likely to be here. */
    boolean pays() {
        return share >= PAYS_FROM;
    }

    /** To be taken before the query whose answer is to be kept. */
    long epoch() {
        return epoch.now();
    }

    /** What is around a key with these links, where it is known to have been so a moment ago. */
    @Nullable
    Kept find(Links links) {
        Kept kept = fresh(links);
        if (kept != null) {
            found.increment();
            count(true);
        }
        return kept;
    }

    /**
     * Keeps what is around a key that was read whole.
     *
     * @param readAt {@link System#nanoTime()} before the query
     * @param epochBefore the epoch before the query
     */
    void put(Links links, Surroundings value, long readAt, long epochBefore) {
        count(fresh(links) != null);
        Kept kept = new Kept(value, readAt, readAt);
        // Two keys' queries may end in another order than they read.
        epoch.ifStill(
                epochBefore,
                () -> cache.asMap().merge(links, kept, (one, other) -> one.readAt - other.readAt > 0 ? one : other));
    }

    /** How many callers needed no more than their key's row. */
    long found() {
        return found.sum();
    }

    private @Nullable Kept fresh(Links links) {
        // Before the entry, which an answer of the feed in between may take away.
        long heardAt = feed.readAt();
        Kept kept = cache.getIfPresent(links);
        if (kept == null) {
            return null;
        }
        long validAt = heardAt - kept.readAt > 0 ? heardAt : kept.readAt;
        long now = System.nanoTime();
        return now - validAt <= maxStaleNanos && now - kept.readAt <= maxAgeNanos
                ? new Kept(kept.value, kept.readAt, validAt)
                : null;
    }

    private void count(boolean isHere) {
        int before = share;
        share = before + ((isHere ? ALL : 0) - before) / MEMORY;
    }

    /** Removes what changed. Must come before what is made of it is removed from the callers. */
    void removeIf(BiPredicate<Links, Surroundings> condition) {
        epoch.next();
        cache.asMap().entrySet().removeIf(entry -> condition.test(entry.getKey(), entry.getValue().value));
    }

    void clear() {
        epoch.next();
        cache.invalidateAll();
    }
}
