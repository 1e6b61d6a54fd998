package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** Rows in the binary format of COPY, taken from one table and put into another, so many to a transaction. */
final class CopyChunks {

    private final List<byte[]> chunks = new ArrayList<>();
    private final int rows;

    private CopyChunks(int rows) {
        this.rows = rows;
    }

    /** @param select what to take, in a fixed order */
    static CopyChunks from(TestDatabase database, String select, int rows, int rowsOfEach) throws Exception {
        CopyChunks all = new CopyChunks(rows);
        try (Connection connection = database.dataSource().getConnection()) {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            for (long at = 0; at < rows; at += rowsOfEach) {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream(rowsOfEach * 600);
                copy.copyOut(
                        "COPY (" + select + " LIMIT " + rowsOfEach + " OFFSET " + at + ") TO STDOUT (FORMAT binary)",
                        bytes);
                all.chunks.add(bytes.toByteArray());
            }
        }
        return all;
    }

    int rows() {
        return rows;
    }

    long bytes() {
        return chunks.stream().mapToLong(chunk -> chunk.length).sum();
    }

    /**
     * Copies all of it over so many connections at once, a transaction each chunk, and returns the seconds that took.
     */
    double into(TestDatabase database, String target, int connections) throws Exception {
        return into(database, target, connections, () -> {});
    }

    /** @param afterwards runs while the connections are open still */
    double into(TestDatabase database, String target, int connections, Runnable afterwards) throws Exception {
        AtomicInteger next = new AtomicInteger();
        List<Connection> open = new ArrayList<>();
        try {
            for (int i = 0; i < connections; i++) {
                open.add(database.dataSource().getConnection());
            }
            long start = System.nanoTime();
            Callers.run(connections, 1, number -> {
                try {
                    copy(open.get(number), target, next);
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            double seconds = (System.nanoTime() - start) / 1e9;
            afterwards.run();
            return seconds;
        } finally {
            for (Connection connection : open) {
                connection.close();
            }
        }
    }

    private void copy(Connection connection, String target, AtomicInteger next) throws SQLException {
        connection.setAutoCommit(false);
        CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
        for (int i = next.getAndIncrement(); i < chunks.size(); i = next.getAndIncrement()) {
            byte[] chunk = chunks.get(i);
            var in = copy.copyIn("COPY " + target + " FROM STDIN (FORMAT binary)");
            in.writeToCopy(chunk, 0, chunk.length);
            in.endCopy();
            connection.commit();
        }
    }
}
