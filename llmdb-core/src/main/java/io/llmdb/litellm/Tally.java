package io.llmdb.litellm;

import io.llmdb.litellm.ImportReport.ColumnReport;
import io.llmdb.litellm.ImportReport.Note;
import io.llmdb.litellm.ImportReport.TableReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Counts what becomes of one table's rows and values. */
final class Tally {

    private static final int EXAMPLES = 3;

    private final String table;
    private final @Nullable String target;
    private final Map<String, ColumnTally> columns = new LinkedHashMap<>();
    private final Map<String, Counted> skipped = new LinkedHashMap<>();
    private final Map<String, Counted> kept = new LinkedHashMap<>();
    private long read;
    private long added;
    private long updated;
    private long unchanged;

    Tally(String table, @Nullable String target, List<String> columns) {
        this.table = table;
        this.target = target;
        columns.forEach(column -> this.columns.put(column, new ColumnTally()));
    }

    /** What becomes of a row. */
    enum Fate {
        ADDED,
        UPDATED,
        UNCHANGED,
        KEPT,
        SKIPPED
    }

    /** What becomes of a value. */
    enum ValueFate {
        CARRIED,
        CHANGED,
        LEFT,
        IN_OTHER_ROW
    }

    private static final class Counted {
        private long count;
        private final List<String> examples = new ArrayList<>();

        private void add(long more, @Nullable String example) {
            count += more;
            if (example != null && examples.size() < EXAMPLES) {
                examples.add(example);
            }
        }
    }

    private static final class ColumnTally {
        private long values;
        private long carried;
        private long inOtherRows;
        private final Map<String, Counted> changed = new LinkedHashMap<>();
        private final Map<String, Counted> left = new LinkedHashMap<>();
    }

    void row(Fate fate, String reason, @Nullable String id) {
        rows(1, fate, reason, id);
    }

    void rows(long count, Fate fate, String reason, @Nullable String id) {
        read += count;
        switch (fate) {
            case ADDED -> added += count;
            case UPDATED -> updated += count;
            case UNCHANGED -> unchanged += count;
            case KEPT -> kept.computeIfAbsent(reason, any -> new Counted()).add(count, id);
            case SKIPPED ->
                skipped.computeIfAbsent(reason, any -> new Counted()).add(count, id);
        }
    }

    void value(String column, ValueFate fate, String reason, @Nullable String id) {
        values(column, 1, fate, reason, id);
    }

    void values(String column, long count, ValueFate fate, String reason, @Nullable String id) {
        if (count == 0) {
            return;
        }
        ColumnTally tally = columns.computeIfAbsent(column, any -> new ColumnTally());
        tally.values += count;
        switch (fate) {
            case CARRIED -> tally.carried += count;
            case CHANGED ->
                tally.changed.computeIfAbsent(reason, any -> new Counted()).add(count, id);
            case LEFT ->
                tally.left.computeIfAbsent(reason, any -> new Counted()).add(count, id);
            case IN_OTHER_ROW -> tally.inOtherRows += count;
        }
    }

    long read() {
        return read;
    }

    TableReport report() {
        List<ColumnReport> reports = new ArrayList<>();
        columns.forEach((name, tally) -> reports.add(new ColumnReport(
                name, tally.values, tally.carried, notes(tally.changed), notes(tally.left), tally.inOtherRows)));
        return new TableReport(table, target, read, added, updated, unchanged, notes(kept), notes(skipped), reports);
    }

    private static List<Note> notes(Map<String, Counted> counted) {
        List<Note> notes = new ArrayList<>();
        counted.forEach((reason, tally) -> notes.add(new Note(reason, tally.count, tally.examples)));
        return notes;
    }
}
