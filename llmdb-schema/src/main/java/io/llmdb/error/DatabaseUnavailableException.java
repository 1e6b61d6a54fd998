package io.llmdb.error;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL could not be reached, or no connection was free in time. Never means that a key or an object does not
 * exist; trying again may succeed.
 */
public class DatabaseUnavailableException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do about it */
    public DatabaseUnavailableException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong and what to do about it
     * @param cause what was caught, or null
     */
    public DatabaseUnavailableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /**
     * Says what stands between: nobody listens, a login that is refused, a pool that is used up.
     *
     * @param failure what JDBC or the pool threw
     * @return the exception to throw
     */
    public static DatabaseUnavailableException of(SQLException failure) {
        if (!(failure instanceof SQLTransientConnectionException)) {
            return new DatabaseUnavailableException("The database cannot be reached: " + failure.getMessage(), failure);
        }
        // A pool says how long it waited, and keeps why it could not connect, if it could not, as the cause.
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException) {
                return new DatabaseUnavailableException(
                        "The database cannot be reached: " + cause.getMessage() + " (" + failure.getMessage() + ")",
                        failure);
            }
        }
        return new DatabaseUnavailableException(
                "No connection was free in time, or the database does not answer: " + failure.getMessage()
                        + ". Where all are in use, raise database_connection_pool_limit",
                failure);
    }
}
