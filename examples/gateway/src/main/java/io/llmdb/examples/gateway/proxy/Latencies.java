package io.llmdb.examples.gateway.proxy;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAccumulator;

/**
 * How long something took, in a fixed amount of memory: buckets that are 1 % wide, from a microsecond to some minutes.
 * Safe for use by several threads.
 */
public final class Latencies {

    private static final double WIDTH = Math.log(1.01);
    private static final int BUCKETS = 2_000;

    private final AtomicLongArray counts = new AtomicLongArray(BUCKETS);
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);

    /** @param nanos how long it took once */
    public void add(long nanos) {
        double micros = Math.max(1, nanos / 1_000.0);
        counts.incrementAndGet(Math.min(BUCKETS - 1, (int) (Math.log(micros) / WIDTH)));
        longest.accumulate(nanos);
    }

    /** @return how often it was measured */
    public long count() {
        long sum = 0;
        for (int i = 0; i < BUCKETS; i++) {
            sum += counts.get(i);
        }
        return sum;
    }

    /**
     * @param percent from 0 to 100
     * @return so many percent took at most so many milliseconds; 0 where nothing was measured
     */
    public double millis(double percent) {
        long total = count();
        long rank = Math.max(1, (long) Math.ceil(total * percent / 100));
        long sum = 0;
        for (int i = 0; i < BUCKETS && total > 0; i++) {
            sum += counts.get(i);
            if (sum >= rank) {
                return Math.min(Math.exp((i + 1) * WIDTH) / 1_000, maxMillis());
            }
        }
        return 0;
    }

    /** @return the longest, in milliseconds */
    public double maxMillis() {
        return longest.get() / 1e6;
    }
}
