package io.llmdb.examples.gateway.proxy;

import io.llmdb.LlmDb;
import io.llmdb.error.DatabaseMovedException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The database that the proxy works with. Where it has moved, the proxy goes on with the one that it moved to: a
 * request that was on its way waits for that and fails in nothing. Safe for use by several threads.
 */
public final class CurrentDatabase implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CurrentDatabase.class);

    /** How long a request waits for the new side to be opened. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(10);

    private final @Nullable Function<String, LlmDb> opener;
    private final Deque<LlmDb> former = new ArrayDeque<>();
    private volatile LlmDb current;
    private boolean closed;

    private CurrentDatabase(LlmDb db, @Nullable Function<String, LlmDb> opener) {
        this.current = db;
        this.opener = opener;
    }

    /**
     * A database that the proxy does not follow where it moves; its requests are refused then.
     *
     * @param db the database
     * @return it
     */
    public static CurrentDatabase only(LlmDb db) {
        return new CurrentDatabase(db, null);
    }

    /**
     * A database that may move.
     *
     * @param db the database
     * @param opener opens the one that it has moved to, which gets what the move was told, such as
     *     {@code new-host:5432/llm}
     * @return it
     */
    public static CurrentDatabase following(LlmDb db, Function<String, LlmDb> opener) {
        return new CurrentDatabase(db, opener);
    }

    /** @return the database as it is now */
    public LlmDb get() {
        return current;
    }

    /** Does something that may be done again where the database turns out to have moved. */
    <T> T ask(Function<LlmDb, T> work) {
        long start = System.nanoTime();
        while (true) {
            LlmDb db = current;
            try {
                return work.apply(db);
            } catch (DatabaseMovedException e) {
                if (opener == null || System.nanoTime() - start > PATIENCE) {
                    throw e;
                }
                follow(db, e);
            }
        }
    }

    /**
     * Goes on with another database, unless that was done meanwhile. Where the move is not over yet, this waits a
     * moment.
     *
     * @param from the database that said so
     * @return whether another try makes sense
     */
    boolean follow(LlmDb from, DatabaseMovedException moved) {
        Function<String, LlmDb> open = opener;
        if (open == null) {
            return false;
        }
        synchronized (this) {
            if (closed) {
                return false;
            }
            String to = moved.movedTo().orElse(null);
            // The new side does not know where to, and says the same until the cut-over is done.
            if (current == from && to != null) {
                LlmDb next = open.apply(to);
                from.handOver(next);
                former.addFirst(from);
                current = next;
                LOG.info("The database has moved to {}: going on there", to);
                return true;
            }
        }
        LockSupport.parkNanos(PAUSE);
        return true;
    }

    /** Closes all of them, the first one first: what it has not booked goes to the one after it. */
    @Override
    public synchronized void close() {
        closed = true;
        former.addFirst(current);
        while (!former.isEmpty()) {
            former.removeLast().close();
        }
    }
}
