package io.llmdb.move;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A table as the catalog has it.
 *
 * @param table its name, unquoted
 * @param columns its columns but for generated ones, in their order
 * @param key the columns of its primary key, in their order
 */
record Shape(String table, List<Column> columns, List<String> key) {

    private static final String COLUMNS = """
            SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> ''
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""";

    private static final String KEY = """
            SELECT a.attname FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = to_regclass(?) AND i.indisprimary
            ORDER BY array_position(i.indkey::int2[], a.attnum)""";

    /** Unique rules beside the primary key: of one column each, since we have no others. */
    private static final String UNIQUE = """
            SELECT a.attname FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = to_regclass(?) AND i.indisunique AND NOT i.indisprimary AND i.indnkeyatts = 1
              AND NOT a.attnotnull""";

    record Column(String name, String type) {}

    static Shape read(Session session, String table) throws SQLException {
        String name = session.table(table);
        List<Column> columns = new ArrayList<>();
        for (String[] row : session.rows(COLUMNS, name)) {
            if (!"t".equals(row[2])) {
                columns.add(new Column(Objects.requireNonNull(row[0]), Objects.requireNonNull(row[1])));
            }
        }
        List<String> key = session.rows(KEY, name).stream()
                .map(row -> Objects.requireNonNull(row[0]))
                .toList();
        return new Shape(table, columns, key);
    }

    static List<String> uniqueColumns(Session session, String table) throws SQLException {
        return session.rows(UNIQUE, session.table(table)).stream()
                .map(row -> Objects.requireNonNull(row[0]))
                .toList();
    }

    boolean exists() {
        return !columns.isEmpty();
    }

    Optional<Column> column(String name) {
        return columns.stream().filter(column -> column.name().equals(name)).findFirst();
    }

    List<String> names() {
        return columns.stream().map(Column::name).toList();
    }
}
