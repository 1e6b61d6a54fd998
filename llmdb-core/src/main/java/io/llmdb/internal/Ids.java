package io.llmdb.internal;

import java.security.SecureRandom;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * UUIDs of version 7 (RFC 9562) whose time stamp is an instant that the caller gives, to the millisecond.
 *
 * <p>Our own few lines, because libraries stamp the present moment of their own clock, and an event's id must carry the
 * event's start by the database's clock. The 74 other bits are a counter sent through a bijection from a random start:
 * no two ids of one process are equal, and those of two processes meet by chance only. Ids are no secrets.
 */
public final class Ids {

    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final AtomicLong STATE = new AtomicLong(new SecureRandom().nextLong());
    private static final long SALT = new SecureRandom().nextLong();

    private Ids() {}

    /**
     * @param at the instant to stamp, not before 1970
     * @return a new id
     */
    public static UUID at(Instant at) {
        return of(at.toEpochMilli(), STATE.getAndAdd(GOLDEN));
    }

    /**
     * The same id for the same arguments, for events that are brought in from elsewhere more than once.
     *
     * @param at the instant to stamp
     * @param high more bits of what identifies the event
     * @param low more bits of what identifies the event
     * @return the id
     */
    public static UUID derived(Instant at, long high, long low) {
        long millis = at.toEpochMilli();
        return new UUID((millis << 16) | 0x7000L | (high & 0xFFFL), (low >>> 2) | 0x8000000000000000L);
    }

    /**
     * @param id an id that this class made
     * @return the milliseconds since 1970 that it carries
     */
    public static long epochMilli(UUID id) {
        return id.getMostSignificantBits() >>> 16;
    }

    private static UUID of(long millis, long state) {
        long low = mix(state);
        long high = mix(low ^ SALT);
        return new UUID((millis << 16) | 0x7000L | (high & 0xFFFL), (low >>> 2) | 0x8000000000000000L);
    }

    /** The finalizer of SplitMix64, a bijection. */
    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
