package io.llmdb.move;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/** Counts what a copy does and tells of it four times a second at most. Safe for use by several threads. */
final class Meter {

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(250);

    private final Consumer<MoveProgress> listener;
    private final long start = System.nanoTime();
    private final AtomicLong toldAt = new AtomicLong(start - PAUSE);
    private final LongAdder rows = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final AtomicInteger unitsDone = new AtomicInteger();
    private final int units;
    private final long plannedBytes;

    Meter(Consumer<MoveProgress> listener, int units, long plannedBytes) {
        this.listener = listener;
        this.units = units;
        this.plannedBytes = plannedBytes;
    }

    void bytes(String step, String table, long number) {
        bytes.add(number);
        tell(step, table, false);
    }

    void unitDone(String step, String table, long number) {
        rows.add(number);
        unitsDone.incrementAndGet();
        tell(step, table, true);
    }

    long bytes() {
        return bytes.sum();
    }

    private void tell(String step, String table, boolean always) {
        long now = System.nanoTime();
        long last = toldAt.get();
        if (!always && now - last < PAUSE || !toldAt.compareAndSet(last, now)) {
            return;
        }
        long moved = bytes.sum();
        double seconds = Math.max(1e-9, (now - start) / 1e9);
        Duration remaining = moved == 0 || plannedBytes == 0
                ? null
                : Duration.ofMillis(
                        (long) (1000 * seconds * ((double) Math.max(0, plannedBytes - moved) / (double) moved)));
        listener.accept(new MoveProgress(
                step, table, unitsDone.get(), units, rows.sum(), moved, (long) (moved / seconds), remaining));
    }
}
