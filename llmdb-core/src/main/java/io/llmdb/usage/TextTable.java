package io.llmdb.usage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Rows of text in columns as wide as they have to be. */
final class TextTable {

    private final List<String[]> rows = new ArrayList<>();
    private Set<Integer> right = Set.of();

    TextTable(String... head) {
        rows.add(head);
    }

    /** Aligns these columns to the right. */
    TextTable right(int... columns) {
        this.right = Arrays.stream(columns).boxed().collect(Collectors.toSet());
        return this;
    }

    void row(String... cells) {
        rows.add(cells);
    }

    @Override
    public String toString() {
        int columns = rows.get(0).length;
        int[] widths = new int[columns];
        for (String[] row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                String padding = " ".repeat(widths[i] - row[i].length());
                line.append(right.contains(i) ? padding + row[i] : row[i] + padding)
                        .append("  ");
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
