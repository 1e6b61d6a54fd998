package io.llmdb.internal;

/** One run of a job. Safe for use by several threads. */
public final class JobRun {

    private volatile boolean ended;

    JobRun() {}

    /**
     * Whether to take the next step: the claim still holds and the instance is not being closed. Work that takes long
     * asks between its steps; what is left is done by the next run.
     *
     * @return false to stop here
     */
    public boolean mayGoOn() {
        return !ended && !Thread.currentThread().isInterrupted();
    }

    boolean isEnded() {
        return ended;
    }

    void end() {
        ended = true;
    }
}
