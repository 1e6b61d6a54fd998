package io.llmdb.limits;

import io.llmdb.internal.Db;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** Limits in PostgreSQL, for one holder. Each call is one statement and one round trip. */
final class DbLimitStore implements LimitStore {

    private static final String GRANT = """
            SELECT minute, decided_at, kept, granted, used, room, refused, contended, recalls_pending
            FROM ${llmdb}.llmdb_limit(?::uuid, ?::numeric, ?::bigint, ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
                ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])
            ORDER BY ordinal""";

    /** Rows that are being changed at this moment are renewed by who changes them, or next time. */
    private static final String RENEW = """
            WITH mine AS MATERIALIZED (
                SELECT ctid FROM ${llmdb}."LLM_LimitLease"
                WHERE holder = ?::uuid AND kind = 'parallel' AND expires_at > ${llmdb}.llmdb_now() FOR UPDATE SKIP LOCKED)
            UPDATE ${llmdb}."LLM_LimitLease" l SET expires_at = ${llmdb}.llmdb_now() + ?::numeric * interval '1 second'
            FROM mine m WHERE l.ctid = m.ctid
            RETURNING l.scope, l.scope_id, l.parent_id, l.model, l.kind""";

    private static final String RECALLED = """
            SELECT scope, scope_id, parent_id, model, kind FROM ${llmdb}."LLM_LimitLease"
            WHERE holder = ?::uuid AND recalled_at IS NOT NULL AND NOT recall_answered
              AND (kind = 'parallel' OR expires_at > ${llmdb}.llmdb_now())""";

    private static final String RETURN_SLOTS = """
            DELETE FROM ${llmdb}."LLM_LimitLease" WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM ${llmdb}."LLM_LimitLease" WHERE holder = ?::uuid AND kind = 'parallel'
                ORDER BY scope COLLATE "C", scope_id COLLATE "C", parent_id COLLATE "C", model COLLATE "C" FOR UPDATE))""";

    /** Minutes are kept for a while after they are over, for a clock that is set back. */
    private static final String TIDY_LEASES = """
            DELETE FROM ${llmdb}."LLM_LimitLease" WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM ${llmdb}."LLM_LimitLease" WHERE expires_at < ${llmdb}.llmdb_now() - interval '3 min'
                LIMIT 20000 FOR UPDATE SKIP LOCKED))""";

    private static final String TIDY_COUNTERS = """
            DELETE FROM ${llmdb}."LLM_LimitCounter" WHERE ctid = ANY (ARRAY(
                SELECT c.ctid FROM ${llmdb}."LLM_LimitCounter" c
                WHERE NOT EXISTS (SELECT FROM ${llmdb}."LLM_LimitLease" l
                    WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.kind) = (c.scope, c.scope_id, c.parent_id, c.model, c.kind))
                LIMIT 20000 FOR UPDATE SKIP LOCKED))""";

    private static final String READ = """
            SELECT l.model, l.kind, max(l.limit_value) AS limit_value, sum(l.used)::bigint AS used, sum(l.amount - l.used)::bigint AS held,
                   CASE l.kind WHEN 'parallel' THEN NULL ELSE max(l.expires_at) END AS reset_at
            FROM ${llmdb}."LLM_LimitLease" l CROSS JOIN (SELECT ${llmdb}.llmdb_now()) n (now)
            WHERE l.scope = ? AND l.scope_id = ? AND l.parent_id = ? AND (l.model = ? OR ? = '')
              AND CASE l.kind WHEN 'parallel' THEN l.expires_at > n.now ELSE l.window_start = date_trunc('minute', n.now, 'UTC') END
            GROUP BY l.model, l.kind ORDER BY l.model, l.kind""";

    private final Db db;
    private final UUID holder;
    private final BigDecimal leaseSeconds;
    private final Duration answerWithin;
    private final AtomicLong turn = new AtomicLong();

    DbLimitStore(Db db, UUID holder, LimitPolicy policy) {
        this.db = db;
        this.holder = holder;
        this.leaseSeconds = BigDecimal.valueOf(policy.leaseTime().toMillis(), 3);
        this.answerWithin = policy.answerWithin();
    }

    @Override
    public Reply grant(List<Question> questions) {
        long asked = turn.incrementAndGet();
        return db.readAgain(answerWithin, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(GRANT))) {
                statement.setObject(1, holder);
                statement.setBigDecimal(2, leaseSeconds);
                statement.setLong(3, asked);
                texts(statement, 4, questions, q -> q.id().counter().scope().sqlName());
                texts(statement, 5, questions, q -> q.id().counter().id());
                texts(statement, 6, questions, q -> q.id().counter().parentId());
                texts(statement, 7, questions, q -> q.id().counter().model());
                texts(statement, 8, questions, q -> q.id().kind().sqlName());
                numbers(statement, 9, questions, Question::minute);
                numbers(statement, 10, questions, Question::kept);
                numbers(statement, 11, questions, Question::charge);
                numbers(statement, 12, questions, Question::least);
                numbers(statement, 13, questions, Question::need);
                numbers(statement, 14, questions, Question::extra);
                numbers(statement, 15, questions, Question::limit);
                return reply(statement, questions.size());
            }
        });
    }

    private static Reply reply(PreparedStatement statement, int size) throws SQLException {
        List<Answer> answers = new ArrayList<>(size);
        Instant now = Instant.EPOCH;
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                now = rows.getObject("decided_at", OffsetDateTime.class).toInstant();
                answers.add(new Answer(
                        rows.getLong("minute"),
                        rows.getLong("kept"),
                        rows.getLong("granted"),
                        rows.getLong("used"),
                        rows.getLong("room"),
                        rows.getBoolean("refused"),
                        rows.getBoolean("contended"),
                        rows.getLong("recalls_pending")));
            }
        }
        if (answers.size() != size) {
            throw new IllegalStateException("llmdb_limit gave " + answers.size() + " answers to " + size);
        }
        return new Reply(now, answers);
    }

    @Override
    public Set<LimitId> renew() {
        return db.read(answerWithin, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RENEW))) {
                statement.setObject(1, holder);
                statement.setBigDecimal(2, leaseSeconds);
                return ids(statement);
            }
        });
    }

    @Override
    public Set<LimitId> recalled() {
        return db.read(answerWithin, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RECALLED))) {
                statement.setObject(1, holder);
                return ids(statement);
            }
        });
    }

    private static Set<LimitId> ids(PreparedStatement statement) throws SQLException {
        Set<LimitId> ids = new HashSet<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                CounterId counter = new CounterId(
                        Scope.ofSqlName(rows.getString(1)),
                        rows.getString(2),
                        rows.getString(3),
                        rows.getString(4),
                        "");
                ids.add(new LimitId(counter, LimitKind.ofSqlName(rows.getString(5))));
            }
        }
        return ids;
    }

    @Override
    public void returnSlots() {
        run(RETURN_SLOTS, true);
    }

    @Override
    public void tidy() {
        run(TIDY_LEASES, false);
        run(TIDY_COUNTERS, false);
    }

    private void run(String text, boolean ofHolder) {
        db.readAgain(answerWithin, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(text))) {
                if (ofHolder) {
                    statement.setObject(1, holder);
                }
                return statement.executeUpdate();
            }
        });
    }

    /**
     * How the limits of a counter stand, and of its models where it names none; those without any use now are left out.
     */
    List<LimitState> read(CounterId counter) {
        return db.read(answerWithin, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(READ))) {
                statement.setString(1, counter.scope().sqlName());
                statement.setString(2, counter.id());
                statement.setString(3, counter.parentId());
                statement.setString(4, counter.model());
                statement.setString(5, counter.model());
                List<LimitState> states = new ArrayList<>();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        OffsetDateTime reset = rows.getObject("reset_at", OffsetDateTime.class);
                        states.add(new LimitState(
                                counter.forModel(rows.getString("model"), ""),
                                LimitKind.ofSqlName(rows.getString("kind")),
                                rows.getLong("limit_value"),
                                rows.getLong("used"),
                                rows.getLong("held"),
                                reset == null ? null : reset.toInstant()));
                    }
                }
                return states;
            }
        });
    }

    private static void texts(
            PreparedStatement statement, int index, List<Question> questions, Function<Question, String> column)
            throws SQLException {
        array(statement, index, "text", questions.stream().map(column).toArray());
    }

    private static void numbers(
            PreparedStatement statement,
            int index,
            List<Question> questions,
            Function<Question, @org.jspecify.annotations.Nullable Long> column)
            throws SQLException {
        array(statement, index, "int8", questions.stream().map(column).toArray());
    }

    private static void array(PreparedStatement statement, int index, String type, Object[] values)
            throws SQLException {
        statement.setArray(index, statement.getConnection().createArrayOf(type, values));
    }
}
