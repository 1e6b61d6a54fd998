package io.llmdb.usage;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes CSV as RFC 4180 has it. A text that a spreadsheet would run as a formula gets an apostrophe in front, as the
 * spreadsheets' own makers advise.
 */
final class CsvWriter {

    private static final String FORMULA_STARTS = "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20";

    private final Appendable to;
    private boolean first = true;

    CsvWriter(Appendable to) {
        this.to = to;
    }

    void names(List<String> names) throws IOException {
        for (String name : names) {
            plain(name);
        }
        endRow();
    }

    /** What the library itself made: a number, an instant, an id. */
    CsvWriter plain(@Nullable String value) throws IOException {
        separate();
        if (value != null) {
            to.append(value);
        }
        return this;
    }

    /** What came from outside. */
    CsvWriter text(@Nullable String value) throws IOException {
        separate();
        if (value == null || value.isEmpty()) {
            return this;
        }
        String safe = FORMULA_STARTS.indexOf(value.charAt(0)) >= 0 ? "'" + value : value;
        if (needsQuotes(safe)) {
            to.append('"').append(safe.replace("\"", "\"\"")).append('"');
        } else {
            to.append(safe);
        }
        return this;
    }

    void endRow() throws IOException {
        to.append("\r\n");
        first = true;
    }

    private void separate() throws IOException {
        if (!first) {
            to.append(',');
        }
        first = false;
    }

    /** A semicolon separates cells in half of Europe. */
    private static boolean needsQuotes(String value) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == ',' || c == ';' || c == '\n' || c == '\r' || c == '\t') {
                return true;
            }
        }
        return value.startsWith(" ") || value.endsWith(" ");
    }
}
