package io.llmdb.spend;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread that does one thing after the other, and is there only while there is something to do. Nothing is left
 * undone: where there is no thread, or no longer, the caller does it.
 */
final class ShortLivedThread implements Executor, AutoCloseable {

    private static final long IDLE_SECONDS = 10;

    private static final Logger LOG = LoggerFactory.getLogger(ShortLivedThread.class);

    private final String name;
    private final ThreadPoolExecutor executor;
    private volatile @Nullable Thread current;

    /** @param name the thread's, which holds up no JVM's end */
    ShortLivedThread(String name) {
        this.name = name;
        this.executor =
                new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, name);
                    thread.setDaemon(true);
                    current = thread;
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
    }

    @Override
    public void execute(Runnable work) {
        try {
            executor.execute(work);
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // Closed, or the system has no more threads.
            work.run();
        }
    }

    /** Ends when all is done, or after a second: what is done here may be other people's. */
    @Override
    public void close() {
        executor.shutdown();
        if (Thread.currentThread() == current) {
            return;
        }
        try {
            if (!executor.awaitTermination(1, TimeUnit.SECONDS)) {
                LOG.warn("The thread {} goes on: something that hangs on an answer does not return", name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
