package io.llmdb.examples.benchmarks;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Runs benchmarks: {@code Benchmarks all|NAME[,NAME...] [size=value ...]}. */
public final class Benchmarks {

    /** All there are, in the order in which {@code all} runs them. */
    private static final List<Benchmark> ALL = List.of(
            new FsyncBenchmark(),
            new AuthenticateBenchmark(),
            new BudgetsBenchmark(),
            new LimitsBenchmark(),
            new JournalBenchmark(),
            new SynchronousBenchmark(),
            new RecordBenchmark(),
            new PipelineBenchmark(),
            new IndexesBenchmark(),
            new ReportsBenchmark(),
            new MoveBenchmark());

    private Benchmarks() {}

    /**
     * Runs what is named; ends with 1 where something that must hold did not.
     *
     * @param arguments names, then sizes
     */
    public static void main(String[] arguments) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        String names = arguments.length == 0 ? "all" : arguments[0];
        if (names.equals("help")) {
            tellAll(out);
            System.exit(0);
        }
        List<Benchmark> chosen = chosen(names);
        if (chosen.isEmpty()) {
            out.println("No benchmark is called " + names + ". There are:");
            tellAll(out);
            System.exit(2);
        }
        Map<String, String> sizes = sizes(arguments);
        List<String> failed = new ArrayList<>();
        for (Benchmark benchmark : chosen) {
            out.println("\n== " + benchmark.name() + ": " + benchmark.about());
            if (!passes(benchmark, sizes, out)) {
                failed.add(benchmark.name());
            }
        }
        if (!failed.isEmpty()) {
            out.println("\nFAILED: " + String.join(", ", failed));
        }
        System.exit(failed.isEmpty() ? 0 : 1);
    }

    private static void tellAll(PrintStream out) {
        ALL.forEach(benchmark -> out.println("  " + benchmark.name() + ": " + benchmark.about()));
    }

    private static boolean passes(Benchmark benchmark, Map<String, String> sizes, PrintStream out) {
        try (Run run = new Run(benchmark, sizes, Path.of("results"), out)) {
            try {
                benchmark.run(run);
            } catch (Exception | AssertionError e) {
                e.printStackTrace(out);
                run.must("runs to its end", false, e.toString());
            }
            run.keep();
            return run.passed();
        }
    }

    private static List<Benchmark> chosen(String names) {
        List<String> wanted = List.of(names.split(","));
        return ALL.stream()
                .filter(benchmark -> names.equals("all") || wanted.contains(benchmark.name()))
                .toList();
    }

    private static Map<String, String> sizes(String[] arguments) {
        Map<String, String> sizes = new TreeMap<>();
        for (int i = 1; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException(arguments[i] + ": sizes are given as name=value");
            }
            sizes.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
        }
        return sizes;
    }
}
