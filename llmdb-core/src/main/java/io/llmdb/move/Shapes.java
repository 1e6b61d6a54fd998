package io.llmdb.move;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The columns that both sides have, table by table. Read once; immutable afterwards. */
final class Shapes {

    private final Map<String, Shape> shared = new HashMap<>();
    private final Map<String, List<String>> unique = new HashMap<>();
    private final List<String> left = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();

    private Shapes() {}

    static Shapes read(Session source, Session target) throws SQLException {
        Shapes shapes = new Shapes();
        List<String> tables = new ArrayList<>();
        Catalogue.KEYED.forEach(table -> tables.add(table.name()));
        Catalogue.LOGS.forEach(log -> tables.add(log.name()));
        tables.add(Catalogue.LOG_STATE);
        for (String table : tables) {
            shapes.add(Shape.read(source, table), Shape.read(target, table));
            shapes.unique.put(table, Shape.uniqueColumns(target, table));
        }
        return shapes;
    }

    private void add(Shape source, Shape target) {
        String table = source.table();
        if (!source.exists() || !target.exists()) {
            problems.add("Table \"" + table + "\" is missing on the " + (source.exists() ? "target" : "source"));
            return;
        }
        List<Shape.Column> columns = new ArrayList<>();
        for (Shape.Column column : source.columns()) {
            Optional<Shape.Column> other = target.column(column.name());
            if (other.isEmpty()) {
                left.add("Column \"" + table + "\".\"" + column.name() + "\" is none of ours and is not moved");
            } else if (!other.get().type().equals(column.type())) {
                problems.add("Column \"" + table + "\".\"" + column.name() + "\" is " + column.type()
                        + " on the source and " + other.get().type() + " on the target: bring both to one version");
            } else {
                columns.add(column);
            }
        }
        if (!source.key().equals(target.key())) {
            problems.add("The primary keys of \"" + table + "\" differ: bring both sides to one version");
        }
        shared.put(table, new Shape(table, List.copyOf(columns), target.key()));
    }

    Shape of(String table) {
        return Objects.requireNonNull(shared.get(table), table);
    }

    /** The columns of a table's primary key; null where it is none of those that are moved. */
    @Nullable
    List<String> keyOf(String table) {
        Shape shape = shared.get(table);
        return shape == null ? null : shape.key();
    }

    /** Columns of one-column unique rules beside the primary key. */
    List<String> uniqueColumns(String table) {
        return unique.getOrDefault(table, List.of());
    }

    List<String> left() {
        return left;
    }

    List<String> problems() {
        return problems;
    }
}
