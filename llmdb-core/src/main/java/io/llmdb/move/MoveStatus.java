package io.llmdb.move;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Where a move stands.
 *
 * @param phase how far it has come
 * @param source the source's name as it was given when the move began; empty where there is none
 * @param startedAt when the move began, by the target's clock; null where there is none
 * @param unitsDone tables and partitions on the target
 * @param rows rows of them when they were copied
 * @param passes how many passes there were
 * @param lastPassAt when the last pass began, by the target's clock; null where there was none
 * @param next what to do next
 */
public record MoveStatus(
        MovePhase phase,
        String source,
        @Nullable Instant startedAt,
        int unitsDone,
        long rows,
        long passes,
        @Nullable Instant lastPassAt,
        String next) {}
