package io.llmdb.spend;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** One thread that does one thing after the other, and is there only while there is something to do. */
final class ShortLivedThread {

    private static final long IDLE_SECONDS = 10;

    private ShortLivedThread() {}

    /** @return an executor whose thread ends after some seconds without work, and holds up no JVM's end */
    static ExecutorService named(String name) {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, name);
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }
}
