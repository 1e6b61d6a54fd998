package io.llmdb.spend;

import java.sql.Connection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finished requests on their way out. */
public final class SpendBatch {

    private final List<SpendEvent> events;
    private final @Nullable Connection transaction;

    SpendBatch(List<SpendEvent> events, @Nullable Connection transaction) {
        this.events = List.copyOf(events);
        this.transaction = transaction;
    }

    /** @return the requests, each for the first time, in the order of their ids */
    public List<SpendEvent> events() {
        return events;
    }

    /**
     * The transaction that books the batch, for sinks that write to the same database.
     *
     * @return its connection, not to be closed, committed or rolled back; empty for sinks that are called after the
     *     commit
     */
    public Optional<Connection> transaction() {
        return Optional.ofNullable(transaction);
    }
}
