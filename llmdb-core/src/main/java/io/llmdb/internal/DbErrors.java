package io.llmdb.internal;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** What PostgreSQL's errors mean to us. */
public final class DbErrors {

    /** Shutdown, crash, cannot connect now, too many connections, out of reach for other reasons of operation. */
    private static final Set<String> UNAVAILABLE_STATES =
            Set.of("57P01", "57P02", "57P03", "53300", "57P05", "25P03", "57000");

    /** The disk is full, or another resource of the server's is. */
    private static final Set<String> NO_ROOM_STATES = Set.of("53100", "53000", "58030");

    private static final Set<String> RUN_AGAIN_STATES = Set.of("40001", "40P01");

    /** The migrations' own: the database has moved, or the move into it is not finished. */
    private static final String MOVED = "LD080";

    private static final String ARRIVING = "LD081";

    private DbErrors() {}

    /**
     * @param failure what was caught, a SQLException somewhere in its causes
     * @return the exception that the library throws for it
     */
    public static LlmDbException translate(Throwable failure) {
        if (failure instanceof LlmDbException ours) {
            return ours;
        }
        if (isUnavailable(failure)) {
            if (sqlException(failure) instanceof SQLTransientConnectionException pool) {
                return DatabaseUnavailableException.of(pool);
            }
            return new DatabaseUnavailableException("The database cannot be reached: " + message(failure), failure);
        }
        String state = sqlState(failure);
        if (MOVED.equals(state)) {
            return MoveWatch.moved(hint(failure), failure);
        }
        if (ARRIVING.equals(state)) {
            return MoveWatch.arriving(failure);
        }
        return new DatabaseFailureException(
                "PostgreSQL refused (SQLSTATE " + state + "): " + message(failure)
                        + (hasNoRoom(failure) ? ". It cannot write to its disk: free or add space there" : ""),
                failure);
    }

    /**
     * @param failure what was caught
     * @return whether the server could not write to its disk
     */
    public static boolean hasNoRoom(Throwable failure) {
        String state = sqlState(failure);
        return state != null && NO_ROOM_STATES.contains(state);
    }

    /**
     * @param failure what was caught
     * @return whether the database was not there to answer, so that nothing is known of what was asked
     */
    public static boolean isUnavailable(Throwable failure) {
        if (failure instanceof DatabaseUnavailableException) {
            return true;
        }
        SQLException sql = sqlException(failure);
        if (sql == null) {
            return false;
        }
        String state = sql.getSQLState();
        return sql instanceof SQLTransientConnectionException
                || (state != null && (state.startsWith("08") || UNAVAILABLE_STATES.contains(state)))
                || sql.getMessage() != null && sql.getMessage().contains("has been closed");
    }

    /**
     * @param failure what was caught
     * @return whether nothing is written here because the database has moved, or has not arrived yet
     */
    public static boolean isMoved(Throwable failure) {
        String state = sqlState(failure);
        return failure instanceof DatabaseMovedException || MOVED.equals(state) || ARRIVING.equals(state);
    }

    /**
     * @param failure what was caught
     * @return whether PostgreSQL gave the transaction up for others' sake, so that running it again is right
     */
    public static boolean isWorthRunningAgain(Throwable failure) {
        String state = sqlState(failure);
        return state != null && (RUN_AGAIN_STATES.contains(state) || isPartitionRace(state, failure));
    }

    /**
     * Whether a row was on its way to the default partition while its own partition was being attached. A partition's
     * bounds are a check without a name, unlike all others.
     */
    private static boolean isPartitionRace(String state, Throwable failure) {
        return state.equals("23514") && constraint(failure) == null;
    }

    /**
     * @param failure what was caught
     * @return its SQLSTATE, or null where it has none
     */
    public static @Nullable String sqlState(Throwable failure) {
        SQLException sql = sqlException(failure);
        return sql == null ? null : sql.getSQLState();
    }

    /**
     * @param failure what was caught
     * @return the name of the constraint that it violates, or null
     */
    public static @Nullable String constraint(Throwable failure) {
        if (sqlException(failure) instanceof PSQLException e) {
            ServerErrorMessage message = e.getServerErrorMessage();
            return message == null ? null : message.getConstraint();
        }
        return null;
    }

    /**
     * @param failure what was caught
     * @return whether it is a unique violation
     */
    public static boolean isDuplicate(Throwable failure) {
        return "23505".equals(sqlState(failure));
    }

    private static @Nullable String hint(Throwable failure) {
        return sqlException(failure) instanceof PSQLException e && e.getServerErrorMessage() != null
                ? e.getServerErrorMessage().getHint()
                : null;
    }

    /** The server's message without its detail, which may quote a whole row. */
    private static @Nullable String message(Throwable failure) {
        SQLException sql = sqlException(failure);
        if (sql instanceof PSQLException e && e.getServerErrorMessage() != null) {
            return e.getServerErrorMessage().getMessage();
        }
        return sql == null ? failure.getMessage() : sql.getMessage();
    }

    private static @Nullable SQLException sqlException(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException sql) {
                return sql;
            }
        }
        return null;
    }
}
