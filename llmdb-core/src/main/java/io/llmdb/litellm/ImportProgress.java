package io.llmdb.litellm;

import java.time.Duration;

/**
 * How far an import has come.
 *
 * @param table the table of the source that is being read
 * @param rows how many of its rows are done
 * @param ofRows about how many it has; less than {@code rows} where nobody counted
 * @param number the place of the table among all tables that are read, from 1
 * @param ofTables how many tables are read
 * @param took since the import began
 */
public record ImportProgress(String table, long rows, long ofRows, int number, int ofTables, Duration took) {}
