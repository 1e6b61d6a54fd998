package io.llmdb.spend;

import java.util.concurrent.CompletableFuture;

/** Takes what a database refuses because it has moved, to book it on the new side. */
interface Heir {

    /**
     * Takes an event, and answers whoever waits for it.
     *
     * @param entry the event
     * @param safely whether the giver has it on disk and keeps it there until the new side holds it as safely
     * @return completed when the giver may forget the event, or with the reason why it is not taken
     * @throws BacklogFullException where there is no room
     */
    CompletableFuture<Void> take(Backlog.Entry entry, boolean safely);
}
