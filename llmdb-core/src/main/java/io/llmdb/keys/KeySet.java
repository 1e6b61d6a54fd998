package io.llmdb.keys;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Remembers which keys there are in about 32 bits each, so that invented ones can be told without asking (a Bloom
 * filter). Says yes for every key that was added, and for about one in 25,000 that was not; with more keys than it was
 * made for, for more. Safe for use by several threads.
 */
final class KeySet {

    private static final int BITS_PER_KEY = 24;
    private static final int PROBES = 8;

    /** 64 MB, enough for twenty million keys; since room is left for as many again, for half of that at the start. */
    private static final long MOST_BITS = 1L << 29;

    private final AtomicLongArray words;
    private final long mask;
    private final long capacity;
    private final AtomicInteger added = new AtomicInteger();

    private KeySet(long bits) {
        this.words = new AtomicLongArray((int) (bits >>> 6));
        this.mask = bits - 1;
        this.capacity = bits / BITS_PER_KEY;
    }

    static boolean canHold(long keys) {
        return keys * BITS_PER_KEY <= MOST_BITS;
    }

    /** @param keys how many keys to expect; {@link #canHold} is true for it */
    static KeySet forKeys(long keys) {
        long bits = Math.max(1L << 16, keys * BITS_PER_KEY);
        return new KeySet(Math.min(MOST_BITS, Long.highestOneBit(bits - 1) << 1));
    }

    /** Whether so many were added that it says yes too often. */
    boolean isFull() {
        return added.get() > capacity;
    }

    void add(KeyDigest key) {
        for (int probe = 0; probe < PROBES; probe++) {
            long bit = bit(key, probe);
            int word = (int) (bit >>> 6);
            long flag = 1L << bit;
            long before = words.get(word);
            while ((before & flag) == 0 && !words.compareAndSet(word, before, before | flag)) {
                before = words.get(word);
            }
        }
        added.incrementAndGet();
    }

    boolean mayContain(KeyDigest key) {
        for (int probe = 0; probe < PROBES; probe++) {
            long bit = bit(key, probe);
            if ((words.get((int) (bit >>> 6)) & (1L << bit)) == 0) {
                return false;
            }
        }
        return true;
    }

    /** SHA-256 is as random as can be, so its parts are the hash functions. */
    private long bit(KeyDigest key, int probe) {
        return (key.b() + probe * (key.c() | 1)) & mask;
    }
}
