package io.llmdb.keys;

import java.math.BigDecimal;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Table;
import org.jooq.UpdatableRecord;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rows of one table out of a wider result. The columns come from the generated table, so that a renamed one
 * cannot be missed.
 *
 * @param <R> the rows
 */
final class RowReader<R extends UpdatableRecord<R>> {

    private final Table<R> table;
    private final String alias;
    private final List<Column<?>> columns = new ArrayList<>();
    private final int keyAt;

    /**
     * @param alias what the query calls the table
     * @param leftOut columns that are not read
     */
    RowReader(Table<R> table, String alias, Set<Field<?>> leftOut) {
        this.table = table;
        this.alias = alias;
        Field<?> key = table.getPrimaryKey() == null
                ? table.field(0)
                : table.getPrimaryKey().getFields().get(0);
        int at = -1;
        for (Field<?> field : table.fields()) {
            if (!leftOut.contains(field)) {
                at = field.equals(key) ? columns.size() : at;
                columns.add(Column.of(field));
            }
        }
        this.keyAt = at;
    }

    /** The columns for the query's list. */
    String list() {
        return columns.stream()
                .map(column -> alias + ".\"" + column.field.getName() + '"')
                .collect(Collectors.joining(", "));
    }

    int size() {
        return columns.size();
    }

    /**
     * @param from the number of the first of the columns
     * @return the row, or null where an outer join found none
     */
    @Nullable
    R read(ResultSet rows, int from) throws SQLException {
        if (rows.getString(from + keyAt) == null) {
            return null;
        }
        R row = table.newRecord();
        for (int i = 0; i < columns.size(); i++) {
            columns.get(i).copy(rows, from + i, row);
        }
        return row;
    }

    private interface Get<T> {
        @Nullable
        T from(ResultSet rows, int column) throws SQLException;
    }

    private record Column<T>(Field<T> field, Get<T> get) {

        static <T> Column<T> of(Field<T> field) {
            return new Column<>(field, get(field.getType()));
        }

        void copy(ResultSet rows, int at, org.jooq.Record row) throws SQLException {
            T value = get.from(rows, at);
            if (value != null) {
                row.set(field, value);
            }
        }

        private static <T> Get<T> get(Class<T> type) {
            return (rows, column) -> type.cast(value(type, rows, column));
        }

        private static @Nullable Object value(Class<?> type, ResultSet rows, int column) throws SQLException {
            if (type == String.class) {
                return rows.getString(column);
            }
            if (type == JSONB.class) {
                return JSONB.jsonbOrNull(rows.getString(column));
            }
            if (type == String[].class) {
                Array array = rows.getArray(column);
                return array == null ? null : array.getArray();
            }
            if (type == BigDecimal.class) {
                return rows.getBigDecimal(column);
            }
            if (type == OffsetDateTime.class) {
                return rows.getObject(column, OffsetDateTime.class);
            }
            return rows.getObject(column, type);
        }
    }
}
