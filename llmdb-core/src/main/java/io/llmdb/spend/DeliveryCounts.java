package io.llmdb.spend;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** What passed on the way into the books since the start; see {@link DeliveryMetrics} for what each means. */
final class DeliveryCounts {

    final LongAdder accepted = new LongAdder();
    final LongAdder booked = new LongAdder();
    final LongAdder repeated = new LongAdder();
    final LongAdder contradicting = new LongAdder();
    final LongAdder dead = new LongAdder();
    final LongAdder blocked = new LongAdder();
    final LongAdder refused = new LongAdder();
    final LongAdder spilled = new LongAdder();
    final LongAdder setAside = new LongAdder();
    final LongAdder adopted = new LongAdder();
    final LongAdder batches = new LongAdder();
    final LongAdder failedBatches = new LongAdder();
    final AtomicLong largestBatch = new AtomicLong();
    final AtomicLongArray batchSizes = new AtomicLongArray(DeliveryMetrics.BATCH_SIZES.size());

    void batch(int rows) {
        batches.increment();
        largestBatch.accumulateAndGet(rows, Math::max);
        int bucket = 0;
        while (bucket < DeliveryMetrics.BATCH_SIZES.size() - 1 && rows > DeliveryMetrics.BATCH_SIZES.get(bucket)) {
            bucket++;
        }
        batchSizes.incrementAndGet(bucket);
    }
}
