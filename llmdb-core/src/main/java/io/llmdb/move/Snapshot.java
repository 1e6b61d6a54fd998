package io.llmdb.move;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;

/** One moment of the source that several transactions read, as long as this one is open. */
final class Snapshot implements AutoCloseable {

    private final Session session;
    private final String id;
    private final String xmin;

    private Snapshot(Session session, String id, String xmin) {
        this.session = session;
        this.id = id;
        this.xmin = xmin;
    }

    static Snapshot take(MoveEndpoint source) throws SQLException {
        Session session = Session.read(source);
        try {
            List<String[]> row =
                    session.rows("SELECT pg_export_snapshot(), pg_snapshot_xmin(pg_current_snapshot())::text");
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
        return xmin;
    }

    @Override
    public void close() {
        session.close();
    }
}
