package io.llmdb.move;

import org.jspecify.annotations.Nullable;

/**
 * What the source has noted of its changes.
 *
 * @param since the first transaction that is sure to be noted; null: nothing is noted
 * @param changes what the write-ahead log says; null: triggers note stretches of the logs
 */
record Noted(@Nullable Long since, ReplicationSlot.@Nullable Changes changes) {

    static final Noted NOTHING = new Noted(null, null);

    /** Whether everything that a transaction or later ones wrote is noted. */
    boolean covers(long sinceXid) {
        return since != null && sinceXid >= since;
    }

    /** The rows of a table of the source that changed; null where the rows themselves have to be asked. */
    java.util.@Nullable Collection<java.util.List<String>> keysOf(String table) {
        return changes == null ? null : changes.keys().of(table);
    }
}
