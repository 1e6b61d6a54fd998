package io.llmdb.litellm;

import io.llmdb.litellm.ImportReport.ColumnReport;
import io.llmdb.litellm.ImportReport.Note;
import io.llmdb.litellm.ImportReport.TableReport;
import java.util.List;
import java.util.Locale;

/** A report as text. */
final class ReportText {

    private ReportText() {}

    static String of(ImportReport report) {
        StringBuilder text = new StringBuilder();
        text.append(report.dryRun() ? "Dry run of an import from " : "Import from ")
                .append(report.source())
                .append(" as of ")
                .append(report.snapshot())
                .append(", run ")
                .append(report.run())
                .append("\n\n");
        text.append(String.format(
                Locale.ROOT,
                "%-42s %10s %10s %9s %10s %6s %8s%n",
                "table",
                "read",
                "added",
                "updated",
                "unchanged",
                "kept",
                "skipped"));
        for (TableReport table : report.tables()) {
            text.append(String.format(
                    Locale.ROOT,
                    "%-42s %10d %10d %9d %10d %6d %8d%n",
                    table.table(),
                    table.read(),
                    table.added(),
                    table.updated(),
                    table.unchanged(),
                    Note.sum(table.kept()),
                    table.notBrought()));
        }
        for (TableReport table : report.tables()) {
            details(text, table);
        }
        if (!report.notes().isEmpty()) {
            text.append('\n');
            report.notes().forEach(note -> text.append("Note: ").append(note).append('\n'));
        }
        return text.append("\nTook ")
                .append(report.took().toMillis())
                .append(" ms")
                .append(report.dryRun() ? "; nothing was kept of it" : "")
                .toString();
    }

    private static void details(StringBuilder text, TableReport table) {
        StringBuilder part = new StringBuilder();
        notes(part, "  skipped", table.skipped());
        notes(part, "  kept as it is here", table.kept());
        for (ColumnReport column : table.columns()) {
            notes(part, "  " + column.column() + ", changed in form", column.changed());
            notes(part, "  " + column.column() + ", not brought", column.left());
        }
        if (part.length() > 0) {
            text.append('\n')
                    .append(table.table())
                    .append(table.target() == null ? "" : " to " + table.target())
                    .append('\n')
                    .append(part);
        }
    }

    private static void notes(StringBuilder text, String what, List<Note> notes) {
        for (Note note : notes) {
            text.append(what).append(": ").append(note.count()).append(", ").append(note.reason());
            if (!note.examples().isEmpty()) {
                text.append(" (").append(String.join(", ", note.examples())).append(')');
            }
            text.append('\n');
        }
    }
}
