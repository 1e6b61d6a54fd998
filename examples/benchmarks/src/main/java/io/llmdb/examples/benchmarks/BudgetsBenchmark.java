package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.keys.Caller;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Admissions far from the limit, and on one hot budget near it, against one conditional UPDATE a call. */
final class BudgetsBenchmark implements Benchmark {

    private static final BigDecimal PRICE = new BigDecimal("0.001");
    private static final double AIM_MICROS = 5;
    private static final int CALLERS = 64;

    @Override
    public String name() {
        return "budgets";
    }

    @Override
    public String about() {
        return "admit and settle on six budgets far from the limit; one budget near it, against a conditional UPDATE and SELECT FOR UPDATE";
    }

    @Override
    public void run(Run run) throws Exception {
        farFromTheLimit(run);
        nearTheLimit(run);
    }

    // Far from the limit.

    private static void farFromTheLimit(Run run) throws Exception {
        int calls = run.size("calls", 100_000);
        try (TestDatabase database = run.server().newDatabase();
                LlmDb db = LlmDb.open(database.settings()
                        .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY).maxQueuedRows(2_000_000))
                        .build())) {
            BudgetTerms much = BudgetTerms.of("900000000");
            db.admin().budgets().create(BudgetSpec.of(much), "much");
            db.admin().tags().create("prod", TagSpec.empty().withBudgetId("much"));
            World world = World.in(db)
                    .organization("acme", much)
                    .team("research", much)
                    .members(1, much)
                    .keys(1, much)
                    .create();
            db.admin().endUsers().create("anna", io.llmdb.identity.EndUserSpec.empty().withBudgetId("much"));
            Caller caller = db.authenticator().authenticate(world.rawKey());
            Call call = Call.of("gpt-4o").withEstimate(PRICE).withEndUser("anna").withTags(List.of("prod"));
            int budgets = db.budgets().dryRun(caller, call).size();
            for (int i = 0; i < calls / 2; i++) {
                one(db, caller, call);
            }
            db.spend().flush(Duration.ofMinutes(2));
            long before = grants(database);
            long[] admit = new long[calls];
            long[] settle = new long[calls];
            for (int i = 0; i < calls; i++) {
                long start = System.nanoTime();
                Admission admission = db.budgets().admit(caller, call);
                long admitted = System.nanoTime();
                admission.settle(admission.event().tokens(10, 5).cost(PRICE).build());
                settle[i] = System.nanoTime() - admitted;
                admit[i] = admitted - start;
            }
            long trips = grants(database) - before;
            db.spend().flush(Duration.ofMinutes(2));
            long[] both = new long[calls];
            Arrays.setAll(both, i -> admit[i] + settle[i]);
            double perSecond = inThreads(db, caller, call, 4, calls / 4);
            db.spend().flush(Duration.ofMinutes(2));
            run.report(ResultTable.of(
                            budgets + " budgets a call, far from the limit, memory delivery", "step", "median us", "99 % us")
                    .row("admit", micros(admit, 0.5), micros(admit, 0.99))
                    .row("settle", micros(settle, 0.5), micros(settle, 0.99))
                    .row("both", micros(both, 0.5), micros(both, 0.99)));
            run.say(String.format(Locale.ROOT, "%.0f calls a second with 4 threads, one machine for writer, server and callers", perSecond));
            run.must("a call has six budgets", budgets >= 6, budgets + " budgets");
            run.aim(
                    "admit and settle take less than 5 us in the median",
                    micros(both, 0.5) < AIM_MICROS,
                    String.format(Locale.ROOT, "%.2f us", micros(both, 0.5)));
            run.aim(
                    "less than 0.01 round trips a call for leases",
                    trips < calls / 100,
                    String.format(Locale.ROOT, "%d in %d calls", trips, calls));
            db.close();
            long all = calls / 2 + calls + calls / 4 * 4L;
            run.booksMustHold(database, all, PRICE.multiply(BigDecimal.valueOf(all)));
        }
    }

    /** Statements that the lease thread sent, as the server counted them by the calls of its function. */
    private static long grants(TestDatabase database) {
        return database.value(
                Long.class,
                "SELECT coalesce(sum(turn), 0)::bigint FROM (SELECT max(turn) AS turn FROM ${llmdb}.\"LLM_Lease\" GROUP BY holder) t");
    }

    private static void one(LlmDb db, Caller caller, Call call) {
        Admission admission = db.budgets().admit(caller, call);
        admission.settle(admission.event().tokens(10, 5).cost(PRICE).build());
    }

    private static double inThreads(LlmDb db, Caller caller, Call call, int threads, int each) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            long start = System.nanoTime();
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                all.add(pool.submit(() -> {
                    for (int i = 0; i < each; i++) {
                        one(db, caller, call);
                    }
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
            return threads * each / ((System.nanoTime() - start) / 1e9);
        } finally {
            pool.shutdownNow();
        }
    }

    private static double micros(long[] nanos, double part) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return sorted[(int) (sorted.length * part)] / 1e3;
    }

    // Near the limit.

    private static void nearTheLimit(Run run) throws Exception {
        int seconds = run.size("seconds", 10);
        double update = rival(run, CALLERS, seconds, false);
        double select = rival(run, CALLERS, seconds, true);
        double ours = hot(run, CALLERS, seconds);
        double loneRival = rival(run, 1, seconds, false);
        double loneOurs = hot(run, 1, seconds);
        run.report(ResultTable.of("one budget, of which little is left", "way", "callers", "admissions/s")
                .row("UPDATE ... WHERE spend + x <= max, a transaction a call", CALLERS, update)
                .row("SELECT FOR UPDATE, then UPDATE", CALLERS, select)
                .row("llmdb: refused, since the budget is full, or released", CALLERS, ours)
                .row("UPDATE ... WHERE spend + x <= max, a transaction a call", 1, loneRival)
                .row("llmdb", 1, loneOurs));
        run.aim(
                "64 callers: at least ten times the conditional UPDATE",
                ours >= 10 * update,
                String.format(Locale.ROOT, "%.1f times", ours / update));
        run.aim(
                "64 callers: at least ten times SELECT FOR UPDATE",
                ours >= 10 * select,
                String.format(Locale.ROOT, "%.1f times", ours / select));
        run.aim(
                "a lone caller takes at most 1.2 times the conditional UPDATE's time",
                loneOurs * 1.2 >= loneRival,
                String.format(Locale.ROOT, "%.2f times", loneRival / loneOurs));
    }

    /** One row, whose budget is nearly spent: each call takes what it needs and gives it back, in a transaction each. */
    private static double rival(Run run, int callers, int seconds, boolean select) throws Exception {
        try (TestDatabase database = run.server().newEmptyDatabase()) {
            database.execute("CREATE TABLE budget (id int PRIMARY KEY, spend numeric, most numeric) WITH (fillfactor = 50)");
            database.execute("INSERT INTO budget VALUES (1, 9.9, 10)");
            return perSecond(callers, seconds, until -> {
                long done = 0;
                try (Connection connection = database.dataSource().getConnection()) {
                    connection.setAutoCommit(!select);
                    while (System.nanoTime() - until < 0) {
                        if (take(connection, "0.001", select)) {
                            take(connection, "-0.001", select);
                        }
                        done++;
                    }
                }
                return done;
            });
        }
    }

    private static boolean take(Connection connection, String amount, boolean select) throws SQLException {
        if (select) {
            try (PreparedStatement look =
                    connection.prepareStatement("SELECT spend + " + amount + " <= most FROM budget WHERE id = 1 FOR UPDATE");
                    ResultSet row = look.executeQuery()) {
                row.next();
                if (!row.getBoolean(1)) {
                    connection.rollback();
                    return false;
                }
            }
        }
        try (PreparedStatement update = connection.prepareStatement(
                "UPDATE budget SET spend = spend + " + amount + " WHERE id = 1 AND spend + " + amount + " <= most")) {
            boolean done = update.executeUpdate() == 1;
            if (select) {
                connection.commit();
            }
            return done;
        }
    }

    /** The same with llmdb: a key with a hundred calls' worth left. */
    private static double hot(Run run, int callers, int seconds) throws Exception {
        try (TestDatabase database = run.server().newDatabase();
                LlmDb db = LlmDb.open(database.settings()
                        .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY))
                        .build())) {
            World world = World.in(db).users(1, BudgetTerms.UNLIMITED).keys(1, BudgetTerms.of("0.1")).create();
            Caller caller = db.authenticator().authenticate(world.rawKey());
            Call call = Call.of("m").withEstimate(PRICE);
            AtomicLong admitted = new AtomicLong();
            double rate = perSecond(callers, seconds, until -> {
                long done = 0;
                while (System.nanoTime() - until < 0) {
                    try (Admission admission = db.budgets().admit(caller, call)) {
                        admitted.incrementAndGet();
                    } catch (BudgetExceededException e) {
                        // Counts: the rival's refusals do too.
                    }
                    done++;
                }
                return done;
            });
            db.close();
            run.must("calls were admitted", admitted.get() > 0, admitted + " of " + callers + " callers' calls");
            run.booksMustHold(database, 0, BigDecimal.ZERO);
            return rate;
        }
    }

    private interface Work {
        long until(long nanos) throws SQLException;
    }

    private static double perSecond(int callers, int seconds, Work work) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(callers);
        try {
            long start = System.nanoTime();
            long until = start + Duration.ofSeconds(seconds).toNanos();
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                all.add(pool.submit(() -> work.until(until)));
            }
            long done = 0;
            for (Future<Long> one : all) {
                done += one.get();
            }
            return done / ((System.nanoTime() - start) / 1e9);
        } finally {
            pool.shutdownNow();
        }
    }
}
