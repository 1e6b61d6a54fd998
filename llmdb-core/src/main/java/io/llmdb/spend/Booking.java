package io.llmdb.spend;

import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.Sql;
import io.llmdb.internal.Tx;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Books batches of events: log rows, error rows, counters, leases and daily totals in one transaction, each event once.
 *
 * <p>An event is known by its id in the log or, where logs are switched off, among the receipts. The first try does not
 * look: it writes, and the primary key refuses what is there already. Only then is looked up what to leave out.
 */
final class Booking {

    /** The bounds let the planner leave out the partitions of other days. */
    private static final String KNOWN = """
            SELECT l.id, l.digest FROM ${llmdb}."LLM_SpendLogs" l
            JOIN unnest(?::uuid[], ?::timestamptz[]) e (id, start) ON l.id = e.id AND l."startTime" = e.start
            WHERE l."startTime" BETWEEN ?::timestamptz AND ?::timestamptz
            UNION ALL
            SELECT r.id, r.digest FROM ${llmdb}."LLM_SpendReceipt" r
            JOIN unnest(?::uuid[], ?::timestamptz[]) e (id, start) ON r.id = e.id AND r."startTime" = e.start
            WHERE r."startTime" BETWEEN ?::timestamptz AND ?::timestamptz""";

    /** The migrations' own SQLSTATEs: some events of a time have receipts and others log rows. */
    private static final String TWO_BOOKS = "LD002";

    /** A window has to be moved on first. */
    private static final String WINDOW_OVER = "LD003";

    /** So often a key may be rotated again just before its calls are booked. */
    private static final int MOST_ROTATIONS = 20;

    /** Whoever writes several events writes them in this order, so that two cannot wait for each other. */
    static final Comparator<SpendEvent> LOCK_ORDER = Comparator.comparing(SpendEvent::id, (one, other) -> {
        int high = Long.compareUnsigned(one.getMostSignificantBits(), other.getMostSignificantBits());
        return high != 0 ? high : Long.compareUnsigned(one.getLeastSignificantBits(), other.getLeastSignificantBits());
    });

    private final Db db;
    private final BookingPolicy policy;
    private final LogRows logRows;
    private final Totals totals;
    private final SingleBooking single;
    private final Inbox inbox;
    private final Partitions partitions;
    private final ReplacedKeys replacedKeys;
    private final List<SpendLogSink> sinks;
    private final TransactionalSinks others;
    private final String known;

    /**
     * @param inbox where events may stand until they are booked
     * @param others sinks of the proxy that write in the same transaction, behind our own
     */
    Booking(Db db, BookingPolicy policy, Partitions partitions, Inbox inbox, TransactionalSinks others) {
        this.db = db;
        this.inbox = inbox;
        this.policy = policy;
        this.partitions = partitions;
        Sql sql = db.sql();
        this.logRows = new LogRows(sql, policy.keepPrompts());
        this.sinks = new ArrayList<>();
        sinks.add(policy.keepSpendLogs() ? new DbSpendLogSink(logRows) : new NoOpSpendLogSink());
        if (policy.keepErrorLogs()) {
            sinks.add(new DbErrorLogSink(logRows));
        }
        this.others = others;
        this.totals = new Totals(sql, policy);
        this.single = new SingleBooking(sql, policy);
        this.known = sql.of(KNOWN);
        this.replacedKeys = new ReplacedKeys(sql);
    }

    /**
     * @param booked events that this call booked, in the order of their ids
     * @param repeated events that had been booked before
     * @param contradicting events whose id had been booked with other content, or came twice with two contents; not
     *     booked
     */
    record Outcome(List<SpendEvent> booked, List<SpendEvent> repeated, List<SpendEvent> contradicting) {}

    /**
     * Books events.
     *
     * @param events in any order; one may come more than once
     * @param inInbox ids of those that stand in the inbox, to be deleted there in the same transaction
     * @param mayBeKnown whether some may have been booked before, as after an error whose outcome is not known
     */
    Outcome book(List<SpendEvent> events, Set<UUID> inInbox, boolean mayBeKnown) {
        List<SpendEvent> repeated = new ArrayList<>();
        List<SpendEvent> contradicting = new ArrayList<>();
        List<SpendEvent> distinct = distinct(events, repeated, contradicting);
        distinct.forEach(EventCheck::requireCountable);
        partitions.ensureFor(distinct);
        Outcome unbooked = new Outcome(distinct, repeated, contradicting);
        Map<String, String> replaced = Map.of();
        for (int attempt = 1; ; attempt++) {
            try {
                return book(unbooked, inInbox, replaced, mayBeKnown);
            } catch (SinkFailedException e) {
                throw e;
            } catch (RuntimeException e) {
                if (!ReplacedKeys.SQL_STATE.equals(DbErrors.sqlState(e)) || attempt == MOST_ROTATIONS) {
                    throw e;
                }
                replaced = db.transaction(tx -> replacedKeys.ofEvents(tx, distinct));
            }
        }
    }

    private Outcome book(Outcome unbooked, Set<UUID> inInbox, Map<String, String> replaced, boolean mayBeKnown) {
        List<SpendEvent> distinct = unbooked.booked();
        if (!mayBeKnown) {
            try {
                return db.transaction(tx -> {
                    write(tx, ReplacedKeys.underNewHashes(distinct, replaced), inInbox, false);
                    return unbooked;
                });
            } catch (SinkFailedException e) {
                throw e;
            } catch (RuntimeException e) {
                if (!DbErrors.isDuplicate(e) && !TWO_BOOKS.equals(DbErrors.sqlState(e))) {
                    throw e;
                }
            }
        }
        return db.transaction(tx -> {
            List<SpendEvent> again = new ArrayList<>(unbooked.repeated());
            List<SpendEvent> other = new ArrayList<>(unbooked.contradicting());
            List<SpendEvent> fresh = withoutKnown(tx.connection(), distinct, again, other);
            Set<UUID> leaving = new HashSet<>(inInbox);
            // What contradicts stays until it stands among the dead letters.
            other.forEach(event -> leaving.remove(event.id()));
            write(tx, ReplacedKeys.underNewHashes(fresh, replaced), leaving, true);
            return new Outcome(fresh, again, other);
        });
    }

    /**
     * Books one event in one round trip where nothing speaks against it. It may have been booked before.
     *
     * @param inInbox whether it stands in the inbox, to be deleted there in the same transaction
     */
    Outcome bookOne(SpendEvent event, boolean inInbox) {
        EventCheck.requireCountable(event);
        Set<UUID> standing = inInbox ? Set.of(event.id()) : Set.of();
        if (!others.isEmpty()) {
            return book(List.of(event), standing, false);
        }
        partitions.ensureFor(List.of(event));
        try {
            String answer = db.single(tx -> single.record(tx.connection(), event, inInbox));
            List<SpendEvent> events = List.of(event);
            return switch (answer) {
                case "booked" -> new Outcome(events, List.of(), List.of());
                case "repeated" -> new Outcome(List.of(), events, List.of());
                default -> new Outcome(List.of(), List.of(), events);
            };
        } catch (RuntimeException e) {
            String state = DbErrors.sqlState(e);
            if (!WINDOW_OVER.equals(state) && !ReplacedKeys.SQL_STATE.equals(state)) {
                throw e;
            }
            return book(List.of(event), standing, false);
        }
    }

    /** Books one event as part of a transaction that is open already. */
    void bookWithin(Tx tx, SpendEvent event) throws SQLException {
        EventCheck.requireCountable(event);
        partitions.ensureFor(List.of(event));
        List<SpendEvent> contradicting = new ArrayList<>();
        List<SpendEvent> fresh = withoutKnown(tx.connection(), List.of(event), new ArrayList<>(), contradicting);
        if (!contradicting.isEmpty()) {
            throw new ContradictingEventException(event.id());
        }
        write(tx, ReplacedKeys.underNewHashes(fresh, replacedKeys.ofEvents(tx, fresh)), Set.of(), true);
    }

    private void write(Tx tx, List<SpendEvent> events, Set<UUID> leaving, boolean lookedUp) throws SQLException {
        Connection connection = tx.connection();
        if (events.isEmpty()) {
            inbox.delete(connection, leaving, true);
            return;
        }
        if (!policy.keepSpendLogs()) {
            logRows.writeReceipts(connection, events);
        }
        SpendBatch batch = new SpendBatch(events, connection);
        for (SpendLogSink sink : sinks) {
            sink.write(batch);
        }
        others.write(batch);
        // Behind the log, whose ids say who books what, and before the counters, which others wait for.
        inbox.delete(connection, leaving, lookedUp);
        totals.add(connection, events, lookedUp);
    }

    /** What is wrong with an event in what the books hold of it; null where nothing was found, which proves nothing. */
    @Nullable
    String problem(SpendEvent event) {
        return EventCheck.problem(event, policy);
    }

    private static List<SpendEvent> distinct(
            List<SpendEvent> events, List<SpendEvent> repeated, List<SpendEvent> contradicting) {
        Map<UUID, SpendEvent> byId = new LinkedHashMap<>();
        for (SpendEvent event : events) {
            SpendEvent earlier = byId.putIfAbsent(event.id(), event);
            if (earlier != null) {
                (earlier.equals(event) ? repeated : contradicting).add(event);
            }
        }
        List<SpendEvent> distinct = new ArrayList<>(byId.values());
        distinct.sort(LOCK_ORDER);
        return distinct;
    }

    private List<SpendEvent> withoutKnown(
            Connection connection, List<SpendEvent> events, List<SpendEvent> repeated, List<SpendEvent> contradicting)
            throws SQLException {
        if (events.isEmpty()) {
            return events;
        }
        Map<UUID, Long> digests = new HashMap<>();
        try (PreparedStatement statement = connection.prepareStatement(known)) {
            Object[] ids = events.stream().map(SpendEvent::id).toArray();
            Object[] starts =
                    events.stream().map(event -> event.startTime().toString()).toArray();
            Instant first = events.get(0).startTime();
            Instant last = events.get(events.size() - 1).startTime();
            for (int half = 0; half < 2; half++) {
                statement.setArray(4 * half + 1, connection.createArrayOf("uuid", ids));
                statement.setArray(4 * half + 2, connection.createArrayOf("timestamptz", starts));
                statement.setString(4 * half + 3, first.toString());
                statement.setString(4 * half + 4, last.toString());
            }
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    digests.put(rows.getObject(1, UUID.class), rows.getLong(2));
                }
            }
        }
        List<SpendEvent> fresh = new ArrayList<>(events.size());
        for (SpendEvent event : events) {
            Long digest = digests.get(event.id());
            if (digest == null) {
                fresh.add(event);
            } else {
                (digest == EventCodec.digest(event) ? repeated : contradicting).add(event);
            }
        }
        return fresh;
    }
}
