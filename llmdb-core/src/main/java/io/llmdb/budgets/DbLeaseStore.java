package io.llmdb.budgets;

import io.llmdb.common.BudgetDuration;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.internal.Ticks;
import io.llmdb.internal.Tx;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Leases in PostgreSQL, of one holder. */
final class DbLeaseStore implements LeaseStore {

    private static final String GRANT = """
            SELECT * FROM ${llmdb}.llmdb_grant(?::uuid, ?::numeric, ?::int8, ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int8[],
                ?::timestamptz[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::text, ?::text)
            ORDER BY ordinal""";

    /** Rows that are being changed at this moment are renewed by who changes them, or next time. */
    private static final String RENEW = """
            WITH mine AS MATERIALIZED (
                SELECT scope, scope_id, parent_id, model, budget_duration, holder FROM ${llmdb}."LLM_Lease"
                WHERE holder = ?::uuid AND expires_at > ${llmdb}.llmdb_now() FOR UPDATE SKIP LOCKED)
            UPDATE ${llmdb}."LLM_Lease" l SET expires_at = ${llmdb}.llmdb_now() + ?::numeric * interval '1 second'
            FROM mine m
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (m.scope, m.scope_id, m.parent_id, m.model, m.budget_duration, m.holder)
              AND l.expires_at > ${llmdb}.llmdb_now()
            RETURNING l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration""";

    private static final String RECALLED = """
            SELECT scope, scope_id, parent_id, model, budget_duration FROM ${llmdb}."LLM_Lease" WHERE holder = ?::uuid AND recalled""";

    private static final String RETURN_ALL = "SELECT ${llmdb}.llmdb_return_leases(?::uuid)";

    private static final int MOST_ROUNDS = 5;

    private final Db db;
    private final DbClock clock;
    private final UUID holder;
    private final BigDecimal leaseSeconds;
    private final Duration answerWait;
    private final CounterWindows windows;
    private final @Nullable String defaultEndUserBudgetId;
    private final @Nullable BudgetDuration proxyDuration;

    DbLeaseStore(Db db, DbClock clock, UUID holder, LeasePolicy policy, CounterWindows windows, BudgetRules rules) {
        this.db = db;
        this.clock = clock;
        this.holder = holder;
        this.leaseSeconds = BigDecimal.valueOf(policy.leaseTime().toMillis(), 3);
        this.answerWait = policy.answerWait();
        this.windows = windows;
        this.defaultEndUserBudgetId = rules.defaultEndUserBudgetId();
        this.proxyDuration = rules.proxyDuration();
    }

    @Override
    public List<Answer> grant(long turn, List<Question> questions) {
        @Nullable Answer[] answers = new Answer[questions.size()];
        List<Integer> open = new ArrayList<>();
        for (int i = 0; i < answers.length; i++) {
            open.add(i);
        }
        for (int round = 1; ; round++) {
            // Only those whose window was over are asked again: the others' answers have taken effect.
            List<Integer> asked = open;
            open = db.readAgain(answerWait, tx -> ask(tx, turn, questions, asked, answers));
            if (open.isEmpty()) {
                return Arrays.asList(answers);
            }
            if (round == MOST_ROUNDS) {
                throw new DatabaseFailureException(
                        "The window of " + questions.get(open.get(0)).counter()
                                + " is over still after it was moved on " + round + " times");
            }
            windows.moveOn(open.stream().map(i -> questions.get(i).counter()).toList());
        }
    }

    /** Returns those whose window has to be moved on first. */
    private List<Integer> ask(Tx tx, long turn, List<Question> all, List<Integer> asked, @Nullable Answer[] answers)
            throws SQLException {
        List<Question> questions = asked.stream().map(all::get).toList();
        List<Integer> over = new ArrayList<>();
        long before = Ticks.SYSTEM.nanos();
        Connection connection = tx.connection();
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of(GRANT))) {
            statement.setObject(1, holder);
            statement.setBigDecimal(2, leaseSeconds);
            statement.setLong(3, turn);
            CounterArrays.bind(
                    statement, 4, questions.stream().map(Question::counter).toList());
            set(statement, 9, "int8", questions, Question::epoch);
            set(statement, 10, "timestamptz", questions, Question::windowEnd);
            set(statement, 11, "numeric", questions, Question::inUse);
            set(statement, 12, "numeric", questions, Question::idle);
            set(statement, 13, "numeric", questions, Question::least);
            set(statement, 14, "numeric", questions, Question::need);
            set(statement, 15, "numeric", questions, Question::extra);
            set(statement, 16, "numeric", questions, Question::limit);
            statement.setString(17, defaultEndUserBudgetId);
            statement.setString(18, proxyDuration == null ? null : proxyDuration.toString());
            try (ResultSet rows = statement.executeQuery()) {
                for (int i : asked) {
                    if (!rows.next()) {
                        throw new IllegalStateException(
                                "llmdb_grant gave no answer for " + all.get(i).counter());
                    }
                    if ("window_over".equals(rows.getString("status"))) {
                        over.add(i);
                    } else {
                        Answer answer = read(all.get(i).counter(), rows);
                        clock.observe(answer.answeredAt(), before, Ticks.SYSTEM.nanos());
                        answers[i] = answer;
                    }
                }
            }
        }
        return over;
    }

    private static Answer read(CounterId counter, ResultSet row) throws SQLException {
        Status status = switch (row.getString("status")) {
            case "granted" -> Status.GRANTED;
            case "refused" -> Status.REFUSED;
            case "gone" -> Status.GONE;
            default ->
                throw new DatabaseUnavailableException("A question about " + counter + " came behind a later one");
        };
        BudgetState state = new BudgetState(
                counter,
                orZero(row.getBigDecimal("spend")),
                orZero(row.getBigDecimal("reserved")),
                row.getBigDecimal("max_budget"),
                instant(row, "budget_reset_at"));
        Instant answeredAt = instant(row, "answered_at");
        return new Answer(
                status,
                row.getBigDecimal("granted"),
                row.getBoolean("kept"),
                row.getLong("epoch"),
                state,
                instant(row, "others_set_at"),
                instant(row, "spend_window_start"),
                instant(row, "limit_until"),
                answeredAt == null ? Instant.EPOCH : answeredAt);
    }

    @Override
    public Set<CounterId> renew() {
        return db.readAgain(answerWait, tx -> {
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
        return db.readAgain(answerWait, tx -> {
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
                counters.add(CounterArrays.read(rows));
            }
        }
        return counters;
    }

    @Override
    public void returnAll() {
        boolean unused = db.readAgain(answerWait, tx -> {
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(RETURN_ALL))) {
                statement.setObject(1, holder);
                return statement.execute();
            }
        });
    }

    private static BigDecimal orZero(@Nullable BigDecimal value) {
        return value == null ? BigDecimal.ZERO : value;
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        OffsetDateTime value = row.getObject(column, OffsetDateTime.class);
        return value == null ? null : value.toInstant();
    }

    private static void set(
            PreparedStatement statement,
            int index,
            String type,
            List<Question> questions,
            Function<Question, @Nullable Object> column)
            throws SQLException {
        statement.setArray(
                index,
                statement
                        .getConnection()
                        .createArrayOf(type, questions.stream().map(column).toArray()));
    }
}
