package io.llmdb.limits;

import io.llmdb.spend.CounterId;

/**
 * Names one limited thing.
 *
 * @param counter whose; with a model where the limit is on that model alone
 * @param kind what is counted
 */
record LimitId(CounterId counter, LimitKind kind) {

    boolean isPerMinute() {
        return kind != LimitKind.PARALLEL;
    }

    @Override
    public String toString() {
        return kind.words() + " of " + counter;
    }
}
