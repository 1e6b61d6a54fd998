package io.llmdb.move;

import java.sql.SQLException;
import java.util.function.LongConsumer;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyOut;

/**
 * Rows from one server to the other, COPY to COPY, with one buffer in between. The binary format of every type that our
 * tables have is the same in all versions that we know, and cheaper than text on both sides.
 */
final class CopyStream {

    private static final int BUFFER = 1 << 16;

    private CopyStream() {}

    /**
     * @param query what to read on the source
     * @param into the target table with its columns, and the options of its COPY
     * @param bytes is told how many bytes went over, again and again
     * @return how many rows there were
     */
    static long run(Session source, String query, Session target, String into, LongConsumer bytes) throws SQLException {
        CopyOut out = source.copy().copyOut("COPY (" + query + ") TO STDOUT (FORMAT binary)");
        CopyIn in = null;
        try {
            in = target.copy().copyIn("COPY " + into);
            byte[] buffer = new byte[BUFFER];
            int filled = 0;
            for (byte[] message = out.readFromCopy(); message != null; message = out.readFromCopy()) {
                if (filled + message.length > BUFFER) {
                    in.writeToCopy(buffer, 0, filled);
                    bytes.accept(filled);
                    filled = 0;
                }
                if (message.length > BUFFER) {
                    in.writeToCopy(message, 0, message.length);
                    bytes.accept(message.length);
                } else {
                    System.arraycopy(message, 0, buffer, filled, message.length);
                    filled += message.length;
                }
            }
            in.writeToCopy(buffer, 0, filled);
            bytes.accept(filled);
            return in.endCopy();
        } finally {
            cancel(in, out);
        }
    }

    /** Where one side failed the other must not be left in the middle of a COPY. */
    private static void cancel(@org.jspecify.annotations.Nullable CopyIn in, CopyOut out) {
        try {
            if (in != null && in.isActive()) {
                in.cancelCopy();
            }
        } catch (SQLException e) {
            org.slf4j.LoggerFactory.getLogger(CopyStream.class).debug("A COPY ends with {}", e.getMessage());
        }
        try {
            if (out.isActive()) {
                out.cancelCopy();
            }
        } catch (SQLException e) {
            org.slf4j.LoggerFactory.getLogger(CopyStream.class).debug("A COPY ends with {}", e.getMessage());
        }
    }
}
