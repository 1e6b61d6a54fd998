package io.llmdb.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chains futures so that whoever hangs something on the last one sees failures as they were thrown, not wrapped. */
public final class Futures {

    private static final Logger LOG = LoggerFactory.getLogger(Futures.class);

    private Futures() {}

    /** {@link #after(CompletableFuture, Executor, Consumer)} on the thread that completes the first. */
    public static CompletableFuture<Void> after(CompletableFuture<Void> first, Consumer<@Nullable Throwable> then) {
        return after(first, Runnable::run, then);
    }

    /**
     * Does something when a future is completed.
     *
     * @param first the future
     * @param executor runs what is done, and what hangs on the answer
     * @param then gets what the first failed with, or null
     * @return completed as the first, when that is done
     */
    @SuppressWarnings("FutureReturnValueIgnored") // It says what the answer says.
    public static CompletableFuture<Void> after(
            CompletableFuture<Void> first, Executor executor, Consumer<@Nullable Throwable> then) {
        CompletableFuture<Void> answer = new CompletableFuture<>();
        first.whenCompleteAsync(
                (nothing, wrapped) -> {
                    Throwable failure = wrapped instanceof CompletionException && wrapped.getCause() != null
                            ? wrapped.getCause()
                            : wrapped;
                    try {
                        then.accept(failure);
                    } catch (RuntimeException e) {
                        LOG.error("What follows on an answer failed", e);
                    } finally {
                        if (failure == null) {
                            answer.complete(null);
                        } else {
                            answer.completeExceptionally(failure);
                        }
                    }
                },
                executor);
        return answer;
    }
}
