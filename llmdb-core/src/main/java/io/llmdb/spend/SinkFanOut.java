package io.llmdb.spend;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands booked events to the sinks that are called after the commit, each on a thread of its own, so that a slow one
 * holds up itself alone.
 */
final class SinkFanOut implements AutoCloseable {

    /** Batches that may wait for a slow sink. What comes when as many wait is not given to it, counted and logged. */
    private static final int QUEUED_BATCHES = 256;

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

    private static final Logger LOG = LoggerFactory.getLogger(SinkFanOut.class);

    private final List<Lane> lanes;
    private final LongAdder failures = new LongAdder();

    SinkFanOut(List<SpendLogSink> sinks) {
        this.lanes = sinks.stream().map(Lane::new).toList();
        lanes.forEach(lane -> lane.thread.start());
    }

    void offer(List<SpendEvent> events) {
        if (!events.isEmpty()) {
            SpendBatch batch = new SpendBatch(events, null);
            lanes.forEach(lane -> lane.offer(batch));
        }
    }

    long failures() {
        return failures.sum();
    }

    boolean flush(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        for (Lane lane : lanes) {
            while (lane.pending.get() > 0) {
                if (System.nanoTime() - deadline > 0) {
                    return false;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            }
        }
        return true;
    }

    @Override
    public void close() {
        flush(CLOSE_TIMEOUT);
        for (Lane lane : lanes) {
            lane.closed = true;
            lane.thread.interrupt();
            try {
                lane.thread.join(CLOSE_TIMEOUT.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            lane.sink.close();
        }
    }

    private final class Lane {
        private final SpendLogSink sink;
        private final BlockingQueue<SpendBatch> queue = new ArrayBlockingQueue<>(QUEUED_BATCHES);
        private final AtomicLong pending = new AtomicLong();
        private final Thread thread;
        private volatile boolean closed;

        private Lane(SpendLogSink sink) {
            this.sink = sink;
            this.thread = new Thread(this::run, "llmdb-sink-" + sink.getClass().getSimpleName());
            this.thread.setDaemon(true);
        }

        private void offer(SpendBatch batch) {
            pending.incrementAndGet();
            if (!queue.offer(batch)) {
                pending.decrementAndGet();
                failures.increment();
                LOG.error(
                        "{} is too slow: {} events were not given to it",
                        sink.getClass().getName(),
                        batch.events().size());
            }
        }

        private void run() {
            while (!closed) {
                try {
                    SpendBatch batch = queue.take();
                    try {
                        sink.write(batch);
                    } catch (RuntimeException | SQLException e) {
                        failures.increment();
                        LOG.error(
                                "{} failed to take {} events",
                                sink.getClass().getName(),
                                batch.events().size(),
                                e);
                    } finally {
                        pending.decrementAndGet();
                    }
                } catch (InterruptedException e) {
                    LOG.debug("{} is closing", sink.getClass().getName());
                }
            }
        }
    }
}
