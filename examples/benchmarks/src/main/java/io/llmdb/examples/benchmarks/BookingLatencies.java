package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Threads that book one event after the other. */
final class BookingLatencies implements AutoCloseable {

    private static final int THREADS = 8;

    private final List<Thread> threads = new ArrayList<>();
    private final List<Double> millis = new ArrayList<>();
    final AtomicLong booked = new AtomicLong();
    private volatile boolean closed;

    BookingLatencies(LlmDb db, TestDatabase database) {
        for (int i = 0; i < THREADS; i++) {
            int seed = 100 + i;
            Thread thread = new Thread(() -> {
                SpendEvents traffic =
                        SpendEvents.seeded(seed).from(database.clock().now().minusSeconds(600), 1_000_000);
                while (!closed) {
                    SpendEvent event = traffic.next();
                    long started = System.nanoTime();
                    db.spend().record(event);
                    booked.incrementAndGet();
                    synchronized (millis) {
                        millis.add((System.nanoTime() - started) / 1e6);
                    }
                }
            });
            thread.start();
            threads.add(thread);
        }
    }

    double[] during(Duration time) throws InterruptedException {
        take();
        Thread.sleep(time.toMillis());
        return take();
    }

    double[] take() {
        synchronized (millis) {
            double[] taken = millis.stream().mapToDouble(one -> one).toArray();
            millis.clear();
            return taken;
        }
    }

    @Override
    public void close() throws InterruptedException {
        closed = true;
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
