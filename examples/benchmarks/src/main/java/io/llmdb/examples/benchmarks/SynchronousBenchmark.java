package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What one who waits for the commit waits for, against one plain INSERT of a log row in a transaction. */
final class SynchronousBenchmark implements Benchmark {

    @Override
    public String name() {
        return "synchronous";
    }

    @Override
    public String about() {
        return "record() in booked mode with everything in its transaction, against one plain INSERT";
    }

    @Override
    public void run(Run run) throws Exception {
        int rows = run.size("rows", 1_000);
        int callers = run.size("callers", 32);
        Company company = new Company(run.size("keys", 1_000));
        List<Double> inserts = new ArrayList<>();
        List<Double> records = new ArrayList<>();
        ResultTable table = ResultTable.of(
                "A lone caller, " + rows + " events a round", "what", "median µs", "p99 µs", "per second");
        try (TestDatabase database = run.server().newDatabase();
                TestDatabase reference = run.server().newEmptyDatabase()) {
            company.insertInto(database);
            ReferenceLayout.createIn(reference);
            int rounds = run.size("rounds", 5);
            List<SpendEvent> events = company.requests(database.clock().now(), rows * (rounds + 1) + 100 * callers, 1);
            Callers.Speed together;
            try (LlmDb db = LlmDb.open(database.settings().build());
                    Connection connection = reference.dataSource().getConnection()) {
                for (int round = 0; round <= rounds; round++) {
                    int from = round * rows;
                    Callers.Speed insert = Callers.run(1, rows, i -> insert(connection, events.get(from + i)));
                    Callers.Speed record = Callers.run(1, rows, i -> db.spend().record(events.get(from + i)));
                    if (round > 0) {
                        inserts.add(insert.medianMicros());
                        records.add(record.medianMicros());
                        table.row(
                                "one plain INSERT, reference layout",
                                insert.medianMicros(),
                                insert.p99Micros(),
                                insert.perSecond());
                        table.row("record(), booked", record.medianMicros(), record.p99Micros(), record.perSecond());
                    }
                }
                int from = rows * (rounds + 1);
                together = Callers.run(callers, 100, i -> db.spend().record(events.get(from + i)));
            }
            run.report(table);
            run.say(String.format(
                    Locale.ROOT,
                    "%d callers at once: %,.0f a second, median %,.0f µs",
                    callers,
                    together.perSecond(),
                    together.medianMicros()));
            run.booksMustHold(database, events.size(), Company.cost(events));
            run.must(
                    "the rival's log holds every cent",
                    reference
                                    .value(BigDecimal.class, "SELECT sum(spend) FROM logs")
                                    .compareTo(Company.cost(events.subList(0, rows * (rounds + 1))))
                            == 0,
                    rows * (rounds + 1) + " rows");
            double ratio = PipelineBenchmark.median(records) / PipelineBenchmark.median(inserts);
            run.aim(
                    "a lone caller waits no longer than 1.3 times one plain INSERT transaction",
                    ratio <= 1.3,
                    String.format(Locale.ROOT, "%.2f", ratio));
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
