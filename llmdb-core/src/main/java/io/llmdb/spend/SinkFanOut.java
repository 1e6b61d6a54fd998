package io.llmdb.spend;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands booked events to the sinks that are called after the commit, each on a thread of its own, so that a slow one
 * holds up itself alone.
 */
final class SinkFanOut implements AutoCloseable {

    /**
     * What may wait for a slow sink, each its own: about so many bytes, or one batch of any size. What comes beyond is
     * not given to it, counted and logged.
     */
    private static final long QUEUED_BYTES = 64 << 20;

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
            long bytes = lanes.isEmpty()
                    ? 0
                    : batch.events().stream().mapToLong(EventSize::of).sum();
            lanes.forEach(lane -> lane.offer(new Waiting(batch, bytes)));
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
            lane.giveUpTheRest();
            TransactionalSinks.close(lane.sink);
        }
    }

    private record Waiting(SpendBatch batch, long bytes) {}

    private final class Lane {
        private final SpendLogSink sink;
        private final BlockingQueue<Waiting> queue = new LinkedBlockingQueue<>();
        private final AtomicLong pending = new AtomicLong();
        private final AtomicLong bytes = new AtomicLong();
        private final Thread thread;
        private volatile boolean closed;
        private final LogPace pace = new LogPace();
        // Guarded by this.
        private long unsaid;

        private Lane(SpendLogSink sink) {
            this.sink = sink;
            this.thread = new Thread(this::run, "llmdb-sink-" + sink.getClass().getSimpleName());
            this.thread.setDaemon(true);
        }

        private void offer(Waiting waiting) {
            if (pending.getAndIncrement() > 0 && bytes.get() + waiting.bytes > QUEUED_BYTES) {
                pending.decrementAndGet();
                missed(waiting.batch, "is too slow to take", null);
            } else {
                bytes.addAndGet(waiting.bytes);
                queue.add(waiting);
            }
        }

        private void run() {
            while (!closed) {
                try {
                    Waiting waiting = queue.take();
                    try {
                        sink.write(waiting.batch);
                    } catch (RuntimeException | SQLException | Error e) {
                        missed(waiting.batch, "failed to take", e);
                    } finally {
                        done(waiting);
                    }
                } catch (InterruptedException e) {
                    LOG.debug("{} is closing", sink.getClass().getName());
                }
            }
        }

        private void done(Waiting waiting) {
            bytes.addAndGet(-waiting.bytes);
            pending.decrementAndGet();
        }

        private void giveUpTheRest() {
            long events = 0;
            for (Waiting waiting = queue.poll(); waiting != null; waiting = queue.poll()) {
                failures.increment();
                events += waiting.batch.events().size();
                done(waiting);
            }
            if (events > 0) {
                LOG.error(
                        "{} did not take {} events before it was closed",
                        sink.getClass().getName(),
                        events);
            }
        }

        /** A sink that fails does so for every batch, which need not all be told. */
        private synchronized void missed(SpendBatch batch, String how, @Nullable Throwable failure) {
            failures.increment();
            unsaid += batch.events().size();
            if (pace.mayLog()) {
                LOG.error("{} {} {} events", sink.getClass().getName(), how, unsaid, failure);
                unsaid = 0;
            }
        }
    }
}
