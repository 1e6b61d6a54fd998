package io.llmdb.maintenance;

import java.time.Instant;
import java.util.List;

/**
 * What a run of retention did, or in a dry run would do.
 *
 * @param at the database's time by which ages were told
 * @param dryRun whether nothing was changed
 * @param steps what was done, in this order
 */
public record RetentionReport(Instant at, boolean dryRun, List<RetentionStep> steps) {

    /** Copies the list. */
    public RetentionReport {
        steps = List.copyOf(steps);
    }

    /** @return the steps that were not done, with their reasons; the next run tries again */
    public List<RetentionStep> failures() {
        return steps.stream().filter(step -> step.failure() != null).toList();
    }
}
