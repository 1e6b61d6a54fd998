package io.llmdb.move;

import java.time.Duration;

/**
 * Source and target hold the same rows: counts and checksums of every table and partition agree.
 *
 * @param rows how many rows were compared
 * @param took how long it took
 */
public record MoveVerification(long rows, Duration took) {}
