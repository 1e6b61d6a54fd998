package io.llmdb.usage;

import io.llmdb.internal.Db;
import java.util.function.Consumer;

/** What was spent, and the proof that the books agree. Safe for use by several threads. */
public final class Usage {

    private final BooksCheck check;

    /** @param db the books */
    public Usage(Db db) {
        this.check = new BooksCheck(db);
    }

    /**
     * Checks on the live database, in one snapshot, that counters, log and daily totals agree.
     *
     * @return what was found
     */
    public Verification verify() {
        return check.verify();
    }

    /**
     * Checks as {@link #verify()} does.
     *
     * @param progress is told how far it is, on this thread
     * @return what was found
     */
    public Verification verify(Consumer<VerificationProgress> progress) {
        return check.verify(progress);
    }
}
