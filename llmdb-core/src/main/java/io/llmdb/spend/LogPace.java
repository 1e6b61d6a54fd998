package io.llmdb.spend;

import java.util.concurrent.TimeUnit;

/** Lets something be told every ten seconds at most. Safe for use by several threads. */
final class LogPace {

    private static final long EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

    private long last = System.nanoTime() - EVERY_NANOS;

    /** Whether it is time to tell it again; then it is taken for told. */
    synchronized boolean mayLog() {
        boolean may = System.nanoTime() - last > EVERY_NANOS;
        if (may) {
            last = System.nanoTime();
        }
        return may;
    }
}
