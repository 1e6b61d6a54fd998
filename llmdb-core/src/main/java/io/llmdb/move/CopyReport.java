package io.llmdb.move;

import java.time.Duration;

/**
 * What a copy did.
 *
 * @param rows rows on the target
 * @param bytes bytes that went over the wire in this call
 * @param copying how long this call copied
 * @param verifying how long this call compared counts and checksums on both sides
 * @param resumedUnits tables and partitions that an earlier call had copied
 */
public record CopyReport(long rows, long bytes, Duration copying, Duration verifying, int resumedUnits) {}
