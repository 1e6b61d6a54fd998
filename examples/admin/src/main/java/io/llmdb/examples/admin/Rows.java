package io.llmdb.examples.admin;

import java.io.PrintWriter;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Rows of a result, written as a table, as CSV or as JSON. */
final class Rows {

    private static final int GAP = 2;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
            .build();

    private final List<String> names;
    private final List<List<@Nullable Object>> rows = new ArrayList<>();

    Rows(String... names) {
        this.names = List.of(names);
    }

    Rows(List<String> names) {
        this.names = List.copyOf(names);
    }

    void add(@Nullable Object... values) {
        List<@Nullable Object> row = new ArrayList<>();
        for (Object value : values) {
            row.add(value);
        }
        rows.add(row);
    }

    int size() {
        return rows.size();
    }

    void write(Format format, PrintWriter out) {
        switch (format) {
            case TABLE -> table(out);
            case CSV -> csv(out);
            case JSON -> json(out);
        }
        out.flush();
    }

    private void table(PrintWriter out) {
        int[] widths = new int[names.size()];
        boolean[] right = new boolean[names.size()];
        for (int i = 0; i < widths.length; i++) {
            widths[i] = names.get(i).length();
            for (List<@Nullable Object> row : rows) {
                widths[i] = Math.max(widths[i], text(row.get(i)).length());
                right[i] |= row.get(i) instanceof Number;
            }
        }
        out.println(Ansi.AUTO.string("@|bold " + line(List.copyOf(names), widths, right) + "|@"));
        rows.forEach(row -> out.println(line(row, widths, right)));
    }

    private static String line(List<? extends @Nullable Object> cells, int[] widths, boolean[] right) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String text = text(cells.get(i));
            String pad = " ".repeat(widths[i] - text.length());
            line.append(i == 0 ? "" : " ".repeat(GAP)).append(right[i] ? pad + text : text + pad);
        }
        return line.toString().stripTrailing();
    }

    private void csv(PrintWriter out) {
        out.print(String.join(",", names.stream().map(Rows::quoted).toList()) + "\r\n");
        rows.forEach(row -> out.print(String.join(
                        ",", row.stream().map(cell -> quoted(disarmed(cell))).toList()) + "\r\n"));
    }

    /** A text that a spreadsheet would take for a formula. */
    private static String disarmed(@Nullable Object value) {
        String text = text(value);
        return value instanceof String && !text.isEmpty() && "=+-@\t".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
    }

    private static String quoted(String text) {
        return text.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
                ? '"' + text.replace("\"", "\"\"") + '"'
                : text;
    }

    private void json(PrintWriter out) {
        List<Map<String, @Nullable Object>> objects = new ArrayList<>();
        for (List<@Nullable Object> row : rows) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            for (int i = 0; i < names.size(); i++) {
                Object value = row.get(i);
                boolean plain = value == null || value instanceof Number || value instanceof Boolean;
                object.put(names.get(i), plain || value instanceof List<?> ? value : value.toString());
            }
            objects.add(object);
        }
        out.println(JSON.writeValueAsString(objects));
    }

    private static String text(@Nullable Object value) {
        if (value instanceof BigDecimal amount) {
            return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
        }
        return value == null ? "" : value.toString();
    }
}
