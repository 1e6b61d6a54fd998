package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.results.RunResult;

/** What record() takes of its caller's time in memory mode. */
final class RecordBenchmark implements Benchmark {

    @Override
    public String name() {
        return "record";
    }

    @Override
    public String about() {
        return "how long record() keeps its caller in memory mode";
    }

    @Override
    public void run(Run run) throws Exception {
        int shot = RecordLatency.SHOT;
        for (RunResult result : Jmh.run(run, RecordLatency.class)) {
            run.say(String.format(
                    Locale.ROOT,
                    "JMH: %.3f µs a call on average",
                    result.getPrimaryResult().getScore() / shot));
        }
        Callers.Speed speed = new Callers.Speed(0, 0, 0);
        try (TestDatabase database = run.server().newDatabase()) {
            Company company = new Company(1_000);
            company.insertInto(database);
            int rounds = run.size("rounds", 15);
            List<SpendEvent> events = company.requests(database.clock().now(), shot * rounds, 1);
            try (LlmDb db = LlmDb.open(database.settings()
                    .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY))
                    .build())) {
                for (int round = 0; round < rounds; round++) {
                    int from = round * shot;
                    speed = Callers.run(1, shot, i -> db.spend().record(events.get(from + i)));
                    run.must("all is booked", db.spend().flush(Duration.ofMinutes(2)), "round " + round);
                }
            }
            run.report(ResultTable.of(
                            "record() in memory mode, one caller, each call by the clock (which itself takes about 0.03 µs)",
                            "median µs",
                            "p99 µs",
                            "per second")
                    .row(speed.medianMicros(), speed.p99Micros(), speed.perSecond()));
            run.booksMustHold(database, events.size(), Company.cost(events));
        }
        run.aim(
                "under 1 µs median in memory mode",
                speed.medianMicros() < 1,
                String.format(Locale.ROOT, "%.3f µs", speed.medianMicros()));
    }
}
