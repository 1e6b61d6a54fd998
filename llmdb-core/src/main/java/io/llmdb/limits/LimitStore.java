package io.llmdb.limits;

import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The database as limits see it: narrow, so that a simulation can stand in for it. All calls may throw
 * {@link io.llmdb.error.DatabaseUnavailableException}, and whether they took effect is not known then.
 */
interface LimitStore {

    /**
     * One limit's part of a question. Figures are totals, so it does no harm where a question is put twice.
     *
     * @param id which limit
     * @param minute the minute that is thought to be the present one, in minutes since the epoch; 0 for parallel
     * @param kept what the holder has used in it; null where it does not know
     * @param charge what it owes beside, in whatever minute it is
     * @param least what the smallest of the calls that wait needs
     * @param need what all of them need
     * @param extra what would be welcome on top
     * @param limit how much is allowed
     */
    record Question(
            LimitId id, long minute, @Nullable Long kept, long charge, long least, long need, long extra, long limit) {}

    /**
     * The answer for one limit.
     *
     * @param minute the minute that was decided on; 0 for parallel
     * @param kept what the holder has used, as the database counts it
     * @param granted what it may use beyond
     * @param used what all have, without what was granted now
     * @param room what is left after the grant
     * @param refused whether less than what was needed is left
     * @param contended whether nobody is granted more than it needs for now
     * @param recallsPending how many others were asked to hand back what is idle and have not answered
     */
    record Answer(
            long minute,
            long kept,
            long granted,
            long used,
            long room,
            boolean refused,
            boolean contended,
            long recallsPending) {}

    /**
     * The answers, in the order of the questions.
     *
     * @param now the database's time at which it decided
     */
    record Reply(Instant now, List<Answer> answers) {}

    /** Sets what this holder has of each limit. */
    Reply grant(List<Question> questions);

    /** Gives the holder's leases of slots that have not lapsed a new end; returns those. */
    Set<LimitId> renew();

    /** The holder's leases whose idle part somebody else was refused for want of. */
    Set<LimitId> recalled();

    /** Frees all slots of the holder. */
    void returnSlots();

    /** Deletes what is over. */
    void tidy();
}
