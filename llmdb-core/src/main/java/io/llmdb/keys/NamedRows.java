package io.llmdb.keys;

import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jooq.Record;
import org.jooq.TableField;
import org.jooq.UpdatableRecord;

/**
 * Reads objects of one table by their ids.
 *
 * @param <R> the rows
 * @param <V> what is made of them
 */
final class NamedRows<R extends UpdatableRecord<R>, V> implements BatchReader.Source<String, V> {

    private final Db db;
    private final Duration timeout;
    private final RowReader<R> reader;
    private final Function<Record, V> make;
    private final String sql;

    NamedRows(Db db, Duration timeout, TableField<R, String> id, Supplier<R> newRow, Function<Record, V> make) {
        this.db = db;
        this.timeout = timeout;
        this.reader = new RowReader<>(id.getTable(), newRow, "r", Set.of());
        this.make = make;
        this.sql = db.sql()
                .of("SELECT r.\"%s\", %s FROM ${llmdb}.\"%s\" r WHERE r.\"%s\" = ANY (?)"
                        .formatted(id.getName(), reader.row(), id.getTable().getName(), id.getName()));
    }

    @Override
    public int read(List<String> ids, BatchReader.Found<String, V> found) {
        db.read(timeout, tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(sql)) {
                statement.setArray(1, tx.connection().createArrayOf("text", ids.toArray()));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        read(rows.getString(1), rows.getString(2), found);
                    }
                }
            }
            return true;
        });
        return 1;
    }

    private void read(String id, String text, BatchReader.Found<String, V> found) {
        try {
            found.value(id, make.apply(Objects.requireNonNull(reader.read(new RowText(text)), "row")));
        } catch (RuntimeException e) {
            found.failure(id, e);
        }
    }
}
