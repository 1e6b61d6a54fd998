package io.llmdb.spend;

import io.llmdb.common.Meter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What {@link DeliveryMetrics} holds, one by one, for collectors. */
final class DeliveryMeters {

    private final Supplier<DeliveryMetrics> metrics;
    private final List<Meter> meters = new ArrayList<>();

    private DeliveryMeters(Supplier<DeliveryMetrics> metrics) {
        this.metrics = metrics;
    }

    static List<Meter> of(Supplier<DeliveryMetrics> metrics) {
        DeliveryMeters all = new DeliveryMeters(metrics);
        all.gauge("backlog.rows", "rows", "events that are accepted and not booked", DeliveryMetrics::backlogRows);
        all.gauge("backlog.bytes", "bytes", "memory that they take", DeliveryMetrics::backlogBytes);
        all.gauge(
                "backlog.oldest",
                "seconds",
                "how long the oldest of them has waited",
                now -> now.oldestAge().toMillis() / 1e3);
        all.gauge("journal.bytes", "bytes", "size of the journal's files", DeliveryMetrics::journalBytes);
        all.counter("accepted", "rows", "events that were taken", DeliveryMetrics::accepted);
        all.counter("booked", "rows", "events that this instance booked", DeliveryMetrics::booked);
        all.counter("repeated", "rows", "events that had been booked before", DeliveryMetrics::repeated);
        all.counter("contradicting", "rows", "events with the id of another", DeliveryMetrics::contradicting);
        all.counter("dead.letters", "rows", "events that were set aside", DeliveryMetrics::deadLetters);
        all.counter("blocked", "calls", "calls that waited for room", DeliveryMetrics::blocked);
        all.counter("refused", "rows", "events that found no room", DeliveryMetrics::refused);
        all.counter("spilled", "rows", "events that went to the journal for want of room", DeliveryMetrics::spilled);
        all.counter(
                "journal.set.aside",
                "pieces",
                "pieces of the journal and rows of the inbox that were not readable",
                DeliveryMetrics::setAside);
        all.counter("inbox.adopted", "rows", "events of other instances from the inbox", DeliveryMetrics::adopted);
        all.counter("batches", "transactions", "transactions that booked", DeliveryMetrics::batches);
        all.counter("retries", "transactions", "transactions that failed", DeliveryMetrics::failedBatches);
        all.gauge("batch.largest", "rows", "the most events of a transaction", DeliveryMetrics::largestBatch);
        all.counter("sink.failures", "batches", "batches that a sink did not take", DeliveryMetrics::sinkFailures);
        for (int i = 0; i < DeliveryMetrics.BATCH_SIZES.size(); i++) {
            all.step(i);
        }
        return List.copyOf(all.meters);
    }

    private void step(int index) {
        int most = DeliveryMetrics.BATCH_SIZES.get(index);
        meters.add(Meter.counter(
                        "llmdb.spend.batch.rows",
                        "transactions",
                        "transactions by the most events that they may have booked",
                        () -> metrics.get().batchSizes().get(index))
                .tagged("most", most == Integer.MAX_VALUE ? "more" : Integer.toString(most)));
    }

    private void gauge(String name, String unit, String description, ToDoubleFunction<DeliveryMetrics> value) {
        meters.add(Meter.gauge("llmdb.spend." + name, unit, description, () -> value.applyAsDouble(metrics.get())));
    }

    private void counter(String name, String unit, String description, ToDoubleFunction<DeliveryMetrics> value) {
        meters.add(Meter.counter("llmdb.spend." + name, unit, description, () -> value.applyAsDouble(metrics.get())));
    }
}
