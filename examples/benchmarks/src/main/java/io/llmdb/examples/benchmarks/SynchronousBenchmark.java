package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/** What one who waits for the commit waits for, against one plain INSERT of a log row in a transaction. */
final class SynchronousBenchmark implements Benchmark {

    @Override
    public String name() {
        return "synchronous";
    }

    @Override
    public String about() {
        return "record() in synchronous and in booked mode, against one plain INSERT";
    }

    @Override
    public void run(Run run) throws Exception {
        Company company = new Company(run.size("keys", 1_000));
        for (boolean prepared : new boolean[] {false, true}) {
            measure(run, company, prepared);
        }
    }

    /** @param prepared whether the driver prepares statements, the floor's and ours: behind a pooler it must not */
    private static void measure(Run run, Company company, boolean prepared) throws Exception {
        String how = prepared ? ", prepared" : ", as behind a pooler";
        String parameters = "?prepareThreshold=" + (prepared ? 5 : 0);
        int rows = run.size("rows", 1_000);
        int callers = run.size("callers", 32);
        int rounds = run.size("rounds", 5);
        Measured insert = new Measured("one plain INSERT, reference layout");
        Measured synchronous = new Measured("record(), synchronous: committed in the inbox");
        Measured booked = new Measured("record(), booked: log, counters and totals committed");
        ResultTable table = ResultTable.of(
                "A lone caller, " + rows + " events a round" + how, "what", "median µs", "p99 µs", "per second");
        ResultTable together =
                ResultTable.of(callers + " callers at once" + how, "what", "median µs", "p99 µs", "per second");
        try (TestDatabase database = run.server().newDatabase();
                TestDatabase reference = run.server().newEmptyDatabase()) {
            company.insertInto(database);
            ReferenceLayout.createIn(reference);
            int each = 100;
            int way = rows * (rounds + 1) + each * callers;
            List<SpendEvent> events = company.requests(database.clock().now(), 2 * way, 1);
            List<SpendEvent> others = events.subList(way, 2 * way);
            try (LlmDb safe = open(database, parameters, DeliveryMode.SYNCHRONOUS);
                    LlmDb full = open(database, parameters, DeliveryMode.BOOKED);
                    Connection connection = DriverManager.getConnection(
                            reference.jdbcUrl() + parameters, reference.user(), reference.password())) {
                for (int i = 0; i <= rounds; i++) {
                    int round = i;
                    int from = round * rows;
                    boolean counts = round > 0;
                    insert.add(counts, rows, database, () -> {
                        return Callers.run(1, rows, n -> insert(connection, events.get(from + n)));
                    });
                    synchronous.add(counts, rows, database, () -> {
                        Callers.Speed speed =
                                Callers.run(1, rows, n -> safe.spend().record(events.get(from + n)));
                        run.must("all is booked", safe.spend().flush(Duration.ofMinutes(1)), "round " + round);
                        return speed;
                    });
                    booked.add(counts, rows, database, () -> {
                        return Callers.run(1, rows, n -> full.spend().record(others.get(from + n)));
                    });
                    if (counts) {
                        List.of(insert, synchronous, booked).forEach(one -> one.lastTo(table));
                    }
                }
                int from = rows * (rounds + 1);
                row(
                        together,
                        synchronous,
                        Callers.run(callers, each, n -> safe.spend().record(events.get(from + n))));
                run.must("all is booked", safe.spend().flush(Duration.ofMinutes(1)), callers + " callers");
                row(
                        together,
                        booked,
                        Callers.run(callers, each, n -> full.spend().record(others.get(from + n))));
            }
            run.report(table);
            run.report(together);
            ResultTable costs = ResultTable.of(
                    "What an event of a lone caller costs, all that follows on it included" + how,
                    "what",
                    "WAL bytes",
                    "the server's processor time, µs");
            List.of(insert, synchronous, booked).forEach(one -> one.costTo(costs));
            run.report(costs);
            run.must("nothing is left in the inbox", database.count("LLM_SpendInbox") == 0, "all is booked");
            run.booksMustHold(database, events.size(), Company.cost(events));
            run.must(
                    "the rival's log holds every cent",
                    reference
                                    .value(BigDecimal.class, "SELECT sum(spend) FROM logs")
                                    .compareTo(Company.cost(events.subList(0, rows * (rounds + 1))))
                            == 0,
                    rows * (rounds + 1) + " rows");
            run.say(String.format(
                    Locale.ROOT,
                    "A lone caller in booked mode waits %.2f times as long as one plain INSERT" + how,
                    booked.median() / insert.median()));
            double ratio = synchronous.median() / insert.median();
            run.aim(
                    "a lone caller in synchronous mode waits no longer than 1.3 times one plain INSERT transaction"
                            + how,
                    ratio <= 1.3,
                    String.format(Locale.ROOT, "%.2f", ratio));
        }
    }

    private static LlmDb open(TestDatabase database, String parameters, DeliveryMode mode) {
        return LlmDb.open(database.settings()
                .connection(connection -> connection.databaseUrl(database.databaseUrl() + parameters))
                .delivery(delivery -> delivery.mode(mode))
                .build());
    }

    private static void row(ResultTable table, Measured what, Callers.Speed speed) {
        table.row(what.name, speed.medianMicros(), speed.p99Micros(), speed.perSecond());
    }

    /** One of the ways, round after round. */
    private static final class Measured {

        private final String name;
        private final List<Callers.Speed> speeds = new ArrayList<>();
        private final List<Double> wal = new ArrayList<>();
        private final List<Double> processor = new ArrayList<>();

        Measured(String name) {
            this.name = name;
        }

        void add(boolean counts, int events, TestDatabase database, Callable<Callers.Speed> work) throws Exception {
            Cost cost = new Cost();
            cost.begin(database);
            Callers.Speed speed = work.call();
            cost.end(database, events);
            if (counts) {
                speeds.add(speed);
                wal.add(cost.wal());
                processor.add(cost.serverMicros());
            }
        }

        double median() {
            return PipelineBenchmark.median(
                    speeds.stream().map(Callers.Speed::medianMicros).toList());
        }

        void lastTo(ResultTable table) {
            row(table, this, speeds.get(speeds.size() - 1));
        }

        void costTo(ResultTable table) {
            table.row(name, PipelineBenchmark.median(wal), PipelineBenchmark.median(processor));
        }
    }

    private static void insert(Connection connection, SpendEvent event) {
        try (PreparedStatement statement = connection.prepareStatement("""
                INSERT INTO logs (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
                    "startTime", "endTime", model, metadata, "user", team_id, end_user, session_id, status)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?)""")) {
            int i = 1;
            statement.setString(i++, ReferenceLayout.requestId(event));
            statement.setString(i++, event.callType());
            statement.setString(i++, event.keyHash());
            statement.setBigDecimal(i++, event.cost());
            statement.setLong(i++, event.totalTokens());
            statement.setLong(i++, event.promptTokens());
            statement.setLong(i++, event.completionTokens());
            statement.setObject(i++, event.startTime().atOffset(ZoneOffset.UTC));
            statement.setObject(i++, event.endTime().atOffset(ZoneOffset.UTC));
            statement.setString(i++, event.model());
            statement.setString(i++, event.metadata());
            statement.setString(i++, event.userId());
            statement.setString(i++, event.teamId());
            statement.setString(i++, event.endUser());
            statement.setString(i++, event.sessionId());
            statement.setString(i, "success");
            statement.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
