package io.llmdb.testkit;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A clock for Java code that stands still until a test moves it. Copies in other zones share its time. Safe for use by
 * several threads.
 */
public final class MovableClock extends Clock {

    private final AtomicReference<Instant> now;
    private final ZoneId zone;

    private MovableClock(AtomicReference<Instant> now, ZoneId zone) {
        this.now = now;
        this.zone = zone;
    }

    /**
     * A clock in UTC.
     *
     * @param instant what it shows
     * @return the clock
     */
    public static MovableClock at(Instant instant) {
        return new MovableClock(new AtomicReference<>(instant), ZoneOffset.UTC);
    }

    /**
     * Moves the clock.
     *
     * @param time how far; negative moves it back
     */
    public void advance(Duration time) {
        now.updateAndGet(instant -> instant.plus(time));
    }

    /**
     * Sets the clock.
     *
     * @param instant what it shows
     */
    public void set(Instant instant) {
        now.set(instant);
    }

    @Override
    public Instant instant() {
        return Objects.requireNonNull(now.get());
    }

    @Override
    public ZoneId getZone() {
        return zone;
    }

    @Override
    public Clock withZone(ZoneId other) {
        return new MovableClock(now, other);
    }

    @Override
    public String toString() {
        return "MovableClock[" + now.get() + "," + zone + "]";
    }
}
