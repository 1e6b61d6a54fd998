package io.llmdb.keys;

import io.llmdb.error.CallInterruptedException;
import io.llmdb.error.DatabaseUnavailableException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads values by key, each key once however many threads want it, and all that came while the last query ran in one
 * query.
 *
 * <p>There is no thread of its own: whoever comes while few queries run asks for itself, so a lone caller waits for
 * nobody; the others wait, and one of them asks for all when a query ends. A value is never handed to a call that began
 * after the value's query and after a change was told: such a call asks again.
 *
 * @param <K> keys
 * @param <V> values
 */
final class BatchReader<K, V> {

    static final int BATCH = 500;

    /**
     * More than one, so that a slow query does not hold up everything; few, so that they batch and leave connections to
     * others.
     */
    private static final int QUERIES_AT_ONCE = 2;

    private static final int MOST_WAITING = 20_000;

    /** One query. */
    interface Source<K, V> {

        /**
         * @param keys what to look for, all different
         * @param found receives what there is
         * @return how many round trips it took
         */
        int read(List<K> keys, Found<K, V> found);
    }

    /** Receives what a query found. */
    interface Found<K, V> {

        void value(K key, V value);

        /**
         * A value that was not read by one query alone.
         *
         * @param validAt an instant at which all of it was so, by {@link System#nanoTime()}
         * @param readAt the same before the query that its oldest part is from
         */
        void value(K key, V value, long validAt, long readAt);

        /** The row is there but cannot be understood; other keys of the batch are not concerned. */
        void failure(K key, RuntimeException failure);
    }

    /** What earlier queries found. */
    interface Kept<K, V> {

        /** What is kept of a key and may be used, or null. */
        @Nullable
        Answer<V> of(K key);
    }

    /** Hears of every value, before anybody who waits for it. */
    interface Sink<K, V> {

        void read(K key, Answer<V> answer);
    }

    /**
     * @param value what was found; null: nothing
     * @param validAt an instant at which all of it was so: {@link System#nanoTime()} before the query, or earlier
     * @param readAt the same before the query that its oldest part is from
     * @param epoch the epoch before the query
     */
    record Answer<V>(@Nullable V value, long validAt, long readAt, long epoch) {}

    private final Source<K, V> source;
    private final Kept<K, V> kept;
    private final Sink<K, V> sink;
    private final LongSupplier epoch;
    private final @Nullable TokenBucket pace;
    private final Duration timeout;

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<K, Flight<K, V>> flights = new HashMap<>();
    private final ArrayDeque<Flight<K, V>> queue = new ArrayDeque<>();
    private int queries;
    private int unvouchedInQueue;

    /**
     * @param kept what the sink has kept
     * @param epoch grows whenever a change is told
     * @param pace limits how many queries go out for keys that nobody vouches for; null: nothing does
     * @param timeout how long a call waits for others' queries
     */
    BatchReader(
            Source<K, V> source,
            Kept<K, V> kept,
            Sink<K, V> sink,
            LongSupplier epoch,
            @Nullable TokenBucket pace,
            Duration timeout) {
        this.source = source;
        this.kept = kept;
        this.sink = sink;
        this.epoch = epoch;
        this.pace = pace;
        this.timeout = timeout;
    }

    /**
     * @param vouched whether the query need not be paced
     * @throws DatabaseUnavailableException where the database cannot be reached or does not answer in time
     */
    Answer<V> read(K key, boolean vouched) {
        Flight<K, V> flight;
        Wait wait = new Wait();
        boolean lead = false;
        lock.lock();
        try {
            flight = flights.get(key);
            if (flight == null) {
                // A query for it may have ended since the caller looked.
                Answer<V> found = kept.of(key);
                if (found != null) {
                    return found;
                }
            }
            if (flight == null || (flight.started && flight.epoch != epoch.getAsLong())) {
                flight = enqueue(key, vouched);
            }
            flight.waiting++;
            if (queries < QUERIES_AT_ONCE && !flight.started && !flight.led) {
                queries++;
                flight.led = true;
                lead = true;
            }
        } finally {
            lock.unlock();
        }
        try {
            if (lead) {
                lead(flight, wait);
            } else {
                await(flight, wait);
            }
            return flight.result();
        } finally {
            lock.lock();
            try {
                leave(flight, wait);
            } finally {
                lock.unlock();
            }
        }
    }

    /** One call's wait for a flight. */
    private static final class Wait {
        private boolean isOver;
    }

    private Flight<K, V> enqueue(K key, boolean vouched) {
        if (queue.size() >= MOST_WAITING) {
            throw new DatabaseUnavailableException(
                    MOST_WAITING + " look-ups wait for the database already; try again in a moment");
        }
        Flight<K, V> flight = new Flight<>(key, vouched || pace == null, lock.newCondition());
        flights.put(key, flight);
        queue.addLast(flight);
        unvouchedInQueue += flight.vouched ? 0 : 1;
        return flight;
    }

    /** Under the lock in which somebody gives up: else the right to ask might be handed to nobody. */
    private void leave(Flight<K, V> flight, Wait wait) {
        if (wait.isOver) {
            return;
        }
        wait.isOver = true;
        flight.waiting--;
        if (flight.waiting == 0 && flight.mayLead) {
            flight.mayLead = false;
            handOver();
        }
    }

    /** Waits for another thread's query, or takes the lead when it is this one's turn. */
    private void await(Flight<K, V> flight, Wait wait) {
        long left = timeout.toNanos();
        lock.lock();
        try {
            while (!flight.done && !flight.mayLead) {
                if (left <= 0) {
                    leave(flight, wait);
                    throw new DatabaseUnavailableException(
                            "The database has not answered within " + timeout.toMillis() + " ms");
                }
                left = flight.changed.awaitNanos(left);
            }
            boolean leads = flight.mayLead;
            flight.mayLead = false;
            if (flight.done) {
                if (leads) {
                    handOver();
                }
                return;
            }
            flight.led = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            boolean leads = flight.mayLead;
            flight.mayLead = false;
            leave(flight, wait);
            if (leads) {
                handOver();
            }
            throw new CallInterruptedException("Interrupted while waiting for the database", e);
        } finally {
            lock.unlock();
        }
        lead(flight, wait);
    }

    private void lead(Flight<K, V> flight, Wait wait) {
        try {
            while (!flight.started) {
                pace(flight);
                query(take());
            }
        } finally {
            lock.lock();
            try {
                flight.led = false;
                if (!flight.started) {
                    leave(flight, wait);
                }
                handOver();
            } finally {
                lock.unlock();
            }
        }
        if (!flight.done) {
            await(flight, wait);
        }
    }

    /** Gives the right to ask to whoever waits longest, or back. */
    private void handOver() {
        for (Flight<K, V> next : queue) {
            if (next.waiting > 0 && !next.led && !next.mayLead) {
                next.mayLead = true;
                next.changed.signal();
                return;
            }
        }
        queries--;
    }

    /** Whoever waits here lets more keys gather for the same query. */
    private void pace(Flight<K, V> flight) {
        if (pace == null) {
            return;
        }
        long deadline = System.nanoTime() + timeout.toNanos();
        while (hasUnvouched() && !pace.tryTake()) {
            long now = System.nanoTime();
            lock.lock();
            try {
                if (flight.started) {
                    return;
                }
                if (now - deadline > 0) {
                    throw new DatabaseUnavailableException(
                            "Too many unknown keys are looked up; try again in a moment");
                }
                flight.changed.awaitNanos(Math.max(pace.nanosToNext(), TimeUnit.MICROSECONDS.toNanos(50)));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CallInterruptedException("Interrupted while waiting for the database", e);
            } finally {
                lock.unlock();
            }
        }
    }

    private boolean hasUnvouched() {
        lock.lock();
        try {
            return unvouchedInQueue > 0;
        } finally {
            lock.unlock();
        }
    }

    private List<Flight<K, V>> take() {
        lock.lock();
        try {
            List<Flight<K, V>> batch = new ArrayList<>();
            long now = epoch.getAsLong();
            while (batch.size() < BATCH && !queue.isEmpty()) {
                Flight<K, V> flight = queue.removeFirst();
                unvouchedInQueue -= flight.vouched ? 0 : 1;
                if (flight.waiting == 0) {
                    flights.remove(flight.key, flight);
                    continue;
                }
                flight.started = true;
                flight.epoch = now;
                batch.add(flight);
            }
            return batch;
        } finally {
            lock.unlock();
        }
    }

    private void query(List<Flight<K, V>> batch) {
        if (batch.isEmpty()) {
            return;
        }
        long askedAt = System.nanoTime();
        long epochBefore = batch.get(0).epoch;
        Map<K, Answer<V>> answers = new HashMap<>();
        Map<K, RuntimeException> failures = new HashMap<>();
        RuntimeException failure = null;
        try {
            source.read(batch.stream().map(flight -> flight.key).toList(), new Found<>() {
                @Override
                public void value(K key, V value) {
                    value(key, value, askedAt, askedAt);
                }

                @Override
                public void value(K key, V value, long validAt, long readAt) {
                    answers.put(key, new Answer<>(value, validAt, readAt, epochBefore));
                }

                @Override
                public void failure(K key, RuntimeException cause) {
                    failures.put(key, cause);
                }
            });
            for (Flight<K, V> flight : batch) {
                flight.failure = failures.get(flight.key);
                if (flight.failure == null) {
                    Answer<V> found = answers.get(flight.key);
                    flight.answer = found == null ? new Answer<>(null, askedAt, askedAt, epochBefore) : found;
                    sink.read(flight.key, flight.answer);
                }
            }
        } catch (RuntimeException e) {
            failure = e;
        } finally {
            finish(batch, failure);
        }
    }

    private void finish(List<Flight<K, V>> batch, @Nullable RuntimeException failure) {
        lock.lock();
        try {
            for (Flight<K, V> flight : batch) {
                if (flight.answer == null && flight.failure == null) {
                    flight.failure = failure == null ? new IllegalStateException("A look-up was broken off") : failure;
                }
                flight.done = true;
                flights.remove(flight.key, flight);
                flight.changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }
}
