package io.llmdb.spend;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Events that were accepted and are not booked yet. Safe for use by several threads. */
interface Backlog extends AutoCloseable {

    /**
     * One event and who waits for it.
     *
     * @param event the event
     * @param done completed when the event is booked, or with the reason why it is not; null where nobody waits
     */
    record Entry(SpendEvent event, @Nullable CompletableFuture<Void> done) {}

    /**
     * Events that one writer is about to book.
     *
     * @param entries the events, oldest first
     * @param mayBeKnown whether some may have been booked before, as after a restart
     * @param position what the backlog needs to know to forget them
     */
    record Claim(List<Entry> entries, boolean mayBeKnown, long position) {}

    /** Takes an event in; returns when it is as safe as the backlog makes it. */
    void put(Entry entry);

    /** The next events to book, after waiting for at least one; null when the backlog is closed and empty. */
    @Nullable
    Claim take(int maxRows) throws InterruptedException;

    /** Forgets events that are booked, or stand among the dead letters. */
    void done(Claim claim);

    /** How many events wait, claimed ones included. */
    long rows();

    /** About how many bytes they take in memory. */
    long bytes();

    /** Takes nothing more in; {@link #take} goes on until all is taken. */
    @Override
    void close();
}
