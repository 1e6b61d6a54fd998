package io.llmdb.spend;

import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The backlog that a policy asks for.
 *
 * @param backlog where events wait
 * @param journal the part of it that is on disk, or null
 */
record Delivery(Backlog backlog, @Nullable JournalBacklog journal) {

    static Delivery of(DeliveryPolicy policy, DeliveryCounts counts, Bell bell, Executor answers) {
        if (policy.mode() == DeliveryMode.JOURNAL) {
            JournalBacklog journal = new JournalBacklog(
                    open(policy, counts, answers), policy.maxBacklogRows(), policy.maxBacklogBytes(), bell);
            return new Delivery(journal, journal);
        }
        MemoryBacklog memory = new MemoryBacklog(policy, counts, bell);
        if (policy.whenFull() == WhenFull.SPILL) {
            // Memory is full when it is used, so it keeps nothing there.
            JournalBacklog journal = new JournalBacklog(open(policy, counts, answers), 0, 0, bell);
            return new Delivery(new SpillingBacklog(memory, journal, counts.spilled), journal);
        }
        return new Delivery(memory, null);
    }

    private static Journal open(DeliveryPolicy policy, DeliveryCounts counts, Executor answers) {
        Path directory = Objects.requireNonNull(policy.journalDirectory(), "journalDirectory");
        return Journal.open(directory, policy, counts, answers);
    }

    long journalBytes() {
        return journal == null ? 0 : journal.journalBytes();
    }

    /** Gives the journal's directory free; called when nobody books any more. */
    void closeFiles() {
        if (journal != null) {
            journal.closeFiles();
        }
    }
}
