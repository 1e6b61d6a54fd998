package io.llmdb.move;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.DbErrors;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What a server's errors mean for a move, and what to do next. */
final class MoveFailures {

    private MoveFailures() {}

    /**
     * @param step what was tried, as in "copying failed"
     * @param again what to call again
     * @param failure what was caught
     */
    static LlmDbException of(String step, String again, Throwable failure) {
        if (failure instanceof LlmDbException ours && DbErrors.sqlState(failure) == null) {
            return ours;
        }
        String state = DbErrors.sqlState(failure);
        String reason = message(failure);
        return new MoveException(step + " failed: " + reason + ". " + advice(state, failure, again), failure);
    }

    private static String advice(@Nullable String state, Throwable failure, String again) {
        String resume = "Nothing is half done; " + again + " goes on where this ended";
        String message = message(failure);
        if (DbErrors.isUnavailable(failure) || message != null && message.matches("snapshot \".*\" does not exist")) {
            return "A server went away or the connection was lost: see that both answer; " + lower(resume);
        }
        if (DbErrors.hasNoRoom(failure)) {
            return "A server cannot write to its disk: free or add space there; " + lower(resume);
        }
        return switch (state == null ? "" : state) {
            case "42501" ->
                "The role may not do that: connect as the owner of the tables, or grant that role's membership; "
                        + lower(resume);
            case "55P03" -> "A lock was not to be had in time: end the transaction that holds it; " + lower(resume);
            case "22021", "22P05" -> "The target database's encoding cannot hold a text of the source: use UTF8 there";
            case "23505", "23503", "23514" ->
                "The target refuses a row: somebody else wrote there, or its rules differ from the source's; abandon the"
                        + " move and begin with an empty target";
            default -> resume;
        };
    }

    private static String lower(String text) {
        return Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }

    /** What the server said, without where and how; else what the driver said. */
    static @Nullable String message(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof org.postgresql.util.PSQLException e && e.getServerErrorMessage() != null) {
                return e.getServerErrorMessage().getMessage();
            }
            if (cause instanceof SQLException) {
                return cause.getMessage();
            }
        }
        return failure.getMessage();
    }
}
