package io.llmdb.move;

import java.time.Duration;

/**
 * What one pass over what changed did.
 *
 * @param changedRows rows that were written to the target
 * @param deletedRows rows that were deleted there
 * @param logRows rows of logs among the changed ones
 * @param took how long it took; the target is what the source was when the pass began
 */
public record PassReport(long changedRows, long deletedRows, long logRows, Duration took) {}
