package io.llmdb.litellm;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an import brought, for every table and every column of the source.
 *
 * <p>For a table: rows read = added + updated + unchanged + kept + skipped. For a column: values (that are not NULL) =
 * carried + changed + left + values in rows that were not written. Immutable.
 *
 * @param source the database and schema it was read from
 * @param dryRun whether nothing was kept of it
 * @param run the how manieth run on this target
 * @param snapshot the moment of the source's snapshot, by its clock
 * @param tables what became of each table, in the order in which they were read; those without a place here come last
 * @param notes what is worth knowing beside that
 * @param took how long it took
 */
public record ImportReport(
        String source,
        boolean dryRun,
        long run,
        Instant snapshot,
        List<TableReport> tables,
        List<String> notes,
        Duration took) {

    /** Copies the lists. */
    public ImportReport {
        tables = List.copyOf(tables);
        notes = List.copyOf(notes);
    }

    /**
     * What became of one table.
     *
     * @param table its name there
     * @param target its name here; null: it has no place here
     * @param read rows read
     * @param added rows that are new here
     * @param updated rows that were brought before and changed there since
     * @param unchanged rows that were brought before and did not change there
     * @param kept rows that changed there, and were changed or deleted here since, so that they stay as they are here
     * @param skipped rows that did not fit, by reason
     * @param columns what became of each column
     */
    public record TableReport(
            String table,
            @Nullable String target,
            long read,
            long added,
            long updated,
            long unchanged,
            List<Note> kept,
            List<Note> skipped,
            List<ColumnReport> columns) {

        /** Copies the lists. */
        public TableReport {
            kept = List.copyOf(kept);
            skipped = List.copyOf(skipped);
            columns = List.copyOf(columns);
        }

        /** @return rows that were written or are here already as they should be */
        public long here() {
            return added + updated + unchanged;
        }

        /** @return rows that did not fit */
        public long notBrought() {
            return Note.sum(skipped);
        }

        /**
         * @param name a column's name
         * @return what became of it
         */
        public Optional<ColumnReport> column(String name) {
            return columns.stream()
                    .filter(column -> column.column().equals(name))
                    .findFirst();
        }
    }

    /**
     * What became of the values of one column.
     *
     * @param column its name there
     * @param values how many there are that are not NULL
     * @param carried how many came as they are
     * @param changed how many came in another form, by reason
     * @param left how many did not come although their row did, by reason
     * @param inOtherRows how many stand in rows that were not written in this run
     */
    public record ColumnReport(
            String column, long values, long carried, List<Note> changed, List<Note> left, long inOtherRows) {

        /** Copies the lists. */
        public ColumnReport {
            changed = List.copyOf(changed);
            left = List.copyOf(left);
        }
    }

    /**
     * What happened to some rows or values.
     *
     * @param reason what and why
     * @param count how many
     * @param examples ids of the first few rows
     */
    public record Note(String reason, long count, List<String> examples) {

        /** Copies the list. */
        public Note {
            examples = List.copyOf(examples);
        }

        static long sum(List<Note> notes) {
            return notes.stream().mapToLong(Note::count).sum();
        }
    }

    /**
     * @param name the name of a table of the source
     * @return what became of it
     */
    public Optional<TableReport> table(String name) {
        return tables.stream().filter(table -> table.table().equals(name)).findFirst();
    }

    /** @return the report for people: a line for each table, then what changed or did not fit, then the notes */
    @Override
    public String toString() {
        return ReportText.of(this);
    }
}
