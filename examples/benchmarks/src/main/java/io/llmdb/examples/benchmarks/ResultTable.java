package io.llmdb.examples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A table of results: one row per contestant. Not safe for use by several threads. */
public final class ResultTable {

    private final String title;
    private final List<String> columns;
    private final List<List<Object>> rows = new ArrayList<>();

    private ResultTable(String title, List<String> columns) {
        this.title = title;
        this.columns = columns;
    }

    /**
     * Begins a table.
     *
     * @param title what it shows
     * @param columns the columns' names, units included
     * @return the table
     */
    public static ResultTable of(String title, String... columns) {
        return new ResultTable(title, List.of(columns));
    }

    /**
     * Adds a row.
     *
     * @param cells a text or a number per column; numbers are printed with as many digits as they deserve
     * @return this
     */
    public ResultTable row(Object... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(cells.length + " cells for the columns " + columns);
        }
        rows.add(List.of(cells));
        return this;
    }

    String title() {
        return title;
    }

    List<String> columns() {
        return columns;
    }

    List<List<Object>> rows() {
        return rows;
    }

    /** @return the table for people, columns aligned */
    @Override
    public String toString() {
        List<List<String>> all = new ArrayList<>();
        all.add(columns);
        rows.forEach(row -> all.add(row.stream().map(ResultTable::cell).toList()));
        int[] widths = new int[columns.size()];
        for (List<String> row : all) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder(title).append('\n');
        for (int line = 0; line < all.size(); line++) {
            StringBuilder printed = new StringBuilder(" ");
            for (int i = 0; i < widths.length; i++) {
                boolean right = !rows.isEmpty() && rows.get(0).get(i) instanceof Number;
                String value = all.get(line).get(i);
                String pad = " ".repeat(widths[i] - value.length());
                printed.append("  ").append(right ? pad + value : value + pad);
            }
            text.append(printed.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private static String cell(Object value) {
        if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            double size = Math.abs(number);
            return String.format(Locale.ROOT, size < 10 ? "%,.3f" : size < 1_000 ? "%,.1f" : "%,.0f", number);
        }
        return value instanceof Number number
                ? String.format(Locale.ROOT, "%,d", number.longValue())
                : value.toString();
    }
}
