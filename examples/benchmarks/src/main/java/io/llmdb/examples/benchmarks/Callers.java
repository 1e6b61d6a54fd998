package io.llmdb.examples.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;

/** Threads that do something a number of times, at once, and how long each time took. */
final class Callers {

    /**
     * @param perSecond how often it was done a second, all callers together
     * @param medianMicros the median time of one call, in µs
     * @param p99Micros what 99 of 100 calls stay under, in µs
     */
    record Speed(double perSecond, double medianMicros, double p99Micros) {}

    private Callers() {}

    /**
     * One thread that does not wait for an answer before it does the next, but has so many on their way at most.
     *
     * @param work gets the numbers from 0 to count - 1; completed when it is done
     * @return how many were done a second
     */
    @SuppressWarnings("FutureReturnValueIgnored") // The semaphore tells when all are done.
    static double onTheirWay(int most, int count, IntFunction<CompletableFuture<Void>> work)
            throws InterruptedException {
        Semaphore free = new Semaphore(most);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            free.acquire();
            work.apply(i).whenComplete((nothing, failed) -> {
                failure.compareAndSet(null, failed);
                free.release();
            });
        }
        free.acquire(most);
        double seconds = (System.nanoTime() - start) / 1e9;
        if (failure.get() != null) {
            throw new IllegalStateException("A call failed", failure.get());
        }
        return count / seconds;
    }

    /** @param work gets the numbers from 0 to callers × each - 1, every one once */
    static Speed run(int callers, int each, IntConsumer work) throws InterruptedException {
        long[] nanos = new long[callers * each];
        CountDownLatch ready = new CountDownLatch(callers);
        CountDownLatch go = new CountDownLatch(1);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int caller = 0; caller < callers; caller++) {
            int from = caller * each;
            Thread thread = new Thread(() -> {
                try {
                    ready.countDown();
                    go.await();
                    for (int i = from; i < from + each; i++) {
                        long start = System.nanoTime();
                        work.accept(i);
                        nanos[i] = System.nanoTime() - start;
                    }
                } catch (InterruptedException | RuntimeException | Error e) {
                    failure.compareAndSet(null, e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        ready.await();
        long start = System.nanoTime();
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        Throwable failed = failure.get();
        if (failed != null) {
            throw new IllegalStateException("A caller failed", failed);
        }
        Arrays.sort(nanos);
        return new Speed(
                nanos.length / seconds, nanos[nanos.length / 2] / 1e3, nanos[(int) (nanos.length * 0.99)] / 1e3);
    }
}
