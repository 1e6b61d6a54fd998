package io.llmdb.spend;

import java.math.BigDecimal;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** Sets the arguments of a set-based statement, one array a column, from left to right. */
final class SqlArrays {

    private final PreparedStatement statement;
    private int index = 1;

    SqlArrays(PreparedStatement statement) {
        this.statement = statement;
    }

    <T> SqlArrays texts(List<T> rows, Function<T, String> column) throws SQLException {
        return add("text", rows.stream().map(column).toArray(String[]::new));
    }

    <T> SqlArrays amounts(List<T> rows, Function<T, BigDecimal> column) throws SQLException {
        return add(
                "numeric",
                rows.stream().map(row -> column.apply(row).toPlainString()).toArray());
    }

    <T> SqlArrays instants(List<T> rows, Function<T, Instant> column) throws SQLException {
        return add(
                "timestamptz",
                rows.stream().map(row -> column.apply(row).toString()).toArray());
    }

    <T> SqlArrays ids(List<T> rows, Function<T, UUID> column) throws SQLException {
        return add("uuid", rows.stream().map(column).toArray(UUID[]::new));
    }

    <T> SqlArrays numbers(List<T> rows, ToLongFunction<T> column) throws SQLException {
        return add("int8", rows.stream().mapToLong(column).toArray());
    }

    SqlArrays add(String type, Object array) throws SQLException {
        statement.setArray(
                index++,
                statement
                        .getConnection()
                        .unwrap(org.postgresql.PGConnection.class)
                        .createArrayOf(type, array));
        return this;
    }

    SqlArrays text(@org.jspecify.annotations.Nullable String value) throws SQLException {
        statement.setString(index++, value);
        return this;
    }

    SqlArrays amount(@org.jspecify.annotations.Nullable BigDecimal value) throws SQLException {
        statement.setBigDecimal(index++, value);
        return this;
    }

    SqlArrays flag(boolean value) throws SQLException {
        statement.setBoolean(index++, value);
        return this;
    }
}
