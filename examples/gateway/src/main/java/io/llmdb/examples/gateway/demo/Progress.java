package io.llmdb.examples.gateway.demo;

import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.examples.gateway.traffic.TrafficRun;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Says every second how far the traffic is. */
final class Progress implements AutoCloseable {

    private final PrintStream out;
    private final TrafficRun run;
    private final EventTape tape;
    private final long total;
    private final long start = System.nanoTime();
    private final ScheduledExecutorService timer;

    Progress(PrintStream out, TrafficRun run, EventTape tape, long total) {
        this.out = out;
        this.run = run;
        this.tape = tape;
        this.total = total;
        this.timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "progress");
            thread.setDaemon(true);
            return thread;
        });
        Future<?> unused = timer.scheduleAtFixedRate(this::print, 1, 1, TimeUnit.SECONDS);
    }

    private void print() {
        long ended = run.ended();
        double seconds = (System.nanoTime() - start) / 1e9;
        out.printf(
                Locale.ROOT,
                "  %4.0f s  %,8d of %,d  %,6.0f/s   answered %,d   refused %,d   failed %,d   %s%n",
                seconds,
                ended,
                total,
                ended / seconds,
                run.count(Kind.ANSWERED),
                run.count(Kind.REFUSED),
                run.count(Kind.FAILED),
                Table.money(tape.spend()));
        out.flush();
    }

    /** Says it a last time. */
    @Override
    public void close() {
        timer.shutdownNow();
        try {
            timer.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        print();
    }
}
