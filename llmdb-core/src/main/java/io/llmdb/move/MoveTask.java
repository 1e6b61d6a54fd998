package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Work that several connections share. */
interface MoveTask {

    /** Does it all, and commits what it writes. */
    void run() throws SQLException;

    /** Runs tasks in some threads; after a failure no further one begins. */
    static void all(List<MoveTask> tasks, int threads) throws SQLException {
        Queue<MoveTask> waiting = new ConcurrentLinkedQueue<>(tasks);
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        ExecutorService workers = Executors.newFixedThreadPool(Math.max(1, threads), work -> {
            Thread thread = new Thread(work, "llmdb-move");
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<? extends Future<?>> running = java.util.stream.IntStream.range(0, Math.max(1, threads))
                    .mapToObj(i -> workers.submit(() -> work(waiting, failure)))
                    .toList();
            for (Future<?> each : running) {
                await(each);
            }
        } finally {
            workers.shutdownNow();
        }
        Throwable first = failure.get();
        if (first instanceof SQLException e) {
            throw e;
        }
        if (first instanceof RuntimeException e) {
            throw e;
        }
        if (first != null) {
            throw new IllegalStateException(first);
        }
    }

    private static void work(Queue<MoveTask> waiting, AtomicReference<@Nullable Throwable> failure) {
        for (MoveTask task = waiting.poll(); task != null && failure.get() == null; task = waiting.poll()) {
            try {
                task.run();
            } catch (SQLException | RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
        }
    }

    private static void await(Future<?> work) {
        try {
            work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MoveException("Interrupted; nothing is half done, and calling again goes on where this ended", e);
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }
}
