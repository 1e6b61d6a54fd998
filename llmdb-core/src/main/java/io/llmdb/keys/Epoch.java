package io.llmdb.keys;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Counts the changes that were told, so that what was read before one is not kept after it. Safe for use by several
 * threads.
 */
final class Epoch {

    /** Whoever puts holds it shared, whoever tells a change alone. */
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    private volatile long number;

    /** To be taken before the query whose answer is to be kept. */
    long now() {
        return number;
    }

    /** From here on nothing is kept that was read before. What is kept already is to be removed afterwards. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // only under the write lock
    void next() {
        lock.writeLock().lock();
        try {
            number = number + 1;
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Runs what keeps something that was read in an epoch, unless that is over. */
    void ifStill(long epoch, Runnable put) {
        lock.readLock().lock();
        try {
            if (epoch == number) {
                put.run();
            }
        } finally {
            lock.readLock().unlock();
        }
    }
}
