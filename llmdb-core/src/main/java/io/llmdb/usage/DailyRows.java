package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.Collectors;

/** Writes rows of daily totals as they should be. */
final class DailyRows {

    private final Connection connection;
    private final Sql sql;

    DailyRows(Connection connection, Sql sql) {
        this.connection = connection;
        this.sql = sql;
    }

    /** Sets each row to what the log says; one without log rows goes. */
    void set(DailyBook book, List<DailyCell> cells) throws SQLException {
        try (PreparedStatement delete = connection.prepareStatement(delete(book));
                PreparedStatement upsert = connection.prepareStatement(upsert(book))) {
            for (DailyCell cell : cells) {
                boolean gone = cell.log().sameAs(Sums.NONE);
                PreparedStatement statement = gone ? delete : upsert;
                int parameter = 1;
                statement.setObject(parameter++, cell.day());
                for (String value : cell.key()) {
                    statement.setString(parameter++, value);
                }
                if (!gone) {
                    for (BigDecimal value : cell.log().values()) {
                        statement.setBigDecimal(parameter++, value);
                    }
                }
                statement.addBatch();
            }
            delete.executeBatch();
            upsert.executeBatch();
        }
    }

    private String delete(DailyBook book) {
        return sql.of("DELETE FROM ${llmdb}.\"" + book.table() + "\" WHERE day = ? AND "
                + String.join(" = ? AND ", book.keys()) + " = ?");
    }

    private String upsert(DailyBook book) {
        String keys = String.join(", ", book.keys());
        return sql.of("INSERT INTO ${llmdb}.\"" + book.table() + "\" (day, " + keys + ", "
                + String.join(", ", Sums.COLUMNS) + ")\nVALUES (?"
                + ", ?".repeat(book.keys().size() + Sums.COLUMNS.size()) + ")\nON CONFLICT (day, " + keys
                + ") DO UPDATE SET "
                + Sums.COLUMNS.stream()
                        .map(column -> column + " = excluded." + column)
                        .collect(Collectors.joining(", ")));
    }
}
