package io.llmdb.examples.benchmarks;

import java.util.Collection;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs a class of JMH benchmarks as part of a run. */
final class Jmh {

    private Jmh() {}

    /**
     * Runs the {@code @Benchmark} methods of a class and reports their scores. How often and for how long, the class's
     * own annotations say.
     *
     * @param run where the results go
     * @param benchmarks the class
     * @return the scores
     * @throws RunnerException where JMH fails
     */
    static Collection<RunResult> run(Run run, Class<?> benchmarks) throws RunnerException {
        Options options = new OptionsBuilder()
                .include(benchmarks.getName().replace(".", "\\.").replace("$", "\\.") + "\\.")
                .shouldFailOnError(true)
                .build();
        Collection<RunResult> results = new Runner(options).run();
        ResultTable table =
                ResultTable.of("JMH " + benchmarks.getSimpleName(), "benchmark", "score", "± error", "unit");
        for (RunResult result : results) {
            row(table, name(result), result.getPrimaryResult());
            result.getSecondaryResults().forEach((label, part) -> row(table, label, part));
        }
        run.report(table);
        return results;
    }

    private static String name(RunResult result) {
        String full = result.getParams().getBenchmark();
        String name = full.substring(full.lastIndexOf('.') + 1);
        for (String parameter : result.getParams().getParamsKeys()) {
            name += " " + parameter + "=" + result.getParams().getParam(parameter);
        }
        return name;
    }

    private static void row(ResultTable table, String name, Result<?> result) {
        double error = result.getScoreError();
        table.row(name, result.getScore(), Double.isNaN(error) ? 0.0 : error, result.getScoreUnit());
    }
}
