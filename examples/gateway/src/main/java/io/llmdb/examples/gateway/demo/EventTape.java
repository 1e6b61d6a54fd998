package io.llmdb.examples.gateway.demo;

import io.llmdb.spend.SpendBatch;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendLogSink;
import java.math.BigDecimal;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A sink as a proxy adds one of its own: it hears of every request that was booked, whether or not the spend log is
 * kept. This one remembers them for the check of the books.
 */
public final class EventTape implements SpendLogSink {

    private final Queue<SpendEvent> events = new ConcurrentLinkedQueue<>();
    /** Written by one thread at a time, as sinks are called. */
    private volatile BigDecimal spend = BigDecimal.ZERO;

    private volatile boolean recording = true;

    @Override
    public void write(SpendBatch batch) {
        BigDecimal sum = spend;
        for (SpendEvent event : batch.events()) {
            sum = sum.add(event.cost());
            if (recording) {
                events.add(event);
            }
        }
        spend = sum;
    }

    /** Keeps no further events, for a gateway that stays up. */
    public void stop() {
        recording = false;
    }

    /** @return what was booked */
    public List<SpendEvent> events() {
        return List.copyOf(events);
    }

    /** @return the sum of all costs */
    public BigDecimal spend() {
        return spend;
    }
}
