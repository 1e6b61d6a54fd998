package io.llmdb.move;

import io.llmdb.internal.DbErrors;
import java.sql.SQLException;
import java.time.Duration;

/** Changes to tables that others are writing to. */
final class Locks {

    /**
     * How long writers may have to wait behind us. Far below the server's deadlock_timeout, so that nobody is given up.
     */
    private static final String TURN = "100ms";

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** A change, run again as a whole where a lock is not to be had in a short turn. */
    @FunctionalInterface
    interface Change {
        void apply(Session session) throws SQLException;
    }

    private Locks() {}

    /**
     * Makes a change in one transaction that never waits for a lock for long: it gives back what it has and begins
     * anew, so that those who write wait for at most a tenth of a second.
     *
     * @param what what has to be locked, for the message
     */
    static void inShortTurns(MoveEndpoint side, String what, Change change) throws SQLException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try (Session session = Session.write(side)) {
                session.run("SET LOCAL lock_timeout = '" + TURN + "'");
                change.apply(session);
                session.commit();
                return;
            } catch (SQLException e) {
                String state = DbErrors.sqlState(e);
                boolean busy = "55P03".equals(state) || "40P01".equals(state);
                if (!busy) {
                    throw e;
                }
                if (System.nanoTime() > deadline) {
                    throw new MoveException(
                            what + " could not be locked for " + PATIENCE.toSeconds()
                                    + " s, because a long transaction uses them: end it (pg_stat_activity shows it), and call"
                                    + " again",
                            e);
                }
                pause();
            }
        }
    }

    private static void pause() {
        java.util.concurrent.locks.LockSupport.parkNanos(20_000_000L);
    }
}
