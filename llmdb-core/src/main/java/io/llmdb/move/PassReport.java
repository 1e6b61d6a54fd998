package io.llmdb.move;

import java.time.Duration;

/**
 * What one pass over what changed did.
 *
 * @param changedRows rows that were written to the target
 * @param deletedRows rows that were deleted there
 * @param logRows rows of logs among the changed ones
 * @param heldBytes how much of its write-ahead log the source keeps for the move when the pass is done; 0 where it
 *     keeps none
 * @param took how long it took; the target is what the source was when the pass began
 */
public record PassReport(long changedRows, long deletedRows, long logRows, long heldBytes, Duration took) {

    PassReport withHeld(long bytes) {
        return new PassReport(changedRows, deletedRows, logRows, bytes, took);
    }
}
