package io.llmdb.examples.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** What this machine's disk gives, beside which all other figures must be read. */
final class FsyncBenchmark implements Benchmark {

    @Override
    public String name() {
        return "fsync";
    }

    @Override
    public String about() {
        return "what one sync to this machine's disk costs";
    }

    @Override
    public void run(Run run) throws IOException, InterruptedException {
        int times = run.size("times", 5_000);
        Fsync fsync = Fsync.measure(times);
        run.report(ResultTable.of(
                        "8 kB written and synced, " + times + " times", "how", "median µs", "p99 µs", "per second")
                .row("FileChannel.force(false)", fsync.medianMicros(), fsync.p99Micros(), 1e6 / fsync.medianMicros()));
        try {
            Process process = new ProcessBuilder("pg_test_fsync", "-s", "1")
                    .redirectErrorStream(true)
                    .start();
            run.say(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            process.waitFor();
        } catch (IOException e) {
            run.say("pg_test_fsync is not on the PATH: " + e.getMessage());
        }
        run.must(
                "the server syncs",
                run.server().about().contains("fsync=on"),
                run.server().about());
    }
}
