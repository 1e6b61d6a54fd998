package io.llmdb.usage;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Db;
import java.time.LocalDate;
import java.util.function.Consumer;

/** What was spent, and the proof that the books agree. Safe for use by several threads. */
public final class Usage {

    private final BooksCheck check;

    /**
     * @param db the books
     * @param audit records what a repair changes
     */
    public Usage(Db db, AuditTrail audit) {
        this.check = new BooksCheck(db, audit);
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

    /**
     * Checks without the log of days that were checked before, whose daily totals are believed. Reading the log is
     * nearly all that a check costs.
     *
     * @param logFrom the first UTC day whose log rows are read
     * @return what was found; a note says how many days were believed
     */
    public Verification verify(LocalDate logFrom) {
        return check.verify(logFrom, progress -> {});
    }

    /**
     * Checks as {@link #verify(LocalDate)} does.
     *
     * @param logFrom the first UTC day whose log rows are read
     * @param progress is told how far it is, on this thread
     * @return what was found; a note says how many days were believed
     */
    public Verification verify(LocalDate logFrom, Consumer<VerificationProgress> progress) {
        return check.verify(logFrom, progress);
    }

    /**
     * Checks, and sets counters and daily totals that are wrong to what the log says. Where the log itself is wrong,
     * nothing is changed.
     *
     * @param actor who asks for it
     * @return what was found, what was set and what was not
     * @throws io.llmdb.error.InvalidArgumentException within a transaction of the caller
     */
    public Repair repair(Actor actor) {
        return check.repair(actor);
    }
}
