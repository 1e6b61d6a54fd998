package io.llmdb.spend;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The table of events that are committed and not booked yet. Safe for use by several threads.
 *
 * <p>Rows are written and taken over in the order of their ids, and no statement waits for a row that another one is
 * about to delete; so nobody can wait here for somebody who waits for him.
 */
final class Inbox {

    /** ON CONFLICT alone would wait for a transaction that has deleted the row and is not over; a look does not. */
    private static final String INSERT_ONE = """
            INSERT INTO ${llmdb}."LLM_SpendInbox" (id, digest, event) SELECT ?, ?::int8, ?::bytea
            WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendInbox" WHERE id = ?) ON CONFLICT (id) DO NOTHING""";

    private static final String INSERT = """
            INSERT INTO ${llmdb}."LLM_SpendInbox" (id, digest, event)
            SELECT * FROM unnest(?::uuid[], ?::int8[], ?::bytea[]) e (id, digest, event)
            WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendInbox" i WHERE i.id = e.id) ON CONFLICT (id) DO NOTHING RETURNING id""";

    private static final String STORED = """
            SELECT id, digest, event, received_at FROM ${llmdb}."LLM_SpendInbox" WHERE id = ANY (?)""";

    private static final String DUE = """
            SELECT id, octet_length(event) FROM ${llmdb}."LLM_SpendInbox"
            WHERE adopt_at <= ${llmdb}.llmdb_now() AND (?::uuid IS NULL OR id > ?::uuid) ORDER BY id LIMIT ?""";

    /** Whoever adopts rows has them to himself for a while; a row that is being deleted is as good as gone. */
    private static final String ADOPT = """
            WITH mine AS MATERIALIZED (
                SELECT id FROM ${llmdb}."LLM_SpendInbox" WHERE id = ANY (?) AND adopt_at <= ${llmdb}.llmdb_now()
                ORDER BY id FOR UPDATE SKIP LOCKED)
            UPDATE ${llmdb}."LLM_SpendInbox" i SET adopt_at = ${llmdb}.llmdb_now() + ? * interval '1 second'
            FROM mine WHERE i.id = mine.id RETURNING i.id, i.digest, i.event, i.received_at""";

    private static final String POSTPONE = """
            UPDATE ${llmdb}."LLM_SpendInbox" SET adopt_at = ${llmdb}.llmdb_now() + ? * interval '1 second' WHERE id = ANY (?)""";

    private static final String DELETE = """
            DELETE FROM ${llmdb}."LLM_SpendInbox" WHERE id = ANY (?)""";

    private static final String DELETE_KNOWN = """
            DELETE FROM ${llmdb}."LLM_SpendInbox" WHERE id IN (
                SELECT id FROM ${llmdb}."LLM_SpendInbox" WHERE id = ANY (?) ORDER BY id FOR UPDATE SKIP LOCKED)""";

    private final Db db;
    private final boolean keepPrompts;
    private final String insertOne;
    private final String insert;
    private final String stored;
    private final String due;
    private final String adopt;
    private final String postpone;
    private final String delete;
    private final String deleteKnown;

    /** @param keepPrompts whether prompts and answers may stand here; else they are left out */
    Inbox(Db db, boolean keepPrompts) {
        this.db = db;
        this.keepPrompts = keepPrompts;
        Sql sql = db.sql();
        this.insertOne = sql.of(INSERT_ONE);
        this.insert = sql.of(INSERT);
        this.stored = sql.of(STORED);
        this.due = sql.of(DUE);
        this.adopt = sql.of(ADOPT);
        this.postpone = sql.of(POSTPONE);
        this.delete = sql.of(DELETE);
        this.deleteKnown = sql.of(DELETE_KNOWN);
    }

    /** A row to write. */
    static final class Row {
        private final UUID id;
        /** What the event is known by where the bytes leave something of it out. */
        private final @Nullable Long digest;

        private final byte[] bytes;

        private Row(UUID id, @Nullable Long digest, byte[] bytes) {
            this.id = id;
            this.digest = digest;
            this.bytes = bytes;
        }

        UUID id() {
            return id;
        }

        int length() {
            return bytes.length;
        }
    }

    /** A row that is due, and about how many bytes its event takes. */
    record Due(UUID id, long bytes) {}

    /**
     * A row that was read.
     *
     * @param event null where the bytes cannot be read
     * @param problem why they cannot be read, or null
     * @param receivedAt in milliseconds since 1970
     */
    record Stored(
            UUID id, @Nullable SpendEvent event, @Nullable String problem, long receivedAt) {}

    Row row(SpendEvent event) {
        return keepPrompts || !event.hasPrompts()
                ? new Row(event.id(), null, EventCodec.encode(event))
                : new Row(event.id(), EventCodec.digest(event), EventCodec.encode(event.withoutPrompts()));
    }

    /** Writes a row, in one round trip with its commit; false where the id stands here already. */
    boolean insert(Row row) {
        int inserted = db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(insertOne)) {
                statement.setObject(1, row.id);
                if (row.digest == null) {
                    statement.setNull(2, Types.BIGINT);
                } else {
                    statement.setLong(2, row.digest);
                }
                statement.setBytes(3, row.bytes);
                statement.setObject(4, row.id);
                return statement.executeUpdate();
            }
        });
        return inserted == 1;
    }

    /** Writes rows, in one round trip with their commit; returns the ids that did not stand here already. */
    Set<UUID> insert(List<Row> rows) {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(insert)) {
                new SqlArrays(statement)
                        .ids(rows, Row::id)
                        .add("int8", rows.stream().map(row -> row.digest).toArray(Long[]::new))
                        .add("bytea", rows.stream().map(row -> row.bytes).toArray(byte[][]::new));
                Set<UUID> inserted = new HashSet<>();
                try (ResultSet ids = statement.executeQuery()) {
                    while (ids.next()) {
                        inserted.add(ids.getObject(1, UUID.class));
                    }
                }
                return inserted;
            }
        });
    }

    /** What stands here under an id; null: nothing. */
    @Nullable
    Stored find(UUID id) {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(stored)) {
                new SqlArrays(statement).ids(List.of(id), one -> one);
                List<Stored> found = read(statement);
                return found.isEmpty() ? null : found.get(0);
            }
        });
    }

    /** Rows that their own instance had time enough to book, in the order of their ids, which is about their age. */
    List<Due> due(@Nullable UUID after, int most, Duration patience) {
        return db.read(patience, tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(due)) {
                statement.setObject(1, after, Types.OTHER);
                statement.setObject(2, after, Types.OTHER);
                statement.setInt(3, most);
                List<Due> found = new ArrayList<>();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        found.add(new Due(rows.getObject(1, UUID.class), rows.getLong(2)));
                    }
                }
                return found;
            }
        });
    }

    /** Takes rows over, those that nobody else has taken over meanwhile; they are due again after a while. */
    List<Stored> adopt(List<UUID> ids, Duration hold) {
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(adopt)) {
                new SqlArrays(statement).ids(ids, id -> id);
                statement.setLong(2, hold.toSeconds());
                return read(statement);
            }
        });
    }

    /** Has rows be due later. */
    void postpone(List<UUID> ids, Duration time) {
        db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(postpone)) {
                statement.setLong(1, time.toSeconds());
                statement.setArray(2, tx.connection().createArrayOf("uuid", ids.toArray()));
                return statement.executeUpdate();
            }
        });
    }

    /**
     * Deletes rows as part of the transaction that books their events or sets them aside.
     *
     * @param mayBeTaken whether another transaction may be about to book the same. Then it deletes the row, or the row
     *     stays and is adopted later; in neither case is it waited for
     */
    void delete(Connection connection, Collection<UUID> ids, boolean mayBeTaken) throws SQLException {
        if (ids.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(mayBeTaken ? deleteKnown : delete)) {
            new SqlArrays(statement).ids(List.copyOf(ids), id -> id);
            statement.executeUpdate();
        }
    }

    private static List<Stored> read(PreparedStatement statement) throws SQLException {
        List<Stored> found = new ArrayList<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                UUID id = rows.getObject(1, UUID.class);
                long digest = rows.getLong(2);
                Long cameWith = rows.wasNull() ? null : digest;
                byte[] bytes = rows.getBytes(3);
                long receivedAt =
                        rows.getObject(4, OffsetDateTime.class).toInstant().toEpochMilli();
                try {
                    SpendEvent event = EventCodec.decode(bytes);
                    if (!event.id().equals(id)) {
                        throw new InvalidArgumentException("it holds event " + event.id());
                    }
                    found.add(new Stored(id, cameWith == null ? event : event.knownBy(cameWith), null, receivedAt));
                } catch (InvalidArgumentException e) {
                    found.add(new Stored(id, null, String.valueOf(e.getMessage()), receivedAt));
                }
            }
        }
        return found;
    }
}
