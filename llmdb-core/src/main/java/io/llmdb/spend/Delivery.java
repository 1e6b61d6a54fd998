package io.llmdb.spend;

import java.nio.file.Path;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The backlog that a policy asks for.
 *
 * @param backlog where events wait
 * @param inMemory the part of it whose events somebody may wait for, or null
 * @param direct the part of it for events that need not be made safe
 * @param journal the part of it that is on disk, or null
 * @param inbox the part of it that stands in the inbox, or null
 */
record Delivery(
        Backlog backlog,
        @Nullable BoundedBacklog inMemory,
        Backlog direct,
        @Nullable JournalBacklog journal,
        @Nullable InboxBacklog inbox) {

    static Delivery of(
            DeliveryPolicy policy,
            Inbox table,
            DeliveryCounts counts,
            Bell bell,
            Executor answers,
            Departure departure) {
        if (policy.mode() == DeliveryMode.JOURNAL) {
            JournalBacklog journal = new JournalBacklog(
                    open(policy, counts, answers), policy.maxBacklogRows(), policy.maxBacklogBytes(), bell);
            return new Delivery(journal, null, journal, journal, null);
        }
        MemoryBacklog memory = new MemoryBacklog(policy, counts, bell);
        InboxBacklog inbox =
                policy.mode() == DeliveryMode.SYNCHRONOUS ? new InboxBacklog(memory, table, answers, departure) : null;
        BoundedBacklog bounded = inbox == null ? memory : inbox;
        if (policy.whenFull() == WhenFull.SPILL) {
            // Memory is full when it is used, so it keeps nothing there.
            JournalBacklog journal = new JournalBacklog(open(policy, counts, answers), 0, 0, bell);
            Backlog spilling = new SpillingBacklog(bounded, journal, counts.spilled);
            return new Delivery(spilling, bounded, inbox == null ? spilling : memory, journal, inbox);
        }
        return new Delivery(bounded, bounded, memory, null, inbox);
    }

    private static Journal open(DeliveryPolicy policy, DeliveryCounts counts, Executor answers) {
        Path directory = Objects.requireNonNull(policy.journalDirectory(), "journalDirectory");
        return Journal.open(directory, policy, counts, answers);
    }

    long journalBytes() {
        return journal == null ? 0 : journal.journalBytes();
    }

    /** Whether an event is queued here and stands in the inbox. */
    boolean holds(UUID id) {
        return inbox != null && inbox.holds(id);
    }

    /** Gives the journal's directory free; called when nobody books any more. */
    void closeFiles() {
        if (inbox != null) {
            inbox.closeThread();
        }
        if (journal != null) {
            journal.closeFiles();
        }
    }
}
