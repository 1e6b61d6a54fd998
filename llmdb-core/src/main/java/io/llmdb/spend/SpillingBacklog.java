package io.llmdb.spend;

import io.llmdb.internal.Futures;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** A bounded queue; what finds no room there goes to a journal on disk, and is safe there when it is accepted. */
final class SpillingBacklog implements Backlog {

    private final BoundedBacklog memory;
    private final JournalBacklog journal;
    private final LongAdder spilled;
    private final AtomicBoolean journalIsNext = new AtomicBoolean();

    SpillingBacklog(BoundedBacklog memory, JournalBacklog journal, LongAdder spilled) {
        this.memory = memory;
        this.journal = journal;
        this.spilled = spilled;
    }

    @Override
    public void put(Entry entry) {
        if (memory.putIfRoom(entry)) {
            return;
        }
        journal.put(entry.withoutWaiting());
        answer(entry, null);
    }

    @Override
    public CompletableFuture<Void> putAsync(Entry entry) {
        CompletableFuture<Void> taken = memory.putIfRoomAsync(entry);
        if (taken != null) {
            return taken;
        }
        return Futures.after(journal.putAsync(entry.withoutWaiting()), failure -> answer(entry, failure));
    }

    /** It is as safe now as the policy promises, or was not taken; when it is booked, the database decides. */
    private void answer(Entry entry, @Nullable Throwable failure) {
        if (failure == null) {
            spilled.increment();
        }
        if (entry.done() != null && failure == null) {
            entry.done().complete(null);
        } else if (entry.done() != null) {
            entry.done().completeExceptionally(failure);
        }
    }

    /** In turn, so that what was spilled gets booked however much comes after it. */
    @Override
    public @Nullable Claim poll(int maxRows) {
        boolean journalFirst = journalIsNext.getAndSet(!journalIsNext.get());
        Claim claim = journalFirst ? journal.poll(maxRows) : memory.poll(maxRows);
        if (claim != null) {
            return claim;
        }
        return journalFirst ? memory.poll(maxRows) : journal.poll(maxRows);
    }

    @Override
    public long waiting() {
        return memory.waiting() + journal.waiting();
    }

    @Override
    public boolean canRest() {
        return memory.canRest() && journal.waiting() == 0;
    }

    @Override
    public void done(Claim claim) {
        claim.source().done(claim);
    }

    @Override
    public State state() {
        return memory.state().plus(journal.state());
    }

    @Override
    public void close() {
        memory.close();
        journal.close();
    }
}
