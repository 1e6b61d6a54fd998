package io.llmdb.move;

/** How a move learns what changes on the source while it is followed. */
public enum FollowMethod {
    /**
     * From the server's write-ahead log, through a publication and a replication slot of the move's own. Costs writers
     * nothing and each pass only what changed. Needs {@code wal_level = logical}, a role with {@code REPLICATION} and a
     * free slot; the server keeps its log until the next pass has read it.
     */
    LOGICAL_REPLICATION,
    /**
     * From the rows themselves, each of which says which transaction wrote it; triggers note which stretches of the
     * logs are written to. Needs no more than owning the tables; each pass reads the tables with keys once.
     */
    ROW_VERSIONS
}
