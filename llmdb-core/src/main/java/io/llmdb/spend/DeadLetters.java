package io.llmdb.spend;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Events that could not be booked, with the reason, until somebody mends and replays them, or discards them. Safe for
 * use by several threads.
 */
public final class DeadLetters {

    /** The same content is buried once, however often it is delivered. */
    private static final String INSERT = """
            INSERT INTO ${llmdb}."LLM_DeadLetter" (id, event_id, digest, event, known_by, reason, sql_state, created_at)
            SELECT ?, ?, ?, ?, ?, ?, ?, ${llmdb}.llmdb_now() ON CONFLICT (event_id, digest) DO NOTHING""";

    private static final String LIST = """
            SELECT id, known_by, event, reason, sql_state, created_at FROM ${llmdb}."LLM_DeadLetter"
            WHERE replayed_at IS NULL AND discarded_at IS NULL AND (?::uuid IS NULL OR id > ?::uuid) ORDER BY id LIMIT ?""";

    private static final String COUNT = """
            SELECT count(*) FROM ${llmdb}."LLM_DeadLetter" WHERE replayed_at IS NULL AND discarded_at IS NULL""";

    private static final String LOCK = """
            SELECT id, known_by, event, reason, sql_state, created_at FROM ${llmdb}."LLM_DeadLetter"
            WHERE id = ? AND replayed_at IS NULL AND discarded_at IS NULL FOR UPDATE""";

    private static final String MENDED = """
            UPDATE ${llmdb}."LLM_DeadLetter" SET event = ?, known_by = NULL WHERE id = ?""";

    private static final String REPLAYED = """
            UPDATE ${llmdb}."LLM_DeadLetter" SET replayed_at = ${llmdb}.llmdb_now() WHERE id = ?""";

    private static final String DISCARDED = """
            UPDATE ${llmdb}."LLM_DeadLetter" SET discarded_at = ${llmdb}.llmdb_now()
            WHERE id = ? AND replayed_at IS NULL AND discarded_at IS NULL""";

    private final Db db;
    private final Booking booking;
    private final Inbox inbox;
    private final boolean keepPrompts;

    /** @param keepPrompts whether prompts and answers may be written down */
    DeadLetters(Db db, Booking booking, Inbox inbox, boolean keepPrompts) {
        this.db = db;
        this.booking = booking;
        this.inbox = inbox;
        this.keepPrompts = keepPrompts;
    }

    /**
     * An event to set aside.
     *
     * @param answer what its caller gets, where one waits
     */
    record Burial(SpendEvent event, String reason, @Nullable String sqlState, LlmDbException answer) {

        static Burial refused(SpendEvent event, @Nullable String reason, @Nullable String sqlState) {
            return new Burial(
                    event,
                    String.valueOf(reason),
                    sqlState,
                    new EventRefusedException(
                            "Event " + event.id() + " was refused and put among the dead letters: " + reason));
        }

        static Burial contradicting(SpendEvent event) {
            ContradictingEventException answer = new ContradictingEventException(event.id());
            return new Burial(event, String.valueOf(answer.getMessage()), null, answer);
        }
    }

    /**
     * A page of the events that wait, oldest request first.
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

    /** @return how many events wait */
    public long count() {
        return db.transaction(tx -> {
            try (PreparedStatement statement =
                            tx.connection().prepareStatement(db.sql().of(COUNT));
                    ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getLong(1);
            }
        });
    }

    /**
     * Replaces the content of a dead letter, to be {@linkplain #replay(UUID) replayed} later.
     *
     * @param id the letter's id
     * @param change makes the event acceptable; its id and start stay
     * @throws NotFoundException where no such letter waits
     * @throws InvalidArgumentException where the mended event has another id
     */
    public void mend(UUID id, UnaryOperator<SpendEvent> change) {
        db.transaction(tx -> {
            SpendEvent mended = mended(lock(tx, id), change);
            update(tx, MENDED, EventCodec.encode(mended), id);
            return null;
        });
    }

    /**
     * Books a dead letter as it is. Two calls at once book it once.
     *
     * @param id the letter's id
     * @throws NotFoundException where no such letter waits
     * @throws EventRefusedException where PostgreSQL refuses it still; the letter stays
     * @throws ContradictingEventException where the event was booked with other content; the letter stays
     */
    public void replay(UUID id) {
        replay(id, UnaryOperator.identity());
    }

    /**
     * Mends a dead letter and books it. Two calls at once book it once.
     *
     * @param id the letter's id
     * @param change makes the event acceptable; its id and start stay
     * @throws NotFoundException where no such letter waits
     * @throws InvalidArgumentException where the mended event has another id
     * @throws EventRefusedException where PostgreSQL refuses the mended event too; the letter stays as it was
     * @throws ContradictingEventException where the event was booked with other content; the letter stays
     */
    public void replay(UUID id, UnaryOperator<SpendEvent> change) {
        db.transaction(tx -> {
            SpendEvent mended = mended(lock(tx, id), change);
            try {
                booking.bookWithin(tx, mended);
            } catch (ContradictingEventException e) {
                throw e;
            } catch (SQLException | RuntimeException e) {
                if (Blame.of(e) != Blame.EVENT) {
                    throw e;
                }
                throw new EventRefusedException(
                        "Event " + mended.id() + " is refused still: "
                                + DbErrors.translate(e).getMessage(),
                        e);
            }
            update(tx, REPLAYED, null, id);
            return null;
        });
    }

    /**
     * Gives a dead letter up: it is not listed any more, and never booked. Its row stays, for the record, until
     * retention deletes it.
     *
     * @param id the letter's id
     * @throws NotFoundException where no such letter waits
     */
    public void discard(UUID id) {
        db.transaction(tx -> {
            if (update(tx, DISCARDED, null, id) == 0) {
                throw notFound(id);
            }
            return null;
        });
    }

    /** @param inInbox ids of those that stand in the inbox, to be deleted there in the same transaction */
    void add(List<Burial> burials, Set<UUID> inInbox) {
        db.transaction(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(INSERT))) {
                for (Burial burial : burials) {
                    SpendEvent event = burial.event();
                    statement.setObject(1, Ids.at(event.startTime()));
                    statement.setObject(2, event.id());
                    long digest = EventCodec.digest(event);
                    SpendEvent kept = keepPrompts ? event : event.withoutPrompts();
                    statement.setLong(3, digest);
                    statement.setBytes(4, EventCodec.encode(kept));
                    boolean isWhole = kept.knownBy() == null && EventCodec.digest(kept) == digest;
                    statement.setObject(5, isWhole ? null : digest, Types.BIGINT);
                    statement.setString(6, storable(burial.reason()));
                    statement.setString(7, burial.sqlState());
                    statement.addBatch();
                }
                statement.executeBatch();
            }
            inbox.delete(tx.connection(), inInbox, true);
            return null;
        });
    }

    /** A reason may quote the very value that PostgreSQL refuses. */
    private static String storable(String reason) {
        String text = reason.replace("\0", "\\0");
        for (int half = Wtf8.indexOfHalf(text, 0); half >= 0; half = Wtf8.indexOfHalf(text, half)) {
            text = text.substring(0, half) + '?' + text.substring(half + 1);
        }
        return text;
    }

    private static SpendEvent mended(DeadLetter letter, UnaryOperator<SpendEvent> change) {
        SpendEvent mended = change.apply(letter.event());
        if (!mended.id().equals(letter.event().id())) {
            throw new InvalidArgumentException("The mended event has id " + mended.id() + " instead of "
                    + letter.event().id());
        }
        return mended;
    }

    private int update(Tx tx, String sql, byte @Nullable [] content, UUID id) throws SQLException {
        try (PreparedStatement statement =
                tx.connection().prepareStatement(db.sql().of(sql))) {
            int index = 1;
            if (content != null) {
                statement.setBytes(index++, content);
            }
            statement.setObject(index, id);
            return statement.executeUpdate();
        }
    }

    private DeadLetter lock(Tx tx, UUID id) throws SQLException {
        try (PreparedStatement statement =
                tx.connection().prepareStatement(db.sql().of(LOCK))) {
            statement.setObject(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                if (!rows.next()) {
                    throw notFound(id);
                }
                return read(rows);
            }
        }
    }

    private static NotFoundException notFound(UUID id) {
        return new NotFoundException("No dead letter " + id + " waits");
    }

    private static DeadLetter read(ResultSet rows) throws SQLException {
        SpendEvent event = EventCodec.decode(rows.getBytes("event"));
        long knownBy = rows.getLong("known_by");
        boolean isWhole = rows.wasNull();
        return new DeadLetter(
                rows.getObject("id", UUID.class),
                isWhole ? event : event.knownBy(knownBy),
                rows.getString("reason"),
                rows.getString("sql_state"),
                rows.getObject("created_at", OffsetDateTime.class).toInstant());
    }
}
