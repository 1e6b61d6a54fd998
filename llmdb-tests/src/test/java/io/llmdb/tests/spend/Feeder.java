package io.llmdb.tests.spend;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.spend.BacklogFullException;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.SpendEvents;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * One of several processes that record the same traffic. Each of its writers has a stream of its own and says how far
 * it has come ({@code at WRITER NEXT}); it also delivers every second event of the next process's writer and every
 * fourth of the one's after that. Told to end (SIGTERM), it closes as a proxy does.
 *
 * <p>Arguments: url, user, password, schema, mode, journal directory, process, processes, writers, events of each
 * writer, keys, start, events a second in all (0: as fast as it goes), most rows in memory, where each writer goes on.
 */
final class Feeder {

    private static final int SAY_EVERY = 250;

    private final SpendRecorder recorder;
    private final Traffic traffic;
    private final int process;
    private final int processes;
    private final int writers;
    private final int events;
    private final double perSecond;
    private final AtomicLong delivered = new AtomicLong();
    private volatile boolean ending;

    private Feeder(
            SpendRecorder recorder,
            Traffic traffic,
            int process,
            int processes,
            int writers,
            int events,
            double perSecond) {
        this.recorder = recorder;
        this.traffic = traffic;
        this.process = process;
        this.processes = processes;
        this.writers = writers;
        this.events = events;
        this.perSecond = perSecond;
    }

    public static void main(String[] arguments) throws Exception {
        int i = 0;
        HikariConfig pool = new HikariConfig();
        pool.setJdbcUrl(arguments[i++]);
        pool.setUsername(arguments[i++]);
        pool.setPassword(arguments[i++]);
        pool.setMaximumPoolSize(4);
        pool.setMinimumIdle(1);
        pool.setConnectionTimeout(2_000);
        pool.setInitializationFailTimeout(-1);
        // As the library's own pool: else a first connection that breaks while it is set up spoils the pool.
        pool.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        pool.addDataSourceProperty("socketTimeout", "30");
        Db db = new Db(new HikariDataSource(pool), arguments[i++]);
        DeliveryMode mode = DeliveryMode.valueOf(arguments[i++]);
        Path journal = Path.of(arguments[i++]);
        int process = Integer.parseInt(arguments[i++]);
        int processes = Integer.parseInt(arguments[i++]);
        int writers = Integer.parseInt(arguments[i++]);
        int events = Integer.parseInt(arguments[i++]);
        World world = new World(Integer.parseInt(arguments[i++]));
        Instant start = Instant.parse(arguments[i++]);
        double perSecond = Double.parseDouble(arguments[i++]);
        int mostRows = Integer.parseInt(arguments[i++]);
        DeliveryPolicy policy = DeliveryPolicy.journal(journal)
                .withMode(mode)
                .withBounds(mostRows, 64 << 20, 4L << 30)
                .withWriter(5_000, Duration.ofMillis(20), Duration.ofMinutes(5));
        SpendRecorder recorder = new SpendRecorder(db, new DbClock(db.sql()), Recorders.ALL, policy, List.of());
        Feeder feeder =
                new Feeder(recorder, new Traffic(world, start, 100), process, processes, writers, events, perSecond);
        Thread hook = new Thread(feeder::end);
        Runtime.getRuntime().addShutdownHook(hook);
        List<Integer> from = new ArrayList<>();
        for (int writer = 0; writer < writers; writer++) {
            from.add(i < arguments.length ? Integer.parseInt(arguments[i++]) : 0);
        }
        feeder.run(from);
        if (feeder.ending) {
            return;
        }
        System.out.println("all handed over");
        recorder.close();
        System.out.println("closed " + recorder.metrics());
        Runtime.getRuntime().halt(recorder.metrics().backlogRows() == 0 ? 0 : 3);
    }

    private void end() {
        ending = true;
        recorder.close();
        System.out.println("ended " + recorder.metrics());
        System.out.flush();
    }

    private void run(List<Integer> from) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int writer = 0; writer < writers; writer++) {
            int number = writer;
            Thread thread = new Thread(() -> write(number, from.get(number)));
            threads.add(thread);
            thread.start();
        }
        System.out.println("running");
        Runtime runtime = Runtime.getRuntime();
        long most = 0;
        while (threads.stream().anyMatch(Thread::isAlive)) {
            Thread.sleep(1_000);
            long used = runtime.totalMemory() - runtime.freeMemory();
            most = Math.max(most, used);
            System.out.println("state delivered=" + delivered + " rows="
                    + recorder.metrics().backlogRows() + " bytes="
                    + recorder.metrics().backlogBytes() + " journal="
                    + recorder.metrics().journalBytes() + " heap=" + (used >> 20) + "MiB heapMax=" + (most >> 20)
                    + "MiB oldest=" + recorder.metrics().oldestAge().toMillis() + "ms");
        }
    }

    private void write(int writer, int from) {
        List<SpendEvents> streams = new ArrayList<>();
        for (int other = 0; other < processes; other++) {
            streams.add(traffic.stream((process + other) % processes * writers + writer));
        }
        long began = System.nanoTime();
        for (int i = 0; i < events && !ending; i++) {
            for (int other = 0; other < processes; other++) {
                SpendEvent event = streams.get(other).next();
                if (i >= from && i % (1 << other) == 0) {
                    deliver(event);
                }
            }
            if (i >= from && (i + 1) % SAY_EVERY == 0 && !ending) {
                System.out.println("at " + writer + " " + (i + 1));
            }
            if (perSecond > 0) {
                double due = (i - from + 1) * writers / perSecond;
                long wait = (long) (due * 1e9) - (System.nanoTime() - began);
                if (wait > 0) {
                    LockSupport.parkNanos(wait);
                }
            }
        }
        if (!ending) {
            System.out.println("at " + writer + " " + events);
        }
    }

    /** As a proxy does that must not lose a request: again, until it is taken. */
    private void deliver(SpendEvent event) {
        while (!ending) {
            try {
                recorder.record(event);
                delivered.incrementAndGet();
                return;
            } catch (BacklogFullException | DatabaseUnavailableException e) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            } catch (IllegalStateException e) {
                return;
            }
        }
    }
}
