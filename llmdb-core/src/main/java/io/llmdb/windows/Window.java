package io.llmdb.windows;

import java.time.Instant;

/**
 * One budget window.
 *
 * @param start its first instant
 * @param end the first instant of the next window
 */
public record Window(Instant start, Instant end) {

    /**
     * @param instant an instant
     * @return whether it lies in this window
     */
    public boolean contains(Instant instant) {
        return !instant.isBefore(start) && instant.isBefore(end);
    }
}
