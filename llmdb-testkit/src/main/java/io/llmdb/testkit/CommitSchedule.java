package io.llmdb.testkit;

import java.util.SplittableRandom;

/** Decides for each COMMIT in turn whether it breaks. Safe for use by several threads. */
final class CommitSchedule {

    private final int oneIn;
    private final boolean random;
    private final SplittableRandom dice;
    private long commits;
    private long broken;

    private CommitSchedule(int oneIn, boolean random, long seed) {
        if (oneIn < 1) {
            throw new TestkitException("every " + oneIn + "th COMMIT: use 1 or more");
        }
        this.oneIn = oneIn;
        this.random = random;
        this.dice = new SplittableRandom(seed);
    }

    /** The n-th, the 2n-th and so on. */
    static CommitSchedule every(int n) {
        return new CommitSchedule(n, false, 0);
    }

    /** Each with chance 1/n; the same seed makes the same decisions. */
    static CommitSchedule oneIn(int n, long seed) {
        return new CommitSchedule(n, true, seed);
    }

    synchronized boolean breaksNext() {
        commits++;
        boolean breaks = random ? dice.nextInt(oneIn) == 0 : commits % oneIn == 0;
        if (breaks) {
            broken++;
        }
        return breaks;
    }

    synchronized long broken() {
        return broken;
    }
}
