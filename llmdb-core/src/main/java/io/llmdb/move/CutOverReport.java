package io.llmdb.move;

import java.time.Duration;
import java.time.Instant;

/**
 * What a cut-over did. From now on the target is the database.
 *
 * @param fencedAt when the old side refused the first write for good, by its clock
 * @param closedFor from telling the old side's proxies until the target was open
 * @param lastPass what the pass behind the fence brought
 * @param verifiedRows rows that this call compared by checksum: all tables with keys just before the fence, and behind
 *     it what the last pass brought
 */
public record CutOverReport(Instant fencedAt, Duration closedFor, PassReport lastPass, long verifiedRows) {}
