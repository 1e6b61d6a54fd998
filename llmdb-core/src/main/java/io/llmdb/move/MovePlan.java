package io.llmdb.move;

import java.time.Duration;
import java.util.List;

/**
 * What a copy would do.
 *
 * @param tables the tables in the order in which they are planned
 * @param rows how many rows about, by the server's statistics
 * @param bytes how many bytes they take on the source, without indexes
 * @param estimate how long about; a guess before anything was copied
 * @param notes what is left behind, and other things to know
 * @param problems why the copy would be refused; empty where it would not
 */
public record MovePlan(
        List<PlannedTable> tables,
        long rows,
        long bytes,
        Duration estimate,
        List<String> notes,
        List<String> problems) {

    /** Keeps copies of the lists. */
    public MovePlan {
        tables = List.copyOf(tables);
        notes = List.copyOf(notes);
        problems = List.copyOf(problems);
    }

    /**
     * One table, or one partition of a log.
     *
     * @param table the table, unquoted
     * @param partition the partition's name on the source; empty: the whole table
     * @param rows how many rows about, by the server's statistics
     * @param bytes how many bytes, without indexes
     */
    public record PlannedTable(String table, String partition, long rows, long bytes) {}
}
