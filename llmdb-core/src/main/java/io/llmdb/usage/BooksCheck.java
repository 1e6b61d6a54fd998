package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Checks that the books agree: counter = log rows + adjustments = daily totals, for every scope and window, to the last
 * digit.
 *
 * <p>Works on a live database: everything is read in one snapshot, nobody waits. One pass over the log for each table
 * of daily totals; the counters are then compared with the daily totals, which stand for the log where they agree with
 * it.
 *
 * <ul>
 *   <li>{@code total_spend} of a counter is the sum of all log rows of its key, user, team and so on, plus its rows in
 *       {@code "LLM_SpendAdjustment"}; {@code spend} the same since {@code spend_window_start}.
 *   <li>A row of daily totals is the sum of its day's log rows, in spend, requests and tokens.
 *   <li>Where log rows were dropped, or never kept ({@code disable_spend_logs}), the daily totals are believed.
 *   <li>Log rows of keys, users and teams that are gone are no difference.
 * </ul>
 *
 * <p>Safe for use by several threads.
 */
public final class BooksCheck {

    private final Db db;
    private final Sql sql;

    /** @param db the books */
    public BooksCheck(Db db) {
        this.db = db;
        this.sql = db.sql();
    }

    /**
     * Checks everything.
     *
     * @return what was found
     * @throws InvalidArgumentException within a transaction of the caller that is not at REPEATABLE READ
     */
    public Verification verify() {
        return verify(progress -> {});
    }

    /**
     * Checks everything and tells how far it has come.
     *
     * @param progress is told after each step, on this thread
     * @return what was found
     * @throws InvalidArgumentException within a transaction of the caller that is not at REPEATABLE READ
     */
    public Verification verify(Consumer<VerificationProgress> progress) {
        long started = System.nanoTime();
        return db.transaction(tx -> {
            Connection connection = tx.connection();
            Instant at = openSnapshot(connection);
            return new Pass(connection, at, progress).run(started);
        });
    }

    private Instant openSnapshot(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            if (db.isJoined()) {
                try (ResultSet rows = statement.executeQuery("SHOW transaction_isolation")) {
                    rows.next();
                    if (!rows.getString(1).equals("repeatable read")
                            && !rows.getString(1).equals("serializable")) {
                        throw new InvalidArgumentException("The transaction is at " + rows.getString(1)
                                + ": open it at REPEATABLE READ, so that all of the books are read as of one moment");
                    }
                }
            } else {
                statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
            }
            statement.execute("SET LOCAL jit = off");
            statement.execute("SET LOCAL work_mem = '64MB'");
            try (ResultSet rows = statement.executeQuery(sql.of("SELECT ${llmdb}.llmdb_now()"))) {
                rows.next();
                return rows.getObject(1, OffsetDateTime.class).toInstant();
            }
        }
    }

    /** One verification. */
    private final class Pass {

        private final Connection connection;
        private final Instant at;
        private final Consumer<VerificationProgress> progress;
        private int done;
        private int steps;

        Pass(Connection connection, Instant at, Consumer<VerificationProgress> progress) {
            this.connection = connection;
            this.at = at;
            this.progress = progress;
        }

        Verification run(long started) throws SQLException {
            BookDays days = BookDays.read(connection, sql);
            steps = days.sources().size() + ScopeBooks.values().length + 2;
            DailyCheck daily = new DailyCheck(sql);
            for (Map.Entry<LocalDate, BookDays.Source> day : days.sources().entrySet()) {
                daily.check(connection, day.getKey(), days);
                finished("log of " + day.getKey());
            }
            CounterCheck main = new CounterCheck(sql);
            for (ScopeBooks scope : ScopeBooks.values()) {
                main.check(connection, scope, daily.ruined(), daily.opaque(), cellsToJudge(daily));
                finished("counters of each " + scope.scope().words());
            }
            FurtherCounterCheck further = new FurtherCounterCheck(sql);
            further.check(connection, daily.withFurtherCounters(), daily.opaque());
            finished("budgets by model and further windows");

            List<Difference> ofDays = new ArrayList<>(daily.differences());
            ofDays.addAll(Judge.judge(daily.cells(), daily.ruined(), main.states()));
            List<Difference> differences = new ArrayList<>();
            main.states().values().forEach(state -> differences.addAll(state.differences()));
            differences.addAll(further.differences());
            differences.addAll(ofDays);

            List<String> notes = new ArrayList<>(daily.notes());
            if (main.windowsUnknown() > 0) {
                notes.add("The windows of " + main.windowsUnknown()
                        + " counters are not checked: they began within a day of which the log does not tell all");
            }
            notes.addAll(further.notes());
            notes.addAll(LeaseCheck.notes(connection, sql));
            finished("reservations");
            int listed = Math.min(differences.size(), Verification.MAX_LISTED);
            return new Verification(
                    at,
                    differences.subList(0, listed),
                    differences.size() - listed,
                    notes,
                    daily.logRows(),
                    daily.logSpend(),
                    days.sources().size(),
                    main.counters() + further.counters(),
                    Duration.ofNanos(System.nanoTime() - started));
        }

        /** Of a day that is added up from the log alone, nothing is left to judge. */
        private List<DailyCell> cellsToJudge(DailyCheck daily) {
            return daily.cells().stream()
                    .filter(cell -> !daily.ruined().contains(cell.day()))
                    .toList();
        }

        private void finished(String step) {
            done++;
            progress.accept(new VerificationProgress(step, done, steps));
        }
    }
}
