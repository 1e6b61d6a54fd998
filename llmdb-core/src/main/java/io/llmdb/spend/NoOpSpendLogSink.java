package io.llmdb.spend;

/** Keeps nothing: what {@code disable_spend_logs} selects. Counters, budgets, daily totals and other sinks go on. */
public final class NoOpSpendLogSink implements SpendLogSink {

    /** Makes one. */
    public NoOpSpendLogSink() {}

    @Override
    public void write(SpendBatch batch) {
        // The receipt that books an event once is written by the booking itself.
    }

    @Override
    public Phase phase() {
        return Phase.IN_TRANSACTION;
    }
}
