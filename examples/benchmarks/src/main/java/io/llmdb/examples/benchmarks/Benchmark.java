package io.llmdb.examples.benchmarks;

/** One comparison: a floor, rivals and llmdb in one run. It is listed in {@link Benchmarks}. */
public interface Benchmark {

    /** @return what {@code -Dbench=} calls it, such as {@code pipeline} */
    String name();

    /** @return what it compares, in one sentence */
    String about();

    /**
     * Measures, reports tables and checks what must hold.
     *
     * @param run where the sizes come from and the results go
     * @throws Exception where it cannot go on, which fails the run
     */
    void run(Run run) throws Exception;
}
