package io.llmdb.budgets;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Db;
import io.llmdb.internal.Tx;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.Connection;
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
import org.jspecify.annotations.Nullable;

/** Leases in PostgreSQL, of one holder. */
final class DbLeaseStore implements LeaseStore {

    private static final String GRANT = """
            SELECT * FROM ${llmdb}.llmdb_grant(?::uuid, ?::numeric, ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
                ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::text, ?::text) ORDER BY ordinal""";

    /** Rows that are being changed at this moment are renewed by who changes them, or next time. */
    private static final String RENEW = """
            WITH mine AS MATERIALIZED (
                SELECT scope, scope_id, parent_id, model, budget_duration, holder FROM ${llmdb}."LLM_Lease"
                WHERE holder = ?::uuid AND expires_at > ${llmdb}.llmdb_now() FOR UPDATE SKIP LOCKED)
            UPDATE ${llmdb}."LLM_Lease" l SET expires_at = ${llmdb}.llmdb_now() + ?::numeric * interval '1 second'
            FROM mine m
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (m.scope, m.scope_id, m.parent_id, m.model, m.budget_duration, m.holder)
            RETURNING l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration""";

    private static final String RECALLED = """
            SELECT scope, scope_id, parent_id, model, budget_duration FROM ${llmdb}."LLM_Lease" WHERE holder = ?::uuid AND recalled""";

    private static final String RETURN_ALL = """
            DELETE FROM ${llmdb}."LLM_Lease" WHERE holder = ?::uuid""";

    private static final String READ = """
            SELECT c.spend, c.max_budget, c.budget_reset_at,
                   coalesce((SELECT sum(l.amount) FROM ${llmdb}."LLM_Lease" l
                             WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
                                 = (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
                               AND l.expires_at > ${llmdb}.llmdb_now() AND (l.window_end IS NULL OR l.window_end > ${llmdb}.llmdb_now())), 0)
                       AS reserved,
                   c.budget_reset_at <= ${llmdb}.llmdb_now() AS over,
                   (SELECT b.max_budget FROM ${llmdb}."LLM_BudgetTable" b
                    WHERE c.scope = 'end_user' AND c.budget_id IS NULL AND b.budget_id = ?) AS default_max_budget
            FROM ${llmdb}.llmdb_counter c
            WHERE c.scope = ? AND c.scope_id = ? AND c.parent_id = ? AND c.model = ? AND c.budget_duration = ?""";

    private final Db db;
    private final UUID holder;
    private final BigDecimal leaseSeconds;
    private final CounterWindows windows;
    private final @Nullable String defaultEndUserBudgetId;
    private final @Nullable BudgetDuration proxyDuration;

    DbLeaseStore(
            Db db,
            UUID holder,
            Duration leaseTime,
            CounterWindows windows,
            @Nullable String defaultEndUserBudgetId,
            @Nullable BudgetDuration proxyDuration) {
        this.db = db;
        this.holder = holder;
        this.leaseSeconds = BigDecimal.valueOf(leaseTime.toMillis(), 3);
        this.windows = windows;
        this.defaultEndUserBudgetId = defaultEndUserBudgetId;
        this.proxyDuration = proxyDuration;
    }

    @Override
    public List<Answer> grant(List<Question> questions) {
        while (true) {
            List<Answer> answers = new ArrayList<>();
            List<CounterId> over = new ArrayList<>();
            db.single(tx -> {
                answers.clear();
                over.clear();
                ask(tx, questions, answers, over);
                return null;
            });
            if (over.isEmpty()) {
                return answers;
            }
            windows.moveOn(over);
        }
    }

    private void ask(Tx tx, List<Question> questions, List<Answer> answers, List<CounterId> over) throws SQLException {
        Connection connection = tx.connection();
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of(GRANT))) {
            statement.setObject(1, holder);
            statement.setBigDecimal(2, leaseSeconds);
            setTexts(
                    statement,
                    3,
                    questions.stream().map(q -> q.counter().scope().sqlName()).toArray());
            setTexts(statement, 4, questions.stream().map(q -> q.counter().id()).toArray());
            setTexts(
                    statement,
                    5,
                    questions.stream().map(q -> q.counter().parentId()).toArray());
            setTexts(
                    statement,
                    6,
                    questions.stream().map(q -> q.counter().model()).toArray());
            setTexts(
                    statement,
                    7,
                    questions.stream().map(q -> q.counter().duration()).toArray());
            setNumbers(statement, 8, questions.stream().map(Question::inUse).toArray());
            setNumbers(statement, 9, questions.stream().map(Question::idle).toArray());
            setNumbers(statement, 10, questions.stream().map(Question::least).toArray());
            setNumbers(statement, 11, questions.stream().map(Question::need).toArray());
            setNumbers(statement, 12, questions.stream().map(Question::extra).toArray());
            setNumbers(statement, 13, questions.stream().map(Question::limit).toArray());
            statement.setString(14, defaultEndUserBudgetId);
            statement.setString(15, proxyDuration == null ? null : proxyDuration.toString());
            try (ResultSet rows = statement.executeQuery()) {
                for (Question question : questions) {
                    if (!rows.next()) {
                        throw new IllegalStateException("llmdb_grant gave no answer for " + question.counter());
                    }
                    if ("window_over".equals(rows.getString("status"))) {
                        over.add(question.counter());
                    } else {
                        answers.add(read(question.counter(), rows));
                    }
                }
            }
        }
    }

    private static Answer read(CounterId counter, ResultSet row) throws SQLException {
        Status status = switch (row.getString("status")) {
            case "granted" -> Status.GRANTED;
            case "refused" -> Status.REFUSED;
            default -> Status.GONE;
        };
        BudgetState state = new BudgetState(
                counter,
                orZero(row.getBigDecimal("spend")),
                orZero(row.getBigDecimal("reserved")),
                row.getBigDecimal("max_budget"),
                instant(row, "budget_reset_at"));
        return new Answer(
                status,
                row.getBigDecimal("granted"),
                state,
                row.getBigDecimal("soft_budget"),
                row.getLong("recalls_pending"),
                instant(row, "spend_window_start"));
    }

    @Override
    public Set<CounterId> renew() {
        return db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RENEW))) {
                statement.setObject(1, holder);
                statement.setBigDecimal(2, leaseSeconds);
                return counters(statement);
            }
        });
    }

    @Override
    public Set<CounterId> recalled() {
        return db.single(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RECALLED))) {
                statement.setObject(1, holder);
                return counters(statement);
            }
        });
    }

    private static Set<CounterId> counters(PreparedStatement statement) throws SQLException {
        Set<CounterId> counters = new HashSet<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                counters.add(new CounterId(
                        Scope.ofSqlName(rows.getString(1)),
                        rows.getString(2),
                        rows.getString(3),
                        rows.getString(4),
                        rows.getString(5)));
            }
        }
        return counters;
    }

    @Override
    public void returnAll() {
        db.transaction(tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RETURN_ALL))) {
                statement.setObject(1, holder);
                statement.executeUpdate();
            }
            return null;
        });
    }

    @Override
    public List<BudgetState> read(List<Question> questions) {
        return db.transaction(tx -> {
            List<BudgetState> states = new ArrayList<>();
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(READ))) {
                for (Question question : questions) {
                    CounterId counter = question.counter();
                    statement.setString(1, defaultEndUserBudgetId);
                    statement.setString(2, counter.scope().sqlName());
                    statement.setString(3, counter.id());
                    statement.setString(4, counter.parentId());
                    statement.setString(5, counter.model());
                    statement.setString(6, counter.duration());
                    try (ResultSet rows = statement.executeQuery()) {
                        states.add(rows.next() ? state(question, rows) : untouched(question));
                    }
                }
            }
            return states;
        });
    }

    /** A window that is over counts as reset, whether or not anything has moved the counter on. */
    private static BudgetState state(Question question, ResultSet row) throws SQLException {
        boolean over = row.getBoolean("over");
        BigDecimal limit = row.getBigDecimal("max_budget");
        if (limit == null) {
            limit = question.counter().isMain() ? row.getBigDecimal("default_max_budget") : question.limit();
        }
        return new BudgetState(
                question.counter(),
                over ? BigDecimal.ZERO : row.getBigDecimal("spend"),
                row.getBigDecimal("reserved"),
                limit,
                over ? null : instant(row, "budget_reset_at"));
    }

    private static BudgetState untouched(Question question) {
        return new BudgetState(question.counter(), BigDecimal.ZERO, BigDecimal.ZERO, question.limit(), null);
    }

    private static BigDecimal orZero(@Nullable BigDecimal value) {
        return value == null ? BigDecimal.ZERO : value;
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        OffsetDateTime value = row.getObject(column, OffsetDateTime.class);
        return value == null ? null : value.toInstant();
    }

    private static void setTexts(PreparedStatement statement, int index, Object[] values) throws SQLException {
        statement.setArray(index, statement.getConnection().createArrayOf("text", values));
    }

    private static void setNumbers(PreparedStatement statement, int index, Object[] values) throws SQLException {
        statement.setArray(index, statement.getConnection().createArrayOf("numeric", values));
    }
}
