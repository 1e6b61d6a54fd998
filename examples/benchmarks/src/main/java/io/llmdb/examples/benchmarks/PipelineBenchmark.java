package io.llmdb.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * The way into the books against raw COPY of the same rows, into our table and into the one that proxies have, and
 * against JDBC and Hibernate. All on one server that syncs, in alternating rounds; medians.
 */
final class PipelineBenchmark implements Benchmark {

    private static final String ROWS = "SELECT * FROM \"llmdb\".\"LLM_SpendLogs\" ORDER BY \"startTime\", id";

    @Override
    public String name() {
        return "pipeline";
    }

    @Override
    public String about() {
        return "booking with everything in its transaction, against raw COPY, JDBC batches and Hibernate";
    }

    @Override
    public void run(Run run) throws Exception {
        int rows = run.size("rows", 300_000);
        int rivalRows = run.size("rival_rows", 20_000);
        int rounds = run.size("rounds", 5);
        int batch = Math.min(rows, run.size("batch", 20_000));
        Company company = new Company(run.size("keys", 1_000));
        List<Double> floor = new ArrayList<>();
        List<Double> reference = new ArrayList<>();
        List<Double> floorOfTwo = new ArrayList<>();
        List<Double> referenceOfTwo = new ArrayList<>();
        List<Double> pipeline = new ArrayList<>();
        List<Double> journal = new ArrayList<>();
        Cost cost = new Cost();
        // A proxy runs for days: what is measured is compiled.
        for (DeliveryMode mode : List.of(DeliveryMode.MEMORY, DeliveryMode.JOURNAL)) {
            book(run, company, rows, batch, mode, new Cost(), database -> {});
        }
        for (int round = 0; round < rounds; round++) {
            List<CopyChunks> ours = new ArrayList<>();
            List<CopyChunks> theirs = new ArrayList<>();
            pipeline.add(rows
                    / book(run, company, rows, batch, DeliveryMode.MEMORY, cost, database -> {
                        ours.add(chunks(database, ROWS, rows, batch));
                        theirs.add(chunks(database, ROWS.replace("*", ReferenceLayout.OF_OUR_ROWS), rows, batch));
                    }));
            floor.add(rows / floor(run, company, ours.get(0), 1, cost));
            reference.add(rows / reference(run, theirs.get(0), 1));
            floorOfTwo.add(rows / floor(run, company, ours.get(0), 2, new Cost()));
            referenceOfTwo.add(rows / reference(run, theirs.get(0), 2));
            journal.add(rows / book(run, company, rows, batch, DeliveryMode.JOURNAL, new Cost(), database -> {}));
            run.progress(rounds(floor, reference, pipeline, journal));
        }
        Rivals rivals = rivals(run, company, rivalRows);

        double base = median(floor);
        ResultTable table = ResultTable.of(
                "Events a second, " + rows + " events, medians of " + rounds + " rounds",
                "what",
                "events/s",
                "of our floor");
        line(table, "floor: raw COPY of the same rows into the same table", base, base);
        line(table, "raw COPY of the same rows into the reference layout", median(reference), base);
        line(table, "the same two over two connections: ours", median(floorOfTwo), base);
        line(table, "the same two over two connections: the reference layout", median(referenceOfTwo), base);
        line(table, "llmdb, memory mode: log, counters, daily totals; up to two connections", median(pipeline), base);
        line(
                table,
                "llmdb, journal mode, 16 callers: the same, and on this machine's disk first",
                median(journal),
                base);
        line(table, "JDBC batch, rewritten, reference layout: log only", rivals.jdbc, base);
        line(table, "JDBC batch, rewritten, reference layout: with counters", rivals.jdbcCounters, base);
        line(table, "Hibernate session batch, reference layout: log only", rivals.hibernate, base);
        line(table, "Hibernate session batch, reference layout: with counters", rivals.hibernateCounters, base);
        run.report(table);
        run.report(cost.table(rows));
        run.say(rounds(floor, reference, pipeline, journal));
        aim(run, "at least 0.8 of our own floor", median(pipeline) / base, 0.8);
        aim(run, "at least 1.2 of the reference layout's floor", median(pipeline) / median(reference), 1.2);
        aim(run, "at least 4 times Hibernate with counters", median(pipeline) / rivals.hibernateCounters, 4);
    }

    private static String rounds(
            List<Double> floor, List<Double> reference, List<Double> pipeline, List<Double> journal) {
        return "rounds: floor " + floor + ", reference " + reference + ", pipeline " + pipeline + ", journal "
                + journal;
    }

    private static void line(ResultTable table, String what, double perSecond, double base) {
        table.row(what, perSecond, perSecond / base);
    }

    private static void aim(Run run, String what, double ratio, double wanted) {
        run.aim(what, ratio >= wanted, String.format(Locale.ROOT, "%.2f", ratio));
    }

    private static CopyChunks chunks(TestDatabase database, String select, int rows, int batch) {
        try {
            return CopyChunks.from(database, select, rows, batch);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Books events and returns the seconds from the first record() to the last commit. */
    private static double book(
            Run run,
            Company company,
            int rows,
            int batch,
            DeliveryMode mode,
            Cost cost,
            Consumer<TestDatabase> afterwards)
            throws Exception {
        Path journal = Files.createTempDirectory("llmdb-pipeline-");
        try (TestDatabase database = run.server().newDatabase()) {
            company.insertInto(database);
            List<SpendEvent> events = company.requests(database.clock().now(), rows, 1);
            LlmDbSettings settings = database.settings()
                    .delivery(delivery -> delivery.mode(mode)
                            .journalDirectory(mode == DeliveryMode.JOURNAL ? journal : null)
                            .maxQueuedRows(rows)
                            .maxQueuedBytes(1L << 30)
                            .maxBatchRows(batch))
                    .build();
            double seconds;
            try (HikariDataSource pool = pool(database);
                    LlmDb db = LlmDb.builder(settings).dataSource(pool).open()) {
                // What making the events left behind is not to be cleared away on anybody's time.
                System.gc();
                cost.begin(database);
                long start = System.nanoTime();
                if (mode == DeliveryMode.JOURNAL) {
                    int callers = 16;
                    Callers.run(callers, rows / callers, i -> db.spend().record(events.get(i)));
                    events.subList(rows / callers * callers, rows).forEach(db.spend()::record);
                } else {
                    events.forEach(db.spend()::record);
                }
                run.must("all is booked", db.spend().flush(Duration.ofMinutes(5)), rows + " events, " + mode);
                seconds = (System.nanoTime() - start) / 1e9;
                cost.end(database, rows);
            }
            run.booksMustHold(database, rows, Company.cost(events));
            cost.rows(database);
            afterwards.accept(database);
            return seconds;
        } finally {
            try (var all = Files.walk(journal)) {
                all.sorted(Comparator.reverseOrder())
                        .forEach(path -> path.toFile().delete());
            }
        }
    }

    /** As the library's own pool is, with round trips counted. */
    private static HikariDataSource pool(TestDatabase database) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(database.jdbcUrl());
        config.setUsername(database.user());
        config.setPassword(database.password());
        config.setMaximumPoolSize(5);
        config.addDataSourceProperty("prepareThreshold", "0");
        config.addDataSourceProperty("socketFactory", CountingSocketFactory.class.getName());
        return new HikariDataSource(config);
    }

    private static double floor(Run run, Company company, CopyChunks chunks, int connections, Cost cost)
            throws Exception {
        try (TestDatabase database = run.server().newDatabase()) {
            company.insertInto(database);
            try (LlmDb db = database.open()) {
                // Makes the partitions.
                db.spend().record(company.requests(database.clock().now(), 1, 2).get(0));
            }
            database.execute("TRUNCATE \"llmdb\".\"LLM_SpendLogs\"");
            cost.beginFloor(database);
            double seconds = chunks.into(
                    database, "\"llmdb\".\"LLM_SpendLogs\"", connections, () -> cost.endFloor(chunks.rows()));
            cost.floorRows(database, chunks);
            return seconds;
        }
    }

    private static double reference(Run run, CopyChunks chunks, int connections) throws Exception {
        try (TestDatabase database = run.server().newEmptyDatabase()) {
            ReferenceLayout.createIn(database);
            return chunks.into(database, "logs (" + ReferenceLayout.COLUMNS + ")", connections);
        }
    }

    private record Rivals(double jdbc, double jdbcCounters, double hibernate, double hibernateCounters) {}

    private static Rivals rivals(Run run, Company company, int rows) throws Exception {
        double[] speeds = new double[4];
        int batch = 1_000;
        for (int way = 0; way < 4; way++) {
            try (TestDatabase database = run.server().newEmptyDatabase()) {
                ReferenceLayout.createIn(database);
                Instant now =
                        database.value(OffsetDateTime.class, "SELECT now()").toInstant();
                List<SpendEvent> events = company.requests(now, rows * 3 / 2, 3);
                List<SpendEvent> warmUp = events.subList(0, rows / 2);
                List<SpendEvent> measured = events.subList(rows / 2, events.size());
                boolean counters = way % 2 == 1;
                double seconds;
                if (way < 2) {
                    JdbcRival.seconds(database, warmUp, batch, counters);
                    seconds = JdbcRival.seconds(database, measured, batch, counters);
                } else {
                    try (HibernateRival hibernate = new HibernateRival(database)) {
                        hibernate.seconds(warmUp, batch, counters);
                        seconds = hibernate.seconds(measured, batch, counters);
                    }
                }
                speeds[way] = measured.size() / seconds;
                BigDecimal logged = database.value(BigDecimal.class, "SELECT sum(spend) FROM logs");
                run.must(
                        "a rival's log holds every cent",
                        logged.compareTo(Company.cost(events)) == 0,
                        logged.toString());
            }
        }
        return new Rivals(speeds[0], speeds[1], speeds[2], speeds[3]);
    }

    static double median(List<Double> values) {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }
}
