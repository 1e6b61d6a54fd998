package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** One pass over the books, within one snapshot. */
final class BooksPass {

    private final Connection connection;
    private final Sql sql;
    private final Instant at;
    private final LocalDate logFrom;
    private final Consumer<VerificationProgress> progress;
    private int done;
    private int steps;

    /** @param logFrom the log of earlier days is not read */
    BooksPass(Connection connection, Sql sql, Instant at, LocalDate logFrom, Consumer<VerificationProgress> progress) {
        this.connection = connection;
        this.sql = sql;
        this.at = at;
        this.logFrom = logFrom;
        this.progress = progress;
    }

    /** For this transaction only: long sums do better so, and in parallel where the server allows it. */
    static void prepare(Statement statement) throws SQLException {
        statement.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL parallel_tuple_cost = 0.01");
    }

    Findings run() throws SQLException {
        BookDays days = BookDays.read(connection, sql, logFrom);
        steps = days.sources().size() + ScopeBooks.values().length + 3;
        DailyCheck daily = new DailyCheck(sql);
        for (Map.Entry<LocalDate, BookDays.Source> day : days.sources().entrySet()) {
            daily.check(connection, day.getKey(), days);
            finished("log of " + day.getKey());
        }
        if (!daily.ruined().isEmpty()) {
            judgeRuined(daily);
        }
        CounterCheck main = new CounterCheck(sql);
        for (ScopeBooks scope : ScopeBooks.values()) {
            main.check(connection, scope, daily.ruined(), daily.opaque(), scope.countersOf(daily.cells()));
            finished("counters of each " + scope.scope().words());
        }
        FurtherCounterCheck further = new FurtherCounterCheck(sql);
        further.check(connection, daily.withFurtherCounters(), daily.opaque());
        finished("budgets by model and further windows");
        Judge judge = Judge.judge(daily.cells(), main.states());
        List<Difference> errors = ErrorTotalsCheck.differences(connection, sql, judge.wrongInTotals(), daily.ruined());
        Set<LocalDate> differing = new TreeSet<>(daily.ruined());
        daily.cells().forEach(cell -> differing.add(cell.day()));
        List<Difference> sums = SumsCheck.differences(connection, sql, differing, daily.opaque());
        finished("sums for reports");
        List<String> leases = LeaseCheck.notes(connection, sql);
        finished("reservations");
        return new Findings(at, days, daily, main, further, judge, errors, sums, leases);
    }

    /** If the counter of the whole proxy agrees with the daily totals, it is the log that lost days. */
    private void judgeRuined(DailyCheck daily) throws SQLException {
        CounterCheck proxy = new CounterCheck(sql);
        proxy.check(
                connection, ScopeBooks.PROXY, new TreeSet<>(), daily.opaque(), List.of(CounterId.of(Scope.PROXY, "")));
        if (proxy.states().values().stream().anyMatch(state -> state.excess().signum() == 0)) {
            daily.blameLogForRuined();
        } else {
            daily.blameTotalsForRuined();
        }
    }

    private void finished(String step) {
        done++;
        progress.accept(new VerificationProgress(step, done, steps));
    }
}
