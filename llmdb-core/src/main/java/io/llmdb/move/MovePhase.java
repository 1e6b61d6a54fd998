package io.llmdb.move;

/** How far a move has come. */
public enum MovePhase {
    /** There is no move into this target. */
    NONE,
    /** The copy has begun and is not complete; copying again goes on where it ended. */
    COPYING,
    /** The target is what the source was at one moment. */
    COPIED,
    /** The source notes what changes, and passes bring it over. */
    FOLLOWING,
    /** The old side is fenced, or about to be; cutting over again goes on, abandoning opens the old side again. */
    FENCING,
    /** Done: the target is in use, and the source is not written to any more. */
    MOVED;

    String sqlName() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
