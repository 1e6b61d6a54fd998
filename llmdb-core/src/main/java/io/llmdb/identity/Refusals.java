package io.llmdb.identity;

import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.DbErrors;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.exception.DataAccessException;
import org.jspecify.annotations.Nullable;

/**
 * What PostgreSQL's refusals to write a row mean to the caller, in words that name the argument and its value. They
 * carry no cause, because PostgreSQL's own words quote the whole row.
 */
final class Refusals {

    private static final String UNIQUE = "23505";
    private static final String FOREIGN_KEY = "23503";

    private Refusals() {}

    static NotFoundException missing(String noun, List<String> columns, List<String> id) {
        return new NotFoundException(named(columns, id) + ": there is no such " + noun);
    }

    /** The exception to throw instead; the same one where nothing is known about it. */
    static RuntimeException ofWrite(DataAccessException failure, String noun, Table<?> table, Record row) {
        String state = Objects.requireNonNullElse(DbErrors.sqlState(failure), "");
        String constraint = Objects.requireNonNullElse(DbErrors.constraint(failure), "");
        if (state.equals(UNIQUE)) {
            List<String> columns = constraint.endsWith("_pkey") ? keyOf(table) : columnsOf(constraint, table, "_key");
            return taken(noun, columns, row);
        }
        if (state.equals(FOREIGN_KEY)) {
            List<String> columns = columnsOf(constraint, table, "_fkey");
            return new NotFoundException(named(columns, row) + ": there is no such "
                    + String.join("", columns).replaceFirst("_id$", "").replace('_', ' '));
        }
        if (state.equals("23514") || state.equals("23502")) {
            List<String> columns = columnsOf(constraint, table, "_check");
            return new InvalidArgumentException(
                    named(columns, row) + " is not allowed for a " + noun + " (rule " + constraint + ")");
        }
        if (state.startsWith("22") || state.equals("54000")) {
            return new InvalidArgumentException("A value of the " + noun
                    + " cannot be stored: it is too long, too large, or holds characters that PostgreSQL refuses (SQLSTATE "
                    + state + ")");
        }
        return failure;
    }

    /** Says that there is a row with this key already. */
    static AlreadyExistsException taken(String noun, Table<?> table, Record row) {
        return taken(noun, keyOf(table), row);
    }

    private static AlreadyExistsException taken(String noun, List<String> columns, Record row) {
        return new AlreadyExistsException(named(columns, row) + " is taken: another " + noun + " has it");
    }

    private static List<String> keyOf(Table<?> table) {
        return Objects.requireNonNull(table.getPrimaryKey(), "primary key").getFields().stream()
                .map(Field::getName)
                .toList();
    }

    /** The exception to throw instead; the same one where nothing is known about it. */
    static RuntimeException ofDelete(DataAccessException failure, String noun, String[] id) {
        if (!FOREIGN_KEY.equals(DbErrors.sqlState(failure))) {
            return failure;
        }
        String constraint = Objects.requireNonNullElse(DbErrors.constraint(failure), "");
        return new ConflictException(noun + " \"" + String.join("/", id) + "\" is still in use (" + constraint
                + "): remove what points at it first");
    }

    /** PostgreSQL names a constraint table_column_kind. */
    private static List<String> columnsOf(String constraint, Table<?> table, String suffix) {
        String prefix = table.getName() + "_";
        if (!constraint.startsWith(prefix) || !constraint.endsWith(suffix)) {
            return List.of();
        }
        String column = constraint.substring(prefix.length(), constraint.length() - suffix.length());
        return table.field(column) == null ? List.of() : List.of(column);
    }

    private static String named(List<String> columns, Record row) {
        List<String> values = new ArrayList<>();
        for (String column : columns) {
            values.add(column.equals("password") ? "***" : String.valueOf((@Nullable Object) row.get(column)));
        }
        return named(columns, values);
    }

    private static String named(List<String> columns, List<String> values) {
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            pairs.add(columns.get(i) + " \"" + values.get(i) + '"');
        }
        return pairs.isEmpty() ? "A value" : String.join(", ", pairs);
    }
}
