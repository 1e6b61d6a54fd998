package io.llmdb.testkit;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * Knows which of a client's messages makes the server commit: a simple query, or the execution of a portal that was
 * bound to a prepared COMMIT.
 */
final class CommitWatch {

    private static final Set<String> COMMITS =
            Set.of("COMMIT", "END", "COMMIT TRANSACTION", "COMMIT WORK", "END TRANSACTION");
    private static final byte[] COMMIT_TAG = "COMMIT\0".getBytes(StandardCharsets.US_ASCII);

    private final Set<String> statements = new HashSet<>();
    private final Set<String> portals = new HashSet<>();

    /** Whether {@link #isCommit} wants to see a message of this type. */
    static boolean isOfInterest(int type) {
        return type == 'Q' || type == 'P' || type == 'B' || type == 'E' || type == 'C';
    }

    /**
     * Whether the server's CommandComplete says that a transaction was committed; a failed one's COMMIT answers
     * ROLLBACK.
     */
    static boolean isCommitTag(byte[] tag) {
        return java.util.Arrays.equals(tag, COMMIT_TAG);
    }

    /** Notes what the message prepares; true where the server commits when it gets it. */
    boolean isCommit(int type, byte[] body) {
        String first = string(body, 0);
        return switch (type) {
            case 'Q' -> isCommitText(first);
            case 'P' -> note(statements, first, isCommitText(string(body, end(body, 0) + 1)));
            case 'B' -> note(portals, first, statements.contains(string(body, end(body, 0) + 1)));
            case 'C' -> note(body[0] == 'S' ? statements : portals, string(body, 1), false);
            case 'E' -> portals.contains(first);
            default -> false;
        };
    }

    private static boolean note(Set<String> names, String name, boolean isCommit) {
        if (isCommit) {
            names.add(name);
        } else {
            names.remove(name);
        }
        // To be prepared is not to be executed.
        return false;
    }

    private static boolean isCommitText(String sql) {
        String text = sql.strip();
        return COMMITS.contains(
                (text.endsWith(";") ? text.substring(0, text.length() - 1).strip() : text).toUpperCase(Locale.ROOT));
    }

    private static String string(byte[] body, int from) {
        return new String(body, from, end(body, from) - from, StandardCharsets.UTF_8);
    }

    private static int end(byte[] body, int from) {
        int end = from;
        while (end < body.length && body[end] != 0) {
            end++;
        }
        return end;
    }
}
