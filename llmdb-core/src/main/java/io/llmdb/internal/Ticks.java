package io.llmdb.internal;

/** This machine's two clocks, so that tests can be the machine. */
public interface Ticks {

    /** The machine's own. */
    Ticks SYSTEM = new Ticks() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public long wallMillis() {
            return System.currentTimeMillis();
        }
    };

    /** @return the monotonic clock, which stands still while the machine sleeps */
    long nanos();

    /** @return the time of day, which may be wrong or set at any moment, but goes on while the machine sleeps */
    long wallMillis();
}
