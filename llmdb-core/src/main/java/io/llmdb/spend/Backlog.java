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
     * @param acceptedAt when it was accepted, by the database's clock, in milliseconds since 1970
     * @param size about how many bytes of memory it takes
     * @param inInbox whether it stands in the inbox, to be deleted there when it is booked
     */
    record Entry(
            SpendEvent event, @Nullable CompletableFuture<Void> done, long acceptedAt, long size, boolean inInbox) {

        static Entry of(SpendEvent event, @Nullable CompletableFuture<Void> done, long acceptedAt) {
            return new Entry(event, done, acceptedAt, EventSize.of(event), false);
        }

        Entry standingInInbox() {
            return new Entry(event, done, acceptedAt, size, true);
        }

        Entry outsideInbox() {
            return new Entry(event, done, acceptedAt, size, false);
        }

        Entry withoutWaiting() {
            return done == null ? this : new Entry(event, null, acceptedAt, size, inInbox);
        }
    }

    /**
     * Events that one writer is about to book.
     *
     * @param entries the events, oldest first
     * @param mayBeKnown whether some may have been booked before, as after a restart
     * @param source the backlog that they are from, to which they are {@linkplain #done given back}
     * @param ticket what the source needs to know to forget them
     */
    record Claim(List<Entry> entries, boolean mayBeKnown, Backlog source, long ticket) {}

    /**
     * What waits.
     *
     * @param rows how many events, claimed ones included
     * @param bytes about how many bytes of memory they take
     * @param oldest when the oldest was accepted, in milliseconds since 1970; 0: none waits
     */
    record State(long rows, long bytes, long oldest) {

        static final State EMPTY = new State(0, 0, 0);

        State plus(State other) {
            long older =
                    oldest == 0 || other.oldest == 0 ? Math.max(oldest, other.oldest) : Math.min(oldest, other.oldest);
            return new State(rows + other.rows, bytes + other.bytes, older);
        }
    }

    /** Takes an event in; returns when it is as safe as the backlog makes it. */
    void put(Entry entry);

    /** Takes an event in; completed when it is as safe as the backlog makes it. Waits for room as {@link #put} does. */
    CompletableFuture<Void> putAsync(Entry entry);

    /** The next events to book; null where there is none now. */
    @Nullable
    Claim poll(int maxRows);

    /** How many events {@link #poll} could give now, about. */
    long waiting();

    /**
     * Whether nobody misses anything where what waits is booked some milliseconds later: few wait, there is room, and
     * none of them has reserved something.
     */
    boolean canRest();

    /** Forgets events that are booked, or stand among the dead letters. */
    void done(Claim claim);

    /** What waits now. */
    State state();

    /** Takes nothing more in. */
    @Override
    void close();
}
