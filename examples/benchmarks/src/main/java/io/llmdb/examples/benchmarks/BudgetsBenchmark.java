package io.llmdb.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.keys.Caller;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Six budgets a call: far from their limits, and with one of them near its own, beside one conditional UPDATE a call
 * and SELECT FOR UPDATE, which have that one budget alone to look after and write no log.
 */
final class BudgetsBenchmark implements Benchmark {

    private static final BigDecimal PRICE = new BigDecimal("0.001");
    private static final double AIM_MICROS = 5;
    private static final double AIM_TIMES = 10;
    private static final double AIM_LONE = 1.2;
    private static final int CALLERS = 64;

    /** How often as many calls are made as are measured, before they are, far from the limits. */
    private static final int WARM_UP_ROUNDS = 4;

    /** How many calls each caller makes before anything is measured near the limit. */
    static final int WARM_UP = 20;

    @Override
    public String name() {
        return "budgets";
    }

    @Override
    public String about() {
        return "admit and settle on six budgets far from their limits; one of them near its own, beside a conditional UPDATE and SELECT FOR UPDATE";
    }

    @Override
    public void run(Run run) throws Exception {
        farFromTheLimit(run);
        nearTheLimit(run);
    }

    /** A caller with budgets of key, team, team member, organization, end user and tag. */
    private static final class Setup implements AutoCloseable {
        private final TestDatabase database;
        private final HikariDataSource pool;
        private final LlmDb db;
        private final Caller caller;
        private final Caller neighbour;
        private final Call call =
                Call.of("gpt-4o").withEstimate(PRICE).withEndUser("anna").withTags(List.of("prod"));

        private Setup(Run run, String keyBudget) {
            database = run.server().newDatabase();
            HikariConfig config = new HikariConfig();
            config.setJdbcUrl(database.jdbcUrl());
            config.setUsername(database.user());
            config.setPassword(database.password());
            config.setMaximumPoolSize(10);
            config.addDataSourceProperty("prepareThreshold", "0");
            config.addDataSourceProperty("socketFactory", CountingSocketFactory.class.getName());
            pool = new HikariDataSource(config);
            db = LlmDb.open(
                    database.settings()
                            .delivery(delivery ->
                                    delivery.mode(DeliveryMode.MEMORY).maxQueuedRows(2_000_000))
                            .build(),
                    pool);
            BudgetTerms much = BudgetTerms.of("900000000");
            db.admin().budgets().create(BudgetSpec.of(much), "much");
            db.admin().tags().create(TagSpec.empty().withBudgetId("much"), "prod");
            db.admin().endUsers().create(EndUserSpec.empty().withBudgetId("much"), "anna");
            World world = World.in(db)
                    .organization("acme", much)
                    .team("research", much)
                    .members(1, much)
                    .keys(1, BudgetTerms.of(keyBudget))
                    .keys(1, much)
                    .create();
            db.catchUp();
            caller = db.authenticate(world.rawKeys().get(0));
            neighbour = db.authenticate(world.rawKeys().get(1));
            int budgets = db.budgets().dryRun(caller, call).size();
            if (budgets != 6) {
                throw new IllegalStateException(budgets + " budgets apply, not six");
            }
        }

        private void flush() {
            db.spend().flush(Duration.ofMinutes(5));
        }

        /**
         * Another key of the same member spends, so that no connection is used for the first time; returns its calls.
         */
        private long warmUp(int callers) throws InterruptedException {
            Callers.run(callers, WARM_UP, i -> settle(db.budgets().admit(neighbour, call)));
            flush();
            return (long) callers * WARM_UP;
        }

        private Admission admit() {
            return db.budgets().admit(caller, call);
        }

        private void settle(Admission admission) {
            admission.settle(admission.event().tokens(10, 5).cost(PRICE).build());
        }

        private boolean spends() {
            try {
                settle(admit());
                return true;
            } catch (BudgetExceededException e) {
                return false;
            }
        }

        private boolean takesAndGivesBack() {
            try (Admission admission = admit()) {
                return admission.isReserved();
            } catch (BudgetExceededException e) {
                return false;
            }
        }

        private void end(Run run, long booked) {
            db.close();
            run.booksMustHold(database, booked, PRICE.multiply(BigDecimal.valueOf(booked)));
        }

        @Override
        public void close() {
            db.close();
            pool.close();
            database.close();
        }
    }

    // Far from the limit.

    private static void farFromTheLimit(Run run) throws InterruptedException {
        int calls = run.size("calls", 100_000);
        int threads = run.size("threads", 4);
        try (Setup setup = new Setup(run, "900000000")) {
            // With the processors full of booking, the compiler takes its time.
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                for (int i = 0; i < calls; i++) {
                    setup.spends();
                }
                setup.flush();
            }
            long before = CountingSocketFactory.roundTrips();
            long[] admit = new long[calls];
            long[] both = new long[calls];
            for (int i = 0; i < calls; i++) {
                long start = System.nanoTime();
                Admission admission = setup.admit();
                admit[i] = System.nanoTime() - start;
                setup.settle(admission);
                both[i] = System.nanoTime() - start;
            }
            setup.flush();
            double trips = (CountingSocketFactory.roundTrips() - before) / (double) calls;
            Callers.Speed many = Callers.run(threads, calls / threads, i -> setup.spends());
            run.report(ResultTable.of(
                            "six budgets a call, far from their limits, delivery from memory, the writer beside it",
                            "step",
                            "threads",
                            "median µs",
                            "p99 µs",
                            "calls/s")
                    .row("admit", 1, micros(admit, 0.5), micros(admit, 0.99), perSecond(admit))
                    .row("admit and settle", 1, micros(both, 0.5), micros(both, 0.99), perSecond(both))
                    .row("admit and settle", threads, many.medianMicros(), many.p99Micros(), many.perSecond()));
            run.aim(
                    "admit and settle take less than 5 µs in the median",
                    micros(both, 0.5) < AIM_MICROS,
                    String.format(Locale.ROOT, "%.2f µs", micros(both, 0.5)));
            run.aim(
                    "less than 0.01 round trips a call, those of the writer, of polls and of beats included",
                    trips < 0.01,
                    String.format(Locale.ROOT, "%.5f", trips));
            setup.end(run, (WARM_UP_ROUNDS + 1L) * calls + (long) threads * (calls / threads));
        }
    }

    private static double micros(long[] nanos, double part) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return sorted[(int) (sorted.length * part)] / 1e3;
    }

    private static double perSecond(long[] nanos) {
        return nanos.length / (Arrays.stream(nanos).sum() / 1e9);
    }

    // Near the limit.

    private static void nearTheLimit(Run run) throws Exception {
        int seconds = run.size("seconds", 3);
        int left = run.size("left", 10_000);
        for (int callers : new int[] {CALLERS, 1}) {
            int admitted = callers == 1 ? left / 10 : left;
            ConditionalUpdate rival = new ConditionalUpdate(run, callers, PRICE);
            ConditionalUpdate.Rates update = rival.measure(admitted, seconds, ConditionalUpdate.Way.UPDATE);
            ConditionalUpdate.Rates select = rival.measure(admitted, seconds, ConditionalUpdate.Way.SELECT_FOR_UPDATE);
            ConditionalUpdate.Rates six = rival.measure(admitted, seconds, ConditionalUpdate.Way.UPDATE_SIX);
            ConditionalUpdate.Rates ours = ours(run, callers, admitted, seconds);
            run.report(ResultTable.of(
                            "one budget of " + admitted + " calls, " + callers + " caller" + (callers == 1 ? "" : "s"),
                            "way",
                            "spent to the last call/s",
                            "of 100 left, taken and given back/s",
                            "nothing left, refused/s")
                    .row("UPDATE ... WHERE spend + x <= max", update.spent(), update.returned(), update.refused())
                    .row("SELECT FOR UPDATE, then UPDATE", select.spent(), select.returned(), select.refused())
                    .row("six such UPDATEs in one statement", six.spent(), six.returned(), six.refused())
                    .row("llmdb, six budgets, log rows booked", ours.spent(), ours.returned(), ours.refused()));
            if (callers == 1) {
                run.aim(
                        "a lone caller near the limit takes at most 1.2 times the conditional UPDATE's time",
                        ours.spent() * AIM_LONE >= update.spent(),
                        times(update.spent(), ours.spent()));
                run.aim(
                        "and where it is refused",
                        ours.refused() * AIM_LONE >= update.refused(),
                        times(update.refused(), ours.refused()));
            } else {
                run.aim(
                        "64 callers to the last call: ten times the conditional UPDATE",
                        ours.spent() >= AIM_TIMES * update.spent(),
                        times(ours.spent(), update.spent()));
                run.aim(
                        "ten times SELECT FOR UPDATE",
                        ours.spent() >= AIM_TIMES * select.spent(),
                        times(ours.spent(), select.spent()));
                run.aim(
                        "64 callers that give back: ten times the conditional UPDATE",
                        ours.returned() >= AIM_TIMES * update.returned(),
                        times(ours.returned(), update.returned()));
            }
        }
    }

    private static String times(double one, double other) {
        return String.format(Locale.ROOT, "%.2f times", one / other);
    }

    private static ConditionalUpdate.Rates ours(Run run, int callers, int left, int seconds) throws Exception {
        double spent;
        double refused;
        try (Setup setup =
                new Setup(run, PRICE.multiply(BigDecimal.valueOf(left)).toPlainString())) {
            long before = setup.warmUp(callers);
            long start = System.nanoTime();
            long admitted = Work.untilRefused(callers, left, setup::spends);
            setup.flush();
            spent = admitted / ((System.nanoTime() - start) / 1e9);
            run.must("exactly what fits is admitted", admitted == left, admitted + " of " + left);
            refused = Work.forSeconds(callers, seconds, () -> !setup.spends());
            setup.end(run, before + left);
        }
        double returned;
        try (Setup setup =
                new Setup(run, PRICE.multiply(BigDecimal.valueOf(100)).toPlainString())) {
            returned = Work.forSeconds(callers, seconds, setup::takesAndGivesBack);
            setup.end(run, 0);
        }
        return new ConditionalUpdate.Rates(spent, returned, refused);
    }
}
