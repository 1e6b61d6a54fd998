package io.llmdb.move;

import io.llmdb.internal.DbErrors;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A publication of the tables that are moved, and a slot that makes the server keep its write-ahead log until it was
 * read. Both have one name. All of it is plain SQL, so that a pooler in transaction mode may stand before the server;
 * the rights are those of the role that the move works with.
 */
final class ReplicationSlot {

    /** How many bytes the keys of changed rows take in memory at most, about: some ten thousand keys. */
    private static final long MOST_BYTES = 16L << 20;

    /** Keys are among a row's first columns; texts of any length come behind them. */
    private static final int MESSAGE_BYTES = 16 * 1024;

    /** Making a slot waits for every transaction that is under way. */
    private static final String MAKING = "60s";

    /** A tool that was killed may still be reading. */
    private static final Duration BUSY = Duration.ofSeconds(20);

    private static final int FETCH = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(ReplicationSlot.class);

    private final MoveEndpoint source;
    private final String name;

    ReplicationSlot(MoveEndpoint source, UUID move) {
        this.source = source;
        this.name = "llmdb_move_" + move.toString().replace("-", "");
    }

    /**
     * What has changed.
     *
     * @param keys the rows
     * @param readUpTo the place in the log before which nothing is needed any more when they are on the target; null:
     *     no further than before
     */
    record Changes(ChangedKeys keys, @Nullable String readUpTo) {}

    String name() {
        return name;
    }

    /** Why the server or the role does not allow it, as far as can be known before trying; empty: it may. */
    static String obstacle(Session session) throws SQLException {
        String level = session.text("SELECT current_setting('wal_level')");
        if (!"logical".equals(level)) {
            return "wal_level is " + level + ", not logical";
        }
        if (session.is("SELECT pg_is_in_recovery()")) {
            return "the server is a standby";
        }
        String without = session.text("""
                SELECT string_agg(c.relname, ', ') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = ? AND c.relname LIKE 'LLM\\_%' AND c.relkind IN ('r', 'p') AND c.relreplident = 'n'""", session.side().schema());
        return without == null ? "" : "REPLICA IDENTITY NOTHING on " + without + " would have updates refused";
    }

    /** The publication first: what is written before it is there cannot be read through it. */
    void create(Collection<String> tables) throws SQLException {
        Locks.inShortTurns(source, "The source's tables", session -> {
            session.run("DROP PUBLICATION IF EXISTS " + name);
            session.run("CREATE PUBLICATION " + name + " FOR TABLE "
                    + String.join(", ", tables.stream().map(session::table).toList())
                    + " WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)");
        });
        try (Session session = Session.write(source)) {
            session.run("SET LOCAL statement_timeout = '" + MAKING + "'; SET LOCAL lock_timeout = 0");
            session.text("SELECT pg_create_logical_replication_slot(?, 'pgoutput')::text", name);
            session.commit();
        }
    }

    /**
     * Whether the slot is there, has what it needs, and is told of these tables; tells in the log where the server is
     * about to take it away.
     */
    boolean isUsable(Session session, Collection<String> tables) throws SQLException {
        List<@Nullable String[]> rows = session.rows("""
                SELECT s.wal_status, pg_size_pretty(s.safe_wal_size)
                FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = ? AND s.database = current_database()""", name);
        if (rows.isEmpty()) {
            return false;
        }
        String status = rows.get(0)[0];
        if ("unreserved".equals(status)) {
            LOG.warn(
                    "The server is about to drop the write-ahead log that slot {} needs ({} left): make a pass soon, or raise"
                            + " max_slot_wal_keep_size",
                    name,
                    rows.get(0)[1]);
        }
        return status != null && !"lost".equals(status) && published(session).equals(Set.copyOf(tables));
    }

    private Set<String> published(Session session) throws SQLException {
        return session
                .rows(
                        "SELECT tablename FROM pg_catalog.pg_publication_tables WHERE pubname = ? AND schemaname = ?",
                        name,
                        source.schema())
                .stream()
                .map(row -> Objects.requireNonNull(row[0]))
                .collect(Collectors.toSet());
    }

    /** Slots of other moves, which keep this database's log too. */
    List<String> others(Session session) throws SQLException {
        return session.rows("""
                        SELECT slot_name FROM pg_catalog.pg_replication_slots
                        WHERE slot_name LIKE 'llmdb\\_move\\_%' AND slot_name <> ? AND database = current_database()""", name).stream()
                .map(row -> Objects.requireNonNull(row[0]))
                .toList();
    }

    /** How much of its write-ahead log the server keeps for the move. */
    long heldBytes() throws SQLException {
        try (Session session = Session.read(source)) {
            return session.number("""
                    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_catalog.pg_replication_slots
                    WHERE slot_name = ?""", name);
        }
    }

    /** Reads what has changed up to a snapshot, and leaves it there to be read again until {@link #forget}. */
    Changes read(Snapshot snapshot, Shapes shapes) throws SQLException {
        flush();
        return whenFree(() -> {
            ChangedKeys keys = new ChangedKeys(MOST_BYTES);
            PgOutput output = new PgOutput(shapes::keyOf, snapshot::sees, keys);
            try (Session session = Session.write(source)) {
                String end = Objects.requireNonNull(session.text("SELECT pg_current_wal_flush_lsn()::text"));
                session.each(
                        FETCH,
                        row -> output.read(Objects.requireNonNull(row.getBytes(1))),
                        """
                        SELECT substring(data FROM 1 FOR %d) FROM pg_logical_slot_peek_binary_changes(?, ?::text::pg_lsn, NULL,
                            'proto_version', '1', 'publication_names', ?)""".formatted(MESSAGE_BYTES),
                        name,
                        end,
                        name);
                session.rollback();
                return new Changes(
                        keys, !output.hasGap() ? end : output.seenUpTo() == 0 ? null : position(output.seenUpTo()));
            }
        });
    }

    /**
     * Decoding ends where the log on disk ends. A snapshot may see a transaction that did not wait for that; the commit
     * of this one is behind it, and does wait.
     */
    private void flush() throws SQLException {
        try (Session session = Session.write(source)) {
            session.run("SET LOCAL synchronous_commit = 'local'");
            session.text("SELECT pg_logical_emit_message(true, 'llmdb', '')::text");
            session.commit();
        }
    }

    /** The changes are on the target; the server may forget them. */
    void forget(Changes changes) throws SQLException {
        if (changes.readUpTo() != null) {
            whenFree(() -> {
                try (Session session = Session.write(source)) {
                    session.text("""
                            SELECT pg_replication_slot_advance(slot_name, ?::text::pg_lsn)::text
                            FROM pg_catalog.pg_replication_slots WHERE slot_name = ? AND confirmed_flush_lsn < ?::text::pg_lsn""", changes.readUpTo(), name, changes.readUpTo());
                    session.commit();
                    return true;
                }
            });
        }
    }

    /** Takes slot and publication away; where they are not there, nothing. */
    void drop() throws SQLException {
        whenFree(() -> {
            try (Session session = Session.write(source)) {
                session.text("""
                        SELECT pg_drop_replication_slot(slot_name)::text FROM pg_catalog.pg_replication_slots
                        WHERE slot_name = ? AND database = current_database()""", name);
                session.commit();
                return true;
            }
        });
        if (isPublished()) {
            Locks.inShortTurns(
                    source, "The source's tables", session -> session.run("DROP PUBLICATION IF EXISTS " + name));
        }
    }

    /** Whether anything of it is on the source. */
    boolean leavesTraces() throws SQLException {
        try (Session session = Session.read(source)) {
            return session.is("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_name = ?)", name)
                    || isPublished();
        }
    }

    private boolean isPublished() throws SQLException {
        try (Session session = Session.read(source)) {
            return session.is("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = ?)", name);
        }
    }

    private <T> T whenFree(Work<T> work) throws SQLException {
        long deadline = System.nanoTime() + BUSY.toNanos();
        while (true) {
            try {
                return work.run();
            } catch (SQLException e) {
                if (!"55006".equals(DbErrors.sqlState(e)) || System.nanoTime() > deadline) {
                    throw e;
                }
                LockSupport.parkNanos(50_000_000L);
            }
        }
    }

    private static String position(long lsn) {
        return String.format(java.util.Locale.ROOT, "%X/%X", lsn >>> 32, lsn & 0xFFFFFFFFL);
    }

    /** Something that wants the slot for itself. */
    @FunctionalInterface
    private interface Work<T> {
        T run() throws SQLException;
    }
}
