package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What record() takes of its caller's time in memory mode, while the writer books what came: twenty thousand calls a
 * shot, so that the queue never fills; between shots all of it is booked.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 15, batchSize = RecordLatency.SHOT)
@Measurement(iterations = 15, batchSize = RecordLatency.SHOT)
@Fork(1)
public class RecordLatency {

    static final int SHOT = 20_000;

    private DurableServer server = DurableServer.start();
    private TestDatabase database = server.newDatabase();
    private LlmDb db = LlmDb.open(database.settings()
            .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY))
            .build());
    private List<SpendEvent> events = List.of();
    private int next;

    /** Makes the events. */
    @Setup
    public void prepare() {
        Company company = new Company(1_000);
        company.insertInto(database);
        events = company.requests(database.clock().now(), SHOT, 1);
    }

    /** Books what is queued. */
    @Setup(Level.Iteration)
    public void drain() {
        db.spend().flush(Duration.ofMinutes(1));
    }

    /** Ends all. */
    @TearDown
    public void close() {
        db.close();
        database.close();
        server.close();
    }

    /** One call. */
    @Benchmark
    public void record() {
        db.spend().record(events.get(next++ % SHOT));
    }
}
