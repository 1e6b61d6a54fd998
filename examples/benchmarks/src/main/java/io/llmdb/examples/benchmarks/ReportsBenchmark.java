package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetDuration;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.maintenance.RetentionReport;
import io.llmdb.maintenance.RetentionStep;
import io.llmdb.testkit.CapturedPlans;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.UsageQuery;
import io.llmdb.usage.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A month of logs through the real writer: does it grow slower, are reports and pages quick, does a day go unnoticed?
 */
final class ReportsBenchmark implements Benchmark {

    static final int DAYS = 30;

    private static final int TIMES = 15;
    private static final double QUICK_MILLIS = 50;

    @Override
    public String name() {
        return "reports";
    }

    @Override
    public String about() {
        return "a month of logs: the writer's rate at its end, every report and page, their plans, dropping a day under writers, verify";
    }

    @Override
    public void run(Run run) throws Exception {
        int rows = Math.max(run.size("rows", 10_000_000), 4 * MonthFill.CHUNK);
        try (TestDatabase full = run.server().newDatabase();
                TestDatabase fresh = run.server().newDatabase();
                MonthWriter writer = new MonthWriter(full, rows, run.size("end_users", 1_000), 1);
                MonthWriter other = new MonthWriter(fresh, rows, run.size("end_users", 1_000), 2)) {
            rows = new MonthFill(run, full, writer, other, rows).run();
            LlmDb db = writer.db;
            long started = System.nanoTime();
            int settled = db.maintenance().settle();
            double settling = seconds(started);
            started = System.nanoTime();
            int summed = db.maintenance().sumUp();
            run.say(String.format(
                    Locale.ROOT,
                    "%d days indexed for reading in %.1f s; %d days and quarters of an hour summed up in %.1f s",
                    settled,
                    settling,
                    summed,
                    seconds(started)));
            run.say("size: "
                    + full.value(
                            String.class,
                            "SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) || ', of it rows ' || pg_size_pretty(sum(pg_relation_size(relid)))"
                                    + " FROM pg_partition_tree('${llmdb}.\"LLM_SpendLogs\"') WHERE isleaf"));
            full.execute("ANALYZE");
            if (run.size("pause", 0) > 0) {
                // On a machine that others use: what is timed from here on wants it for itself.
                run.progress("Enter goes on");
                int ignored = System.in.read();
            }
            ask(run, full, db);
            long requests = rows + dropDays(run, full, db);
            verify(run, db, requests);
        }
    }

    private static void ask(Run run, TestDatabase full, LlmDb db) throws IOException {
        Map<String, Consumer<LlmDb>> questions =
                ReportQuestions.all(db, full.clock().now());
        CapturedPlans captured = CapturedPlans.of(full.dataSource());
        StringBuilder plans = new StringBuilder();
        List<String> fullScans = new ArrayList<>();
        ResultTable table = ResultTable.of(
                "Reports and pages, " + TIMES + " times each, ms", "what", "median", "p90", "first", "rows read");
        double slowest = 0;
        try (LlmDb explained = LlmDb.builder(full.settings().build())
                .dataSource(captured.dataSource())
                .withoutMigration()
                .open()) {
            for (Map.Entry<String, Consumer<LlmDb>> question : questions.entrySet()) {
                double[] millis = new double[TIMES];
                double firstTime = 0;
                for (int i = 0; i < TIMES; i++) {
                    long started = System.nanoTime();
                    question.getValue().accept(db);
                    millis[i] = (System.nanoTime() - started) / 1e6;
                    firstTime = i == 0 ? millis[0] : firstTime;
                }
                List<CapturedPlans.Plan> taken =
                        captured.during(source -> question.getValue().accept(explained)).stream()
                                .filter(plan -> !plan.sql().contains("LLM_Change"))
                                .toList();
                long read = 0;
                plans.append("==== ").append(question.getKey()).append('\n');
                for (CapturedPlans.Plan plan : taken) {
                    read += plan.scans().stream()
                            .mapToLong(CapturedPlans.Scan::rowsRead)
                            .sum();
                    plans.append(plan.sql())
                            .append("\n\n")
                            .append(withoutWhatNeverRan(plan.text()))
                            .append("\n\n");
                    plan.fullScansOf("LLM_SpendLogs_p").forEach(scan -> fullScans.add(question.getKey() + ": " + scan));
                }
                double median = median(millis);
                slowest = Math.max(slowest, median);
                table.row(question.getKey(), median, millis[TIMES * 9 / 10], firstTime, read);
            }
        }
        run.report(table);
        Files.createDirectories(Path.of("results"));
        Files.writeString(Path.of("results", "reports-plans.txt"), plans);
        run.aim(
                "every report and page has a median under 50 ms",
                slowest < QUICK_MILLIS,
                String.format(Locale.ROOT, "the slowest %.1f ms", slowest));
        run.must("no plan scans a partition of the log in full", fullScans.isEmpty(), fullScans.toString());
    }

    private static String withoutWhatNeverRan(String plan) {
        return plan.lines()
                .filter(line -> !line.contains("never executed"))
                .reduce("", (one, line) -> one + line + "\n");
    }

    private static void verify(Run run, LlmDb db, long requests) {
        long started = System.nanoTime();
        Verification verification = db.usage().verify();
        long booked = db.reports()
                .total(UsageQuery.of(LocalDate.EPOCH.plusYears(50), LocalDate.EPOCH.plusYears(60)))
                .requests();
        run.must(
                "verify: the books agree after days were dropped under writers",
                verification.agrees() && booked == requests,
                String.format(Locale.ROOT, "%s, after %.1f s", verification, seconds(started)));
    }

    /**
     * Eight threads book and wait for each commit, first undisturbed, then while days are dropped; how many were
     * booked.
     */
    private static long dropDays(Run run, TestDatabase full, LlmDb admin) throws InterruptedException {
        try (LlmDb db = LlmDb.open(full.settings().build());
                BookingLatencies latencies = new BookingLatencies(db, full)) {
            latencies.during(Duration.ofSeconds(5));
            double[] usual = latencies.during(Duration.ofSeconds(20));
            List<Double> took = new ArrayList<>();
            long begun = System.nanoTime();
            latencies.take();
            double[] while_ = new double[0];
            List<double[]> windows = new ArrayList<>();
            for (int keep = DAYS - 2; keep > DAYS - 8; keep--) {
                RetentionPolicy policy = new RetentionPolicy(
                        BudgetDuration.parse("period", keep + "d"), null, null, null, null, Duration.ofDays(1));
                latencies.take();
                RetentionReport report = admin.maintenance().applyRetention(policy, false, step -> {});
                Thread.sleep(50);
                windows.add(latencies.take());
                for (RetentionStep step : report.steps()) {
                    if (step.table().equals("LLM_SpendLogs")) {
                        took.add(step.took().toNanos() / 1e6);
                        run.must("day dropped", step.failure() == null, step.name() + " in " + step.took());
                    }
                }
                double[] rest = latencies.during(Duration.ofSeconds(3));
                while_ = join(join(while_, windows.get(windows.size() - 1)), rest);
            }
            double[] close = windows.stream().reduce(new double[0], ReportsBenchmark::join);
            run.report(ResultTable.of(
                            "Writers that wait for their commit, ms", "when", "bookings", "median", "p99", "longest")
                    .row("undisturbed", usual.length, at(usual, 0.5), at(usual, 0.99), at(usual, 1))
                    .row(
                            "for " + Math.round(seconds(begun)) + " s in which days go",
                            while_.length,
                            at(while_, 0.5),
                            at(while_, 0.99),
                            at(while_, 1))
                    .row("just while a day goes", close.length, at(close, 0.5), at(close, 0.99), at(close, 1)));
            double slowest = took.stream().mapToDouble(one -> one).max().orElse(Double.NaN);
            run.aim(
                    "a day goes in under a second",
                    slowest < 1000,
                    String.format(Locale.ROOT, "the slowest of %d: %.0f ms", took.size(), slowest));
            run.aim(
                    "meanwhile the writers' p99 stays under twice its usual",
                    at(while_, 0.99) < 2 * at(usual, 0.99),
                    String.format(Locale.ROOT, "%.1f ms, usually %.1f ms", at(while_, 0.99), at(usual, 0.99)));
            latencies.close();
            return latencies.booked.get();
        }
    }

    private static double[] join(double[] one, double[] other) {
        double[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }

    private static double at(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted.length == 0
                ? Double.NaN
                : sorted[(int) Math.min(sorted.length - 1L, Math.round(share * sorted.length))];
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
