package io.llmdb.internal;

import io.llmdb.error.LlmDbException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells this instance what any instance, or plain SQL, changed of that which is cached: reads the table
 * {@code LLM_Change} again and again, one round trip each time, and reads the database's clock along with it.
 *
 * <p>Each answer carries the server's snapshot. The next question asks for the rows whose transactions that snapshot
 * did not see, so that every change is told exactly once, in whatever order transactions commit and however long they
 * run. No session state: a pooler in transaction mode may stand between.
 *
 * <p>What a listener knows is no older than {@link #readAt()}. Listeners run on the feed's thread, or on that of a
 * caller of {@link #catchUp}, one at a time. Safe for use by several threads.
 */
public final class ChangeFeed implements AutoCloseable {

    /**
     * How often the table is read where nothing else is said: four times within the second in which a change must hold.
     */
    public static final Duration DEFAULT_INTERVAL = Duration.ofMillis(250);

    /** A row is kept for this long after every transaction that could have hidden it has ended. */
    static final Duration RETENTION = Duration.ofMinutes(10);

    /** After a longer silence rows may be missing, so nothing cached is trusted; well below the retention. */
    private static final Duration LONGEST_GAP = Duration.ofMinutes(5);

    /** Half of what a difference of two instants may be, so that none overflows. */
    private static final long LONG_AGO = Long.MAX_VALUE / 2;

    /** A change of more objects than this drops everything that is cached instead of naming them. */
    private static final int MOST_CHANGES = 10_000;

    private static final int MOST_TRIMMED = 5_000;

    private static final String EVERYTHING = "everything";

    /** The server must answer within this time, or the connection is given up. */
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

    /** Rows from beyond the snapshot were restored from another server. */
    private static final String READ = """
            SELECT pg_current_snapshot()::text, ${llmdb}.llmdb_now(), pg_postmaster_start_time()::text, c.kind, c.object_id
            FROM (VALUES (1)) one (answer)
            LEFT JOIN (
                SELECT DISTINCT kind, object_id
                FROM ${llmdb}."LLM_Change"
                WHERE xid >= ?::text::xid8 AND xid < pg_snapshot_xmax(pg_current_snapshot())
                  AND NOT pg_visible_in_snapshot(xid, ?::text::pg_snapshot)
                LIMIT %d) c ON true""".formatted(MOST_CHANGES + 1);

    private static final String TRIM = """
            DELETE FROM ${llmdb}."LLM_Change"
            WHERE id IN (SELECT id FROM ${llmdb}."LLM_Change" WHERE xid < ?::text::xid8 OR xid >= pg_snapshot_xmax(pg_current_snapshot())
                ORDER BY xid LIMIT %d FOR UPDATE SKIP LOCKED)""".formatted(MOST_TRIMMED);

    private static final Logger LOG = LoggerFactory.getLogger(ChangeFeed.class);

    private final Db db;
    private final DbClock clock;
    private final Duration interval;
    private final String read;
    private final String trim;
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final ReentrantLock reading = new ReentrantLock();
    private final ReentrantLock state = new ReentrantLock();
    private final Condition wasRead = state.newCondition();
    private final Condition wake = state.newCondition();

    // Guarded by "reading".
    private @Nullable Position position;
    private final ArrayDeque<OldXmin> oldXmins = new ArrayDeque<>();

    // Touched by the feed's own thread alone.
    private long trimAt;
    /** Below this there may be rows to delete; null: there is none. */
    private @Nullable String trimBelow;

    private boolean lastFailed;

    private volatile long readAt = System.nanoTime() - LONG_AGO;
    private volatile boolean everRead;
    private volatile boolean closed;
    private @Nullable Thread thread;

    /**
     * @param db the database
     * @param clock is synchronized with every answer
     * @param interval the time between two questions
     */
    public ChangeFeed(Db db, DbClock clock, Duration interval) {
        this.db = Objects.requireNonNull(db, "db");
        this.clock = Objects.requireNonNull(clock, "clock");
        this.interval = Objects.requireNonNull(interval, "interval");
        this.read = db.sql().of(READ);
        this.trim = db.sql().of(TRIM);
        this.trimAt = System.nanoTime() + trimPause();
    }

    /**
     * One changed object.
     *
     * @param kind {@code key}, {@code team}, {@code user}, {@code organization}, {@code end_user}, {@code tag},
     *     {@code budget}, {@code model} or {@code state}; a membership counts as its user. Kind {@code everything}
     *     stands in the table for a change of all there is, and is told by {@link Listener#everythingChanged()}
     * @param objectId its id; of a key its hash
     */
    public record Change(String kind, String objectId) {}

    /** Whoever caches. */
    public interface Listener {

        /**
         * Objects changed; what is cached of them must go before this returns.
         *
         * @param changes the objects, at least one
         */
        void changed(List<Change> changes);

        /** Anything may have changed; whatever is cached must go before this returns. */
        void everythingChanged();

        /** The feed was read, and everything that was in it has been told. */
        default void caughtUp() {}
    }

    /**
     * Adds a listener, which is told of everything from now on. To be called before whatever it caches is read.
     *
     * @param listener whoever caches
     */
    public void addListener(Listener listener) {
        listeners.add(listener);
    }

    /** @param listener whoever shall hear no more */
    public void removeListener(Listener listener) {
        listeners.remove(listener);
    }

    /**
     * Reads the feed for the first time and goes on in a thread of its own.
     *
     * @throws LlmDbException where the database cannot be read
     */
    public void start() {
        read();
        Thread started = new Thread(this::run, "llmdb-change-feed");
        started.setDaemon(true);
        thread = started;
        started.start();
    }

    /**
     * Reads the feed now, so that what this thread has committed is known to this instance when this returns. A
     * database that cannot be read is no error here: the feed's thread goes on trying.
     */
    public void catchUp() {
        try {
            read();
        } catch (LlmDbException e) {
            LOG.debug("The change feed could not be read: {}", e.getMessage());
        }
    }

    /**
     * The instant, as {@link System#nanoTime()}, by which the last answer was asked for that is told to all listeners:
     * what was committed before it is known. Very long ago before the first answer.
     *
     * @return nanoseconds
     */
    public long readAt() {
        return readAt;
    }

    /** @return whether there has been an answer */
    public boolean hasBeenRead() {
        return everRead;
    }

    /**
     * @param nanoTime the present, as {@link System#nanoTime()}
     * @return how old what listeners know may be; very long before the first answer
     */
    public long nanosBehind(long nanoTime) {
        return nanoTime - readAt;
    }

    /**
     * Waits until what listeners know is younger than some age.
     *
     * @param ageNanos the age
     * @param waitNanos how long to wait at most
     * @return whether it is
     */
    public boolean awaitReadWithin(long ageNanos, long waitNanos) {
        long left = waitNanos;
        state.lock();
        try {
            while (nanosBehind(System.nanoTime()) > ageNanos) {
                if (left <= 0 || closed) {
                    return false;
                }
                left = wasRead.awaitNanos(left);
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            state.unlock();
        }
    }

    /** Stops the thread; what is cached is from now on older than it may be. */
    @Override
    public void close() {
        closed = true;
        state.lock();
        try {
            wake.signalAll();
            wasRead.signalAll();
        } finally {
            state.unlock();
        }
        Thread running = thread;
        if (running != null && running != Thread.currentThread()) {
            try {
                running.join(ANSWER_WITHIN.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        long next = System.nanoTime();
        while (!closed) {
            next = Math.max(next + interval.toNanos(), System.nanoTime());
            pauseUntil(next);
            if (closed) {
                return;
            }
            try {
                read();
                if (lastFailed) {
                    lastFailed = false;
                    LOG.info("The change feed can be read again");
                }
                trimIfDue();
                trimSome();
            } catch (RuntimeException e) {
                if (!lastFailed) {
                    lastFailed = true;
                    LOG.warn("The change feed cannot be read; what is cached grows old: {}", e.getMessage());
                }
            }
        }
    }

    private void pauseUntil(long nanoTime) {
        state.lock();
        try {
            for (long left = nanoTime - System.nanoTime(); left > 0 && !closed; ) {
                left = wake.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            closed = true;
        } finally {
            state.unlock();
        }
    }

    private void read() {
        reading.lock();
        try {
            Position last = position;
            long asked = System.nanoTime();
            Answer answer = db.read(ANSWER_WITHIN, tx -> ask(tx, last));
            clock.observe(answer.position.now, asked, System.nanoTime());
            if (last == null
                    || answer.changes.size() > MOST_CHANGES
                    || !answer.position.continues(last)
                    || answer.changes.stream().anyMatch(change -> change.kind().equals(EVERYTHING))) {
                listeners.forEach(this::tellEverything);
            } else if (!answer.changes.isEmpty()) {
                listeners.forEach(listener -> tell(listener, answer.changes));
            }
            position = answer.position;
            rememberXmin(answer.position, asked);
            markRead(asked);
            listeners.forEach(this::tellCaughtUp);
        } finally {
            reading.unlock();
        }
    }

    private void markRead(long asked) {
        readAt = asked;
        everRead = true;
        state.lock();
        try {
            wasRead.signalAll();
        } finally {
            state.unlock();
        }
    }

    private Answer ask(Tx tx, @Nullable Position last) throws SQLException {
        try (PreparedStatement statement = tx.connection().prepareStatement(read)) {
            statement.setString(1, last == null ? Position.NONE.xmin() : last.xmin());
            statement.setString(2, last == null ? Position.NONE.snapshot : last.snapshot);
            try (ResultSet rows = statement.executeQuery()) {
                List<Change> changes = new ArrayList<>();
                Position next = Position.NONE;
                while (rows.next()) {
                    if (next.equals(Position.NONE)) {
                        next = new Position(
                                rows.getString(1),
                                rows.getString(3),
                                rows.getObject(2, OffsetDateTime.class).toInstant(),
                                System.nanoTime());
                    }
                    String kind = rows.getString(4);
                    if (kind != null) {
                        changes.add(new Change(kind, rows.getString(5)));
                    }
                }
                return new Answer(next, changes);
            }
        }
    }

    /** A listener that fails must not keep what it has, nor keep the others from hearing. */
    private void tell(Listener listener, List<Change> changes) {
        try {
            listener.changed(changes);
        } catch (RuntimeException e) {
            LOG.error("A change could not be told; everything is told as changed", e);
            tellEverything(listener);
        }
    }

    private void tellEverything(Listener listener) {
        try {
            listener.everythingChanged();
        } catch (RuntimeException e) {
            LOG.error("A listener to changes fails", e);
        }
    }

    private void tellCaughtUp(Listener listener) {
        try {
            listener.caughtUp();
        } catch (RuntimeException e) {
            LOG.warn("A listener to changes fails and is called again: {}", e.getMessage());
        }
    }

    private void rememberXmin(Position at, long asked) {
        OldXmin newest = oldXmins.peekLast();
        if (newest == null || asked - newest.seenAt > RETENTION.toNanos() / 10) {
            oldXmins.addLast(new OldXmin(at.xmin(), asked));
        }
    }

    /**
     * Deletes rows that no instance can still need. All transactions below a snapshot's xmin had ended when the
     * snapshot was taken, so every instance that has read the feed since then has seen their rows, and one that has not
     * drops everything anyway.
     */
    private void trimIfDue() {
        long now = System.nanoTime();
        if (now - trimAt < 0) {
            return;
        }
        reading.lock();
        try {
            for (OldXmin oldest = oldXmins.peekFirst();
                    oldest != null && now - oldest.seenAt > RETENTION.toNanos();
                    oldest = oldXmins.peekFirst()) {
                trimBelow = oldest.xmin;
                oldXmins.removeFirst();
            }
        } finally {
            reading.unlock();
        }
        trimAt = now + trimPause();
    }

    /** A part at each turn, because the feed is to be read in between. */
    private void trimSome() {
        String xmin = trimBelow;
        if (xmin == null) {
            return;
        }
        int deleted = db.transaction(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(trim)) {
                statement.setString(1, xmin);
                return statement.executeUpdate();
            }
        });
        if (deleted < MOST_TRIMMED) {
            trimBelow = null;
        }
    }

    /** Spread, so that instances do not come at once; whoever comes first does the work. */
    private static long trimPause() {
        return TimeUnit.SECONDS.toNanos(ThreadLocalRandom.current().nextLong(60, 180));
    }

    private record OldXmin(String xmin, long seenAt) {}

    private record Answer(Position position, List<Change> changes) {}

    /**
     * Up to where the feed was read.
     *
     * @param snapshot {@code xmin:xmax:running,...}
     * @param serverStart when the server process started: another one may know other transactions by the same numbers
     * @param now the database's time
     * @param nanoTime this machine's monotonic time, which stands still while the machine sleeps
     */
    private record Position(String snapshot, String serverStart, Instant now, long nanoTime) {

        /** Sees all transactions there can be, so that no row is behind it. */
        static final Position NONE = new Position("9223372036854775806:9223372036854775806:", "", Instant.EPOCH, 0);

        String xmin() {
            return snapshot.substring(0, snapshot.indexOf(':'));
        }

        private long xmax() {
            int from = snapshot.indexOf(':') + 1;
            return Long.parseLong(snapshot.substring(from, snapshot.indexOf(':', from)));
        }

        boolean continues(Position last) {
            return serverStart.equals(last.serverStart)
                    && xmax() >= last.xmax()
                    && nanoTime - last.nanoTime < LONGEST_GAP.toNanos()
                    && Duration.between(last.now, now).compareTo(LONGEST_GAP) < 0;
        }
    }
}
