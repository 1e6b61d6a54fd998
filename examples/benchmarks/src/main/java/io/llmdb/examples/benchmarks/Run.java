package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.Books;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * One run of one benchmark: its sizes, its server, and what it found. Everything reported is printed at once and kept
 * as {@code results/NAME.txt} and {@code results/NAME.json}. Not safe for use by several threads.
 */
public final class Run implements AutoCloseable {

    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Benchmark benchmark;
    private final Map<String, String> sizes;
    private final Path folder;
    private final PrintStream out;
    private final StringBuilder text = new StringBuilder();
    private final Map<String, Object> json = new LinkedHashMap<>();
    private final List<Object> tables = new ArrayList<>();
    private final List<Object> checks = new ArrayList<>();
    private @Nullable DurableServer server;
    private boolean passed = true;

    Run(Benchmark benchmark, Map<String, String> sizes, Path folder, PrintStream out) {
        this.benchmark = benchmark;
        this.sizes = sizes;
        this.folder = folder;
        this.out = out;
        json.put("benchmark", benchmark.name());
        json.put("about", benchmark.about());
        json.put("at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        json.put("machine", machine());
        json.put("sizes", sizes);
        text.append(benchmark.name()).append(": ").append(benchmark.about()).append('\n');
        say(json.get("at") + ", " + machine() + (sizes.isEmpty() ? "" : ", sizes " + sizes));
    }

    private static String machine() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.availableProcessors() + " processors, " + System.getProperty("os.name") + " "
                + System.getProperty("os.arch") + ", Java " + Runtime.version() + ", heap at most "
                + (runtime.maxMemory() >> 20) + " MiB";
    }

    /**
     * A size that the command line may change: {@code -Dbench.args="rows=1000000"}.
     *
     * @param name its name
     * @param otherwise its value where none is given
     * @return its value
     */
    public int size(String name, int otherwise) {
        String given = sizes.get(name);
        return given == null ? otherwise : Integer.parseInt(given.replace("_", ""));
    }

    /**
     * A server that syncs every commit to disk; started at the first call, with its settings printed.
     *
     * @return the run's server
     */
    public DurableServer server() {
        DurableServer started = server;
        if (started == null) {
            started = DurableServer.start();
            server = started;
            say(started.about());
            json.put("server", started.about());
        }
        return started;
    }

    /**
     * Prints a line and keeps it.
     *
     * @param line the line
     */
    public void say(String line) {
        out.println(line);
        text.append(line).append('\n');
    }

    /**
     * Prints a line that is not kept, to tell how far something is.
     *
     * @param line the line
     */
    public void progress(String line) {
        out.println(line);
    }

    /**
     * Prints a table and keeps it.
     *
     * @param table the table
     */
    public void report(ResultTable table) {
        say("\n" + table);
        tables.add(Map.of("title", table.title(), "columns", table.columns(), "rows", table.rows()));
    }

    /**
     * Says whether something holds that must: where it does not, the run fails.
     *
     * @param what what must hold
     * @param holds whether it does
     * @param seen the figures
     */
    public void must(String what, boolean holds, String seen) {
        passed &= holds;
        check("must", what, holds, seen);
    }

    /**
     * Says whether an aim is reached. A missed one is kept in the results and fails nothing.
     *
     * @param what the aim
     * @param reached whether it is reached
     * @param seen the figures
     */
    public void aim(String what, boolean reached, String seen) {
        check("aim", what, reached, seen);
    }

    private void check(String kind, String what, boolean holds, String seen) {
        say((holds ? "  ok      " : kind.equals("aim") ? "  MISSED  " : "  WRONG   ") + what + ": " + seen);
        checks.add(Map.of("kind", kind, "what", what, "holds", holds, "seen", seen));
    }

    /**
     * Adds up the database: counters, log and daily totals must agree and hold these requests and this spend, to the
     * last digit, with nothing reserved and no deadlock.
     *
     * @param database the database
     * @param requests how many were booked
     * @param spend what they cost
     */
    public void booksMustHold(TestDatabase database, long requests, BigDecimal spend) {
        Books books = database.books();
        Books.Summary sums = books.summary();
        List<String> wrong = new ArrayList<>(books.differences());
        wrong.addAll(books.reserved());
        if (sums.dailyRequests() != requests || sums.dailySpend().compareTo(spend) != 0) {
            wrong.add("booked are " + sums.dailyRequests() + " requests of " + sums.dailySpend() + ", not " + requests
                    + " of " + spend);
        }
        if (database.deadlocks() > 0) {
            wrong.add(database.deadlocks() + " deadlocks");
        }
        must(
                "the books hold every cent",
                wrong.isEmpty(),
                wrong.isEmpty()
                        ? requests + " requests, " + spend.stripTrailingZeros().toPlainString()
                        : wrong.size() + " differences: " + wrong.subList(0, Math.min(5, wrong.size())));
    }

    boolean passed() {
        return passed;
    }

    void keep() {
        json.put("passed", passed);
        json.put("checks", checks);
        json.put("tables", tables);
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve(benchmark.name() + ".txt"), text);
            Files.writeString(folder.resolve(benchmark.name() + ".json"), JSON.writeValueAsString(json) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
