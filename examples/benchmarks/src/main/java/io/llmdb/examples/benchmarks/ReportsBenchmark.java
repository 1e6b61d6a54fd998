package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.maintenance.RetentionReport;
import io.llmdb.maintenance.RetentionStep;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.CapturedPlans;
import io.llmdb.testkit.ModelPrice;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import io.llmdb.usage.LoggedRequest;
import io.llmdb.usage.RequestFilter;
import io.llmdb.usage.UsageDimension;
import io.llmdb.usage.UsageQuery;
import io.llmdb.usage.Verification;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A month of logs through the real writer: does it grow slower, are reports and pages quick, does a day go unnoticed?
 */
final class ReportsBenchmark implements Benchmark {

    private static final int DAYS = 30;
    private static final int CHUNK = 100_000;
    private static final int TIMES = 15;
    private static final int PAGE = 50;
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
        int rows = Math.max(run.size("rows", 10_000_000), 4 * CHUNK);
        try (TestDatabase full = run.server().newDatabase();
                TestDatabase fresh = run.server().newDatabase();
                Writer writer = new Writer(full, rows, run.size("end_users", 1_000), 1);
                Writer other = new Writer(fresh, rows, run.size("end_users", 1_000), 2)) {
            rows = fill(run, writer, other, rows);
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
            ask(run, full, db);
            long requests = rows + dropDays(run, full, db);
            verify(run, db, requests);
        }
    }

    /** Fills the month; the last tenth alternates with the same rows into a database that is new. */
    private static int fill(Run run, Writer writer, Writer other, int rows) throws InterruptedException {
        // On a machine that others use, a part of the month has to do.
        long most = System.nanoTime()
                + Duration.ofMinutes(run.size("fill_minutes", 9)).toNanos();
        int alternating = Math.max(CHUNK, rows / 20);
        ResultTable table =
                ResultTable.of("Filling, events a second", "events", "into the month", "into a new database");
        int done = 0;
        int report = Math.max(CHUNK, rows / 20);
        double first = 0;
        while (done < rows - alternating && System.nanoTime() < most) {
            long started = System.nanoTime();
            int count = Math.min(report, rows - alternating - done);
            writer.write(count);
            double rate = count / seconds(started);
            done += count;
            first = first == 0 ? rate : first;
            table.row(done, rate, "");
        }
        List<Double> ratios = new ArrayList<>();
        double last = 0;
        int pairs = alternating / CHUNK;
        for (int i = 0; i < pairs; i++) {
            double one = rate(writer);
            double two = rate(other);
            done += CHUNK;
            last += one / pairs;
            ratios.add(one / two);
            table.row(done, one, String.format(Locale.ROOT, "%,.0f", two));
        }
        run.report(table);
        double median = median(ratios.stream().mapToDouble(ratio -> ratio).toArray());
        run.say(String.format(
                Locale.ROOT, "first tenth %,.0f/s, last tenth %,.0f/s: %.2f of it", first, last, last / first));
        run.aim(
                "the last million goes in at 0.9 of the first one's rate (pairs of 100,000 rows, month and new database in turn)",
                median >= 0.9,
                String.format(Locale.ROOT, "median %.2f of %d pairs", median, pairs));
        run.say(String.format(Locale.ROOT, "%,d of %,d events are in the month", done, rows));
        return done;
    }

    private static double rate(Writer writer) throws InterruptedException {
        long started = System.nanoTime();
        writer.write(CHUNK);
        return CHUNK / seconds(started);
    }

    private static void ask(Run run, TestDatabase full, LlmDb db) throws IOException {
        Map<String, Consumer<LlmDb>> questions = questions(full, db);
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

    private static Map<String, Consumer<LlmDb>> questions(TestDatabase full, LlmDb db) {
        LocalDate to = LocalDate.ofInstant(full.clock().now(), ZoneOffset.UTC);
        LocalDate from = to.minusDays(DAYS - 1L);
        UsageQuery month = UsageQuery.of(from, to);
        List<LoggedRequest> sample = db.requestLog()
                .list(RequestFilter.all().withSuccessful(true), PageRequest.first(1000))
                .items();
        LoggedRequest some = sample.stream()
                .filter(one -> one.endUser() != null
                        && !one.tags().isEmpty()
                        && !one.requestId().isEmpty())
                .findFirst()
                .orElseThrow();
        String topKey = top(db, UsageDimension.KEY, from, to, 1);
        String rareKey = top(db, UsageDimension.KEY, from, to, 1000);
        String topTeam = top(db, UsageDimension.TEAM, from, to, 1);
        String topModel = top(db, UsageDimension.MODEL, from, to, 1);
        String topUser = top(db, UsageDimension.USER, from, to, 1);
        String provider = top(db, UsageDimension.PROVIDER, from, to, 1);
        String organization = top(db, UsageDimension.ORGANIZATION, from, to, 1);
        ZoneId newYork = ZoneId.of("America/New_York");
        ZoneId kolkata = ZoneId.of("Asia/Kolkata");

        Map<String, Consumer<LlmDb>> questions = new LinkedHashMap<>();
        questions.put("usage by day", one -> one.reports().usage(month.daily()));
        for (UsageDimension dimension : UsageDimension.values()) {
            questions.put(
                    "usage by day and " + dimension,
                    one -> one.reports().usage(month.daily().by(dimension).top(UsageQuery.Order.SPEND, 1000)));
            questions.put("top 20 of " + dimension, one -> one.reports().topBySpend(dimension, from, to, 20));
        }
        questions.put(
                "by day in New York",
                one -> one.reports().usage(month.in(newYork).daily()));
        questions.put(
                "by day and model in Kolkata",
                one -> one.reports().usage(month.in(kolkata).daily().by(UsageDimension.MODEL)));
        questions.put(
                "by day and team in New York",
                one -> one.reports().usage(month.in(newYork).daily().by(UsageDimension.TEAM)));
        questions.put(
                "a usual key by day in New York",
                one -> one.reports().usage(month.in(newYork).daily().only(UsageDimension.KEY, rareKey)));
        questions.put(
                "by model of a team",
                one -> one.reports()
                        .usage(month.only(UsageDimension.TEAM, topTeam).by(UsageDimension.MODEL)));
        questions.put(
                "by key of a team",
                one -> one.reports()
                        .usage(month.only(UsageDimension.TEAM, topTeam).by(UsageDimension.KEY)));
        questions.put(
                "by day of a provider",
                one -> one.reports()
                        .usage(month.only(UsageDimension.PROVIDER, provider).daily()));
        questions.put(
                "by team of an organization",
                one -> one.reports()
                        .usage(month.only(UsageDimension.ORGANIZATION, organization)
                                .by(UsageDimension.TEAM)));
        questions.put("all about the top key", one -> one.reports().of(UsageDimension.KEY, topKey, from, to));
        questions.put("all about the top user", one -> one.reports().of(UsageDimension.USER, topUser, from, to));
        questions.put("errors by model and type", one -> one.reports().errors(from, to, 100));
        questions.put("one request by id", one -> one.requestLog().find(some.id()));
        questions.put("one request by request id", one -> one.requestLog().findByRequestId(some.requestId()));
        RequestFilter all = RequestFilter.all();
        Instant noon = to.minusDays(10).atTime(12, 0).toInstant(ZoneOffset.UTC);
        Map<String, RequestFilter> filters = new LinkedHashMap<>();
        filters.put("all", all);
        filters.put("the top key", all.withKeyHash(topKey));
        filters.put("a usual key", all.withKeyHash(rareKey));
        filters.put("the top user", all.withUserId(topUser));
        filters.put("the top team", all.withTeamId(topTeam));
        filters.put("an organization", all.withOrganizationId(organization));
        filters.put("an end user", all.withEndUser(some.endUser()));
        filters.put("the top model", all.withModel(topModel));
        filters.put("a tag", all.withTag(some.tags().get(0)));
        filters.put("failures", all.withSuccessful(false));
        filters.put("failures of the top team", all.withTeamId(topTeam).withSuccessful(false));
        filters.put("a session", all.withSessionId(some.sessionId() == null ? "none" : some.sessionId()));
        filters.put("an hour of ten days ago", all.within(noon, noon.plusSeconds(3600)));
        filters.put("cost of at least 3", all.withCost(new BigDecimal("3"), null));
        filters.put("a key that is not there", all.withKeyHash("nobody"));
        filters.put("a model of a usual key", all.withKeyHash(rareKey).withModel(topModel));
        filters.forEach((name, filter) -> {
            questions.put("page 1 of " + name, one -> one.requestLog().list(filter, PageRequest.first(PAGE)));
            PageRequest thousandth = page(db, filter, 1000);
            if (thousandth != null) {
                questions.put("page 1000 of " + name, one -> one.requestLog().list(filter, thousandth));
            }
        });
        return questions;
    }

    private static @Nullable PageRequest page(LlmDb db, RequestFilter filter, int number) {
        // In larger steps, to the same place.
        PageRequest request = PageRequest.first(PageRequest.MAX_SIZE);
        for (int skipped = 0; skipped < (number - 1) * PAGE; skipped += request.size()) {
            int step = Math.min(PageRequest.MAX_SIZE, (number - 1) * PAGE - skipped);
            request = new PageRequest(step, request.after());
            Page<LoggedRequest> page = db.requestLog().list(filter, request);
            if (page.next() == null) {
                return null;
            }
            request = request.after(page.next());
        }
        return new PageRequest(PAGE, request.after());
    }

    private static String top(LlmDb db, UsageDimension dimension, LocalDate from, LocalDate to, int place) {
        var rows = db.reports().usage(UsageQuery.of(from, to).by(dimension).top(UsageQuery.Order.REQUESTS, place));
        String id = rows.get(rows.size() / 2 * (place > 1 ? 1 : 0)).id(dimension);
        return id == null ? "" : id;
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
                Latencies latencies = new Latencies(db, full)) {
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

    /** A company on a database, and its traffic, made ahead by a thread of its own. */
    private static final class Writer implements AutoCloseable {

        private final LlmDb db;
        private final BlockingQueue<List<SpendEvent>> made = new ArrayBlockingQueue<>(8);
        private final Thread maker;

        Writer(TestDatabase database, int rows, int endUsers, long seed) {
            // The jobs' work is done by hand, between what is measured.
            database.execute(
                    "INSERT INTO ${llmdb}.\"LLM_Job\" (job_name, next_run_at) SELECT n, now() + interval '10 days'"
                            + " FROM unnest(ARRAY['log partitions', 'log retention', 'log settling', 'report sums']) n");
            this.db = LlmDb.open(database.settings()
                    .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY).maxQueuedRows(20_000))
                    .build());
            World.Builder company = World.in(db);
            for (int organization = 0; organization < 10; organization++) {
                company.organization("org" + organization);
                for (int team = 0; team < 5; team++) {
                    company.team("team" + organization + "-" + team).members(20).keys(1);
                }
            }
            Instant now = database.clock().now();
            Instant start = LocalDate.ofInstant(now, ZoneOffset.UTC)
                    .minusDays(DAYS - 1L)
                    .atStartOfDay(ZoneOffset.UTC)
                    .toInstant();
            double rate = rows
                    / (double) Duration.between(start, now.minusSeconds(60)).toSeconds();
            SpendEvents traffic = company.create()
                    .traffic(seed)
                    .models(ModelPrice.USUAL)
                    .endUsers(endUsers)
                    .failing(0.02)
                    .from(
                            seed == 1 ? start : now.minusSeconds(86_400),
                            seed == 1 ? rate : Math.max(20, 1_200_000 / 86_000.0));
            this.maker = new Thread(() -> make(traffic), "traffic");
            maker.setDaemon(true);
            maker.start();
        }

        private void make(SpendEvents traffic) {
            try {
                while (true) {
                    made.put(traffic.take(5_000));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        void write(int count) throws InterruptedException {
            for (int written = 0; written < count; written += 5_000) {
                made.take().forEach(db.spend()::record);
            }
            if (!db.spend().flush(Duration.ofMinutes(5))) {
                throw new AssertionError("not booked: " + db.spend().metrics());
            }
        }

        @Override
        public void close() {
            maker.interrupt();
            db.close();
        }
    }

    /** Threads that book one event after the other. */
    private static final class Latencies implements AutoCloseable {

        private static final int THREADS = 8;

        private final List<Thread> threads = new ArrayList<>();
        private final List<Double> millis = new ArrayList<>();
        private final AtomicLong booked = new AtomicLong();
        private volatile boolean closed;

        Latencies(LlmDb db, TestDatabase database) {
            for (int i = 0; i < THREADS; i++) {
                int seed = 100 + i;
                Thread thread = new Thread(() -> {
                    SpendEvents traffic =
                            SpendEvents.seeded(seed).from(database.clock().now().minusSeconds(600), 1_000_000);
                    while (!closed) {
                        SpendEvent event = traffic.next();
                        long started = System.nanoTime();
                        db.spend().record(event);
                        booked.incrementAndGet();
                        synchronized (millis) {
                            millis.add((System.nanoTime() - started) / 1e6);
                        }
                    }
                });
                thread.start();
                threads.add(thread);
            }
        }

        double[] during(Duration time) throws InterruptedException {
            take();
            Thread.sleep(time.toMillis());
            return take();
        }

        double[] take() {
            synchronized (millis) {
                double[] taken = millis.stream().mapToDouble(one -> one).toArray();
                millis.clear();
                return taken;
            }
        }

        @Override
        public void close() throws InterruptedException {
            closed = true;
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }
}
