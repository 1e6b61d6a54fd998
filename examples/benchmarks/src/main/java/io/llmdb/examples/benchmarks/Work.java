package io.llmdb.examples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Callers that all do the same until something is used up or a time is over. */
final class Work {

    /** Does it once; false where it was refused. */
    interface Attempt {
        boolean succeeds() throws Exception;
    }

    private Work() {}

    /** Until each caller was refused once; fails beyond twice what is expected. Returns how often it succeeded. */
    static long untilRefused(int callers, int expected, Attempt attempt) throws Exception {
        return all(callers, () -> {
            long done = 0;
            while (attempt.succeeds()) {
                if (++done > 2L * expected) {
                    throw new IllegalStateException("There is no end to it");
                }
            }
            return done;
        });
    }

    /** Returns how often a second it was tried and succeeded. */
    static double forSeconds(int callers, int seconds, Attempt attempt) throws Exception {
        long start = System.nanoTime();
        long end = start + TimeUnit.SECONDS.toNanos(seconds);
        long done = all(callers, () -> {
            long succeeded = 0;
            while (System.nanoTime() - end < 0) {
                succeeded += attempt.succeeds() ? 1 : 0;
            }
            return succeeded;
        });
        return done / ((System.nanoTime() - start) / 1e9);
    }

    private static long all(int callers, Callable<Long> caller) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(callers);
        try {
            List<Future<Long>> running = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                running.add(pool.submit(caller));
            }
            long sum = 0;
            for (Future<Long> one : running) {
                sum += one.get();
            }
            return sum;
        } finally {
            pool.shutdownNow();
        }
    }
}
