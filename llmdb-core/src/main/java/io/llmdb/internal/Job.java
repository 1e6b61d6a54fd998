package io.llmdb.internal;

import java.time.Duration;
import java.util.Objects;

/**
 * Work that one instance does for all, again and again. Its work must be right even if two instances do it at once: the
 * claim that keeps them apart lapses when its holder stands still for too long.
 *
 * @param name the name of its row in {@code "LLM_Job"}
 * @param shortestPause the shortest time from the end of one run to the next
 * @param longestPause the longest; each run draws its pause between the two at random
 * @param work what is done
 */
public record Job(String name, Duration shortestPause, Duration longestPause, Work work) {

    /** Checks the pauses. */
    public Job {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(work, "work");
        if (shortestPause.isNegative() || shortestPause.isZero() || longestPause.compareTo(shortestPause) < 0) {
            throw new IllegalArgumentException("pauses of " + shortestPause + " to " + longestPause);
        }
    }

    /**
     * @param name the name of its row
     * @param pause the time from the end of one run to the next
     * @param work what is done
     * @return a job that always waits as long
     */
    public static Job every(String name, Duration pause, Work work) {
        return new Job(name, pause, pause, work);
    }

    /** What a job does. */
    @FunctionalInterface
    public interface Work {

        /**
         * Does it.
         *
         * @param run is to be asked between steps whether to go on
         * @throws Exception whatever goes wrong; it is logged and kept in the job's row, and the job is tried again
         */
        void run(JobRun run) throws Exception;
    }
}
