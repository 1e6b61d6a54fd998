package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One moment of the source that several transactions read, as long as this one is open. */
final class Snapshot implements AutoCloseable {

    private final Session session;
    private final String id;
    private final long xmin;
    private final long xmax;
    private final Set<Long> running;

    /** @param transactions as {@code pg_snapshot} writes them: {@code xmin:xmax:running,running} */
    Snapshot(Session session, String id, String transactions) {
        this.session = session;
        this.id = id;
        String[] parts = transactions.split(":", -1);
        this.xmin = Long.parseLong(parts[0]);
        this.xmax = Long.parseLong(parts[1]);
        this.running = Stream.of(parts[2].split(","))
                .filter(xid -> !xid.isEmpty())
                .map(Long::valueOf)
                .collect(Collectors.toSet());
    }

    static Snapshot take(MoveEndpoint source) throws SQLException {
        Session session = Session.read(source);
        try {
            List<String[]> row = session.rows("SELECT pg_export_snapshot(), pg_current_snapshot()::text");
            return new Snapshot(session, Objects.requireNonNull(row.get(0)[0]), Objects.requireNonNull(row.get(0)[1]));
        } catch (SQLException | RuntimeException e) {
            session.close();
            throw e;
        }
    }

    /** Reads in the transaction that holds the snapshot. */
    Session session() {
        return session;
    }

    /** A further transaction at the same moment. */
    Session open() throws SQLException {
        return Session.read(session.side(), id);
    }

    /**
     * The oldest transaction that was still running. What the snapshot does not see was written by it or a later one,
     * subtransactions included.
     */
    String xmin() {
        return Long.toString(xmin);
    }

    /**
     * Whether a transaction that has been committed is among those that this moment sees.
     *
     * @param xid its number as rows have it, without the rounds that the numbers have made
     */
    boolean sees(int xid) {
        long number = nearest(xid);
        return number < xmax && !running.contains(number);
    }

    /** A transaction's number with the rounds that the numbers have made, as near to this moment as can be. */
    long nearest(int xid) {
        return xmax + (xid - (int) xmax);
    }

    @Override
    public void close() {
        session.close();
    }
}
