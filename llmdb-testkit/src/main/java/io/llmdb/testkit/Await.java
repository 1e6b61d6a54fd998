package io.llmdb.testkit;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Waits for a condition, and fails with a description when it does not come about in time. The condition is checked
 * every ten milliseconds, by the calling thread.
 */
public final class Await {

    private static final Duration INTERVAL = Duration.ofMillis(10);

    private Await() {}

    /**
     * Waits until the condition holds.
     *
     * @param description what is awaited, as it reads behind "Waited 5 s in vain until"
     * @param deadline how long to wait at most
     * @param condition what to check; an exception counts as false, the last one is the failure's cause
     * @throws AssertionError where it does not hold in time
     */
    public static void until(String description, Duration deadline, Callable<Boolean> condition) {
        value(description, deadline, () -> condition.call() ? Boolean.TRUE : null);
    }

    /**
     * Waits until the assertions hold.
     *
     * @param description what is awaited
     * @param deadline how long to wait at most
     * @param assertions throws as long as they do not hold; the last exception is the failure's cause
     * @throws AssertionError where they do not hold in time
     */
    public static void untilAsserted(String description, Duration deadline, Assertions assertions) {
        value(description, deadline, () -> {
            assertions.run();
            return Boolean.TRUE;
        });
    }

    /**
     * Waits for a value.
     *
     * @param description what is awaited
     * @param deadline how long to wait at most
     * @param supplier gives null, or throws, as long as the value is not there
     * @param <T> the value's type
     * @return the first value that is not null
     * @throws AssertionError where there is none in time
     */
    public static <T> T value(String description, Duration deadline, Callable<? extends @Nullable T> supplier) {
        long start = System.nanoTime();
        Throwable last = null;
        do {
            try {
                T value = supplier.call();
                if (value != null) {
                    return value;
                }
                last = null;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("Interrupted while waiting until " + description, e);
            } catch (Exception | AssertionError e) {
                last = e;
            }
            pause(INTERVAL);
        } while (System.nanoTime() - start < deadline.toNanos());
        AssertionError failure = new AssertionError("Waited " + seconds(deadline) + " in vain until " + description
                + (last == null ? "" : ": " + last.getMessage()));
        if (last != null) {
            failure.initCause(last);
        }
        throw failure;
    }

    /** Rests between two checks of a condition. */
    static void pause(Duration time) {
        LockSupport.parkNanos(time.toNanos());
        if (Thread.currentThread().isInterrupted()) {
            throw new AssertionError("Interrupted while waiting");
        }
    }

    private static String seconds(Duration time) {
        long millis = TimeUnit.NANOSECONDS.toMillis(time.toNanos());
        return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
    }

    /** Assertions that may throw anything. */
    @FunctionalInterface
    public interface Assertions {

        /**
         * Throws unless all is as it should be.
         *
         * @throws Exception where it is not
         */
        void run() throws Exception;
    }
}
