package io.llmdb.internal;

import io.llmdb.error.DatabaseMovedException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Knows whether this database has moved to another server, or is the target of a move that is not finished. Hears of it
 * through the change feed, so within a second; the database itself refuses writes from the fence on. Safe for use by
 * several threads.
 */
public final class MoveWatch implements ChangeFeed.Listener {

    /** The row of {@code "LLM_DatabaseState"} that says that the database has moved. */
    public static final String MOVED = "moved";

    /** The row that says that a move into this database is not finished. */
    public static final String ARRIVING = "arriving";

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private static final String READ = """
            SELECT name, value ->> 'to' FROM ${llmdb}."LLM_DatabaseState" WHERE name IN ('moved', 'arriving') ORDER BY name DESC""";

    private final Db db;
    private final String read;
    private volatile boolean due = true;
    private volatile @Nullable State state;

    /** @param db the database */
    public MoveWatch(Db db) {
        this.db = db;
        this.read = db.sql().of(READ);
    }

    /**
     * Lets nobody in where the database has moved.
     *
     * @throws DatabaseMovedException where it has
     */
    public void requireNotMoved() {
        State known = state;
        if (known != null && known.name.equals(MOVED)) {
            throw moved(known.to, null);
        }
    }

    /**
     * Lets no request in where nothing can be booked.
     *
     * @throws DatabaseMovedException where the database has moved, or a move into it is not finished
     */
    public void requireHome() {
        State known = state;
        if (known != null) {
            throw known.name.equals(MOVED) ? moved(known.to, null) : arriving(null);
        }
    }

    static DatabaseMovedException moved(@Nullable String to, @Nullable Throwable cause) {
        String message = "This database has moved to " + (to == null || to.isEmpty() ? "another" : to)
                + ": open that one, and hand over to it what is not booked yet";
        String where = to == null || to.isEmpty() ? null : to;
        return cause == null
                ? new DatabaseMovedException(message, where)
                : new DatabaseMovedException(message, where, cause);
    }

    static DatabaseMovedException arriving(@Nullable Throwable cause) {
        String message = "This database is the target of a move that is not finished: requests are booked on the old"
                + " one until the cut-over, which opens this one";
        return cause == null
                ? new DatabaseMovedException(message, null)
                : new DatabaseMovedException(message, null, cause);
    }

    @Override
    public void changed(List<ChangeFeed.Change> changes) {
        if (changes.stream().anyMatch(change -> change.kind().equals("state"))) {
            due = true;
        }
    }

    @Override
    public void everythingChanged() {
        due = true;
    }

    @Override
    public void caughtUp() {
        if (due) {
            due = false;
            try {
                state = db.read(PATIENCE, MoveWatch.this::read);
            } catch (RuntimeException e) {
                due = true;
                throw e;
            }
        }
    }

    private @Nullable State read(Tx tx) throws SQLException {
        try (Statement statement = tx.connection().createStatement();
                ResultSet rows = statement.executeQuery(read)) {
            return rows.next() ? new State(rows.getString(1), rows.getString(2)) : null;
        }
    }

    private record State(String name, @Nullable String to) {}
}
