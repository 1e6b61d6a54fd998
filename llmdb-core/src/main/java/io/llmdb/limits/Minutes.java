package io.llmdb.limits;

import java.time.Instant;

/** Minutes since the epoch: the windows of limits per minute are those of the clock on the wall, in UTC. */
final class Minutes {

    private Minutes() {}

    static long of(Instant instant) {
        return Math.floorDiv(instant.getEpochSecond(), 60L);
    }

    static Instant end(long minute) {
        return Instant.ofEpochSecond((minute + 1) * 60);
    }
}
