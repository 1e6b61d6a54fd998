package io.llmdb.spend;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A backlog that can be asked to take an event only where it has room, for what else there is to be done with it. */
interface BoundedBacklog extends Backlog {

    /** Takes an event in as {@link #put} does, where there is room; never waits for room. */
    boolean putIfRoom(Entry entry);

    /** Takes an event in as {@link #putAsync} does, where there is room; else null. Never waits. */
    @Nullable
    CompletableFuture<Void> putIfRoomAsync(Entry entry);
}
