package io.llmdb.keys;

import java.math.BigDecimal;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.UpdatableRecord;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rows of one table, each of which comes as one text. The columns are those of the generated table, so that a
 * renamed one cannot be missed.
 *
 * @param <R> the rows
 */
final class RowReader<R extends UpdatableRecord<R>> {

    private static final Map<Class<?>, Function<String, ?>> PARSERS = Map.of(
            String.class, Function.identity(),
            JSONB.class, JSONB::valueOf,
            String[].class, RowText::list,
            BigDecimal.class, BigDecimal::new,
            Long.class, Long::valueOf,
            Boolean.class, "t"::equals,
            OffsetDateTime.class, TimeText::parse);

    private final Supplier<R> newRow;
    private final String alias;
    private final List<Column<?>> columns = new ArrayList<>();

    /**
     * @param newRow makes a row; the table could, but makes a configuration of jOOQ for each
     * @param alias what the query calls the table
     * @param leftOut columns that are not read
     */
    RowReader(Table<R> table, Supplier<R> newRow, String alias, Set<Field<?>> leftOut) {
        this.newRow = newRow;
        this.alias = alias;
        for (Field<?> field : table.fields()) {
            if (!leftOut.contains(field)) {
                columns.add(Column.of(field));
            }
        }
    }

    /** The columns for the query's list. */
    String list() {
        return columns.stream()
                .map(column -> alias + ".\"" + column.field.getName() + '"')
                .collect(Collectors.joining(", "));
    }

    /** An expression for the row as text, which {@link #read} takes. */
    String row() {
        return "ROW(" + list() + ")::text";
    }

    /** @return the row, or null where there is none */
    @Nullable
    R read(RowText text) {
        String[] values = text.next(columns.size());
        if (values == null) {
            return null;
        }
        R row = newRow.get();
        for (int i = 0; i < values.length; i++) {
            String value = values[i];
            if (value != null) {
                columns.get(i).set(row, value);
            }
        }
        return row;
    }

    private record Column<T>(Field<T> field, Function<String, ?> parse) {

        static <T> Column<T> of(Field<T> field) {
            Function<String, ?> parse = PARSERS.get(field.getType());
            if (parse == null) {
                throw new IllegalStateException("No way to read " + field + " of type " + field.getType());
            }
            return new Column<>(field, parse);
        }

        void set(Record row, String text) {
            row.set(field, field.getType().cast(parse.apply(text)));
        }
    }
}
