package io.llmdb.keys;

import io.llmdb.error.DatabaseUnavailableException;
import java.util.concurrent.locks.Condition;
import org.jspecify.annotations.Nullable;

/**
 * One key's way to the database, for all who wait for it. Guarded by the lock of the {@link BatchReader}, but for what
 * is final once it is done.
 *
 * @param <K> keys
 * @param <V> values
 */
final class Flight<K, V> {

    final K key;
    final boolean vouched;
    final Condition changed;
    int waiting;
    volatile boolean started;
    boolean led;
    boolean mayLead;
    long epoch;
    volatile boolean done;
    BatchReader.@Nullable Answer<V> answer;

    @Nullable
    RuntimeException failure;

    Flight(K key, boolean vouched, Condition changed) {
        this.key = key;
        this.vouched = vouched;
        this.changed = changed;
    }

    BatchReader.Answer<V> result() {
        if (failure instanceof DatabaseUnavailableException e) {
            // Each waiter throws its own, so that its stack trace is its own.
            throw new DatabaseUnavailableException(String.valueOf(e.getMessage()), e);
        }
        if (failure != null) {
            throw failure;
        }
        if (answer == null) {
            throw new IllegalStateException("A look-up has neither answer nor failure");
        }
        return answer;
    }
}
