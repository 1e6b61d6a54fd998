package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.ModelPrice;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** A company on a database, and its traffic, made ahead by a thread of its own. */
final class MonthWriter implements AutoCloseable {

    final LlmDb db;
    private final BlockingQueue<List<SpendEvent>> made = new ArrayBlockingQueue<>(8);
    private final Thread maker;

    MonthWriter(TestDatabase database, int rows, int endUsers, long seed) {
        // The jobs' work is done by hand, between what is measured.
        database.execute("INSERT INTO ${llmdb}.\"LLM_Job\" (job_name, next_run_at) SELECT n, now() + interval '10 days'"
                + " FROM unnest(ARRAY['log partitions', 'log retention', 'log settling', 'report sums']) n");
        this.db = LlmDb.open(database.settings()
                .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY)
                        .maxQueuedRows(20_000)
                        .fullQueueBlockTime(Duration.ofMinutes(10)))
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
                .minusDays(ReportsBenchmark.DAYS - 1L)
                .atStartOfDay(ZoneOffset.UTC)
                .toInstant();
        double rate =
                rows / (double) Duration.between(start, now.minusSeconds(60)).toSeconds();
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
