package io.llmdb.examples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/** Has callers share a commit of a store that takes many records at once: all that came while the last one ran. */
final class GroupCommit implements AutoCloseable {

    /** What keeps records; called by one thread. */
    interface Store {

        /** Returns when all of them are on the disk. */
        void commit(List<byte[]> records) throws Exception;
    }

    private static final class Waiting {
        private final byte[] record;
        private final CompletableFuture<Void> done = new CompletableFuture<>();

        private Waiting(byte[] record) {
            this.record = record;
        }
    }

    private final LinkedBlockingQueue<Waiting> queue = new LinkedBlockingQueue<>();
    private final Thread thread;

    GroupCommit(Store store) {
        thread = new Thread(() -> run(store), "group commit");
        thread.setDaemon(true);
        thread.start();
    }

    void append(byte[] record) {
        appendAsync(record).join();
    }

    CompletableFuture<Void> appendAsync(byte[] record) {
        Waiting waiting = new Waiting(record);
        queue.add(waiting);
        return waiting.done;
    }

    private void run(Store store) {
        List<Waiting> group = new ArrayList<>();
        try {
            while (true) {
                group.add(queue.take());
                queue.drainTo(group);
                store.commit(group.stream().map(waiting -> waiting.record).toList());
                group.forEach(waiting -> waiting.done.complete(null));
                group.clear();
            }
        } catch (Exception e) {
            group.forEach(waiting -> waiting.done.completeExceptionally(e));
        }
    }

    @Override
    public void close() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }
}
