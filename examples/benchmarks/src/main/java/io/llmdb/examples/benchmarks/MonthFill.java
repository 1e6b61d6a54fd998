package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Fills a month through the writer. The last twentieth alternates with the same rows into a database that is new, so
 * that what else the machine does slows down both.
 */
final class MonthFill {

    static final int CHUNK = 100_000;

    private final Run run;
    private final MonthWriter month;
    private final MonthWriter fresh;
    private final ServerCpu cpu;
    private final int rows;
    private final int part;
    private final ResultTable table = ResultTable.of(
            "Filling",
            "events",
            "into the month, a second",
            "into a new database, a second",
            "server's CPU, µs an event",
            "this JVM's");
    private final List<Double> rates = new ArrayList<>();
    private final List<ServerCpu.Spent> spent = new ArrayList<>();

    MonthFill(Run run, TestDatabase database, MonthWriter month, MonthWriter fresh, int rows) throws SQLException {
        this.run = run;
        this.month = month;
        this.fresh = fresh;
        this.cpu = new ServerCpu(database);
        this.rows = rows;
        this.part = Math.max(1, rows / 10 / CHUNK);
    }

    /** How many events are in the month; on a machine that others use, a part of it has to do. */
    int run() throws InterruptedException {
        long most = System.nanoTime()
                + Duration.ofMinutes(run.size("fill_minutes", 9)).toNanos();
        fresh.write(CHUNK);
        int alternating = Math.max(CHUNK, rows / 20);
        int done = 0;
        while (done < rows - alternating && System.nanoTime() < most) {
            done += CHUNK;
            one();
            if (rates.size() % part == 0) {
                row(done, "");
            }
        }
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < alternating / CHUNK; i++) {
            done += CHUNK;
            double rate = one();
            double other = rate(fresh);
            cpu.take();
            ratios.add(rate / other);
            table.row(
                    done,
                    rate,
                    String.format(Locale.ROOT, "%,.0f", other),
                    last(1).serverMicros(CHUNK),
                    last(1).selfMicros(CHUNK));
        }
        run.report(table);
        judge(ratios);
        run.say(String.format(Locale.ROOT, "%,d of %,d events are in the month", done, rows));
        return done;
    }

    private void judge(List<Double> ratios) {
        long events = (long) part * CHUNK;
        double first = harmonic(rates.subList(0, part));
        double last = harmonic(rates.subList(rates.size() - part, rates.size()));
        double firstCost = sum(spent.subList(0, part)).serverMicros(events);
        double lastCost = last(part).serverMicros(events);
        run.aim(
                String.format(Locale.ROOT, "the last %,d events go in at 0.9 of the first ones' rate", events),
                last >= 0.9 * first,
                String.format(Locale.ROOT, "%,.0f/s, the first %,.0f/s: %.2f", last, first, last / first));
        run.aim(
                "they cost the server no more than a tenth more processor time",
                lastCost <= firstCost / 0.9,
                String.format(
                        Locale.ROOT,
                        "%.1f µs an event, the first %.1f µs: %.2f",
                        lastCost,
                        firstCost,
                        lastCost / firstCost));
        run.aim(
                "the full month takes them at 0.9 of the rate of a new database (pairs of 100,000 in turn)",
                median(ratios) >= 0.9,
                String.format(Locale.ROOT, "median %.2f of %d pairs", median(ratios), ratios.size()));
    }

    private double one() throws InterruptedException {
        double rate = rate(month);
        rates.add(rate);
        spent.add(cpu.take());
        return rate;
    }

    private void row(int done, String other) {
        long events = (long) part * CHUNK;
        double rate = harmonic(rates.subList(rates.size() - part, rates.size()));
        ServerCpu.Spent cost = last(part);
        table.row(done, rate, other, cost.serverMicros(events), cost.selfMicros(events));
        run.progress(String.format(
                Locale.ROOT,
                "%s  %,d events, %,.0f a second, server's CPU %.1f µs an event",
                LocalTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.SECONDS),
                done,
                rate,
                cost.serverMicros(events)));
    }

    private ServerCpu.Spent last(int chunks) {
        return sum(spent.subList(spent.size() - chunks, spent.size()));
    }

    private static ServerCpu.Spent sum(List<ServerCpu.Spent> parts) {
        return parts.stream().reduce(new ServerCpu.Spent(Duration.ZERO, Duration.ZERO), ServerCpu.Spent::plus);
    }

    /** The rate of parts of equal size together. */
    private static double harmonic(List<Double> rates) {
        return rates.size() / rates.stream().mapToDouble(rate -> 1 / rate).sum();
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }

    private static double rate(MonthWriter writer) throws InterruptedException {
        long started = System.nanoTime();
        writer.write(CHUNK);
        return CHUNK / ((System.nanoTime() - started) / 1e9);
    }
}
