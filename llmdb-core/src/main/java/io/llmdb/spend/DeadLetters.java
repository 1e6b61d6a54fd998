package io.llmdb.spend;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Events that could not be booked, with the reason, until somebody mends and replays them. Safe for use by several
 * threads.
 */
public final class DeadLetters {

    private static final String INSERT = """
            INSERT INTO ${llmdb}."LLM_DeadLetter" (id, event, reason, sql_state, created_at)
            SELECT ?, ?, ?, ?, ${llmdb}.llmdb_now()""";

    private static final String LIST = """
            SELECT id, event, reason, sql_state, created_at, replayed_at FROM ${llmdb}."LLM_DeadLetter"
            WHERE replayed_at IS NULL AND (?::uuid IS NULL OR id > ?::uuid) ORDER BY id LIMIT ?""";

    private static final String LOCK = """
            SELECT id, event, reason, sql_state, created_at, replayed_at FROM ${llmdb}."LLM_DeadLetter"
            WHERE id = ? AND replayed_at IS NULL FOR UPDATE""";

    private static final String REPLAYED = """
            UPDATE ${llmdb}."LLM_DeadLetter" SET replayed_at = ${llmdb}.llmdb_now() WHERE id = ?""";

    private final Db db;
    private final Booking booking;

    DeadLetters(Db db, Booking booking) {
        this.db = db;
        this.booking = booking;
    }

    /**
     * A page of the events that wait, oldest first.
     *
     * @param page which page
     * @return the page
     */
    public Page<DeadLetter> list(PageRequest page) {
        return db.transaction(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(LIST))) {
                statement.setString(1, page.after());
                statement.setString(2, page.after());
                statement.setInt(3, page.size() + 1);
                List<DeadLetter> letters = new ArrayList<>();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        letters.add(read(rows));
                    }
                }
                boolean more = letters.size() > page.size();
                List<DeadLetter> items = more ? letters.subList(0, page.size()) : letters;
                return new Page<>(items, more ? items.get(items.size() - 1).id().toString() : null);
            }
        });
    }

    /**
     * Books a mended event. Two calls at once book it once.
     *
     * @param id the letter's id
     * @param mend makes the event acceptable; its id and start stay
     * @throws NotFoundException where no such letter waits
     * @throws InvalidArgumentException where the mended event has another id
     * @throws EventRefusedException where PostgreSQL refuses the mended event too; the letter stays
     */
    public void replay(UUID id, UnaryOperator<SpendEvent> mend) {
        db.transaction(tx -> {
            DeadLetter letter = lock(tx, id);
            SpendEvent mended = mend.apply(letter.event());
            if (!mended.id().equals(letter.event().id())) {
                throw new InvalidArgumentException("The mended event has id " + mended.id() + " instead of "
                        + letter.event().id());
            }
            booking.bookWithin(tx, mended);
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(REPLAYED))) {
                statement.setObject(1, id);
                statement.executeUpdate();
            }
            return null;
        });
    }

    void add(SpendEvent event, String reason, @Nullable String sqlState) {
        db.transaction(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(INSERT))) {
                statement.setObject(1, Ids.at(event.startTime()));
                statement.setBytes(2, EventCodec.encode(event));
                statement.setString(3, reason.replace("\0", "\\0"));
                statement.setString(4, sqlState);
                statement.executeUpdate();
            }
            return null;
        });
    }

    private DeadLetter lock(Tx tx, UUID id) throws SQLException {
        try (PreparedStatement statement =
                tx.connection().prepareStatement(db.sql().of(LOCK))) {
            statement.setObject(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                if (!rows.next()) {
                    throw new NotFoundException("No dead letter " + id + " waits");
                }
                return read(rows);
            }
        }
    }

    private static DeadLetter read(ResultSet rows) throws SQLException {
        return new DeadLetter(
                rows.getObject("id", UUID.class),
                EventCodec.decode(rows.getBytes("event")),
                rows.getString("reason"),
                rows.getString("sql_state"),
                rows.getObject("created_at", OffsetDateTime.class).toInstant());
    }
}
