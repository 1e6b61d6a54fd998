package io.llmdb.examples.benchmarks;

import io.llmdb.move.CopyReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.testkit.PlantedBooks;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A copy to another server, beside what everybody has at hand for it. */
final class MoveBenchmark implements Benchmark {

    @Override
    public String name() {
        return "move";
    }

    @Override
    public String about() {
        return "copying a database to a second server: pg_dump | pg_restore (custom format), and llmdb";
    }

    @Override
    public void run(Run run) throws Exception {
        int rows = run.size("rows", 1_000_000);
        int keys = run.size("keys", 20_000);
        try (PostgresServer second = PostgresServer.startEmbedded(DurableServer.CONFIGURATION);
                TestDatabase source = run.server().newDatabase();
                TestDatabase warm = second.newEmptyDatabase("llmdb");
                TestDatabase forDump = second.newEmptyDatabase("llmdb");
                TestDatabase forFastDump = second.newEmptyDatabase("llmdb");
                TestDatabase forUs = second.newEmptyDatabase("llmdb")) {
            PlantedBooks.plant(source, keys, rows);
            long bytes = source.value(
                    Long.class,
                    "SELECT sum(pg_table_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                            + " WHERE n.nspname = 'llmdb' AND c.relkind = 'r'");
            run.say(rows + " log rows, " + keys + " keys, " + bytes / 1_000_000 + " MB of tables without indexes");
            ResultTable table = ResultTable.of("one copy, to a server that syncs", "how", "seconds", "MB/s", "rows/s");
            Tools tools = Tools.find(run);
            double best = 0;
            if (tools != null) {
                // The first to read the source finds less of it in memory; that shall be nobody's disadvantage.
                pipe(tools, source, warm, "-Z0");
                double compressed = pipe(tools, source, forDump, "-Z6");
                row(table, "pg_dump -Fc | pg_restore", compressed, bytes, rows);
                double plain = pipe(tools, source, forFastDump, "-Z0");
                best = Math.min(compressed, plain);
                row(table, "pg_dump -Fc -Z0 | pg_restore", plain, bytes, rows);
            }
            long heapBefore = usedHeap();
            CopyReport copy = DatabaseMove.from(new MoveEndpoint(source.dataSource(), "llmdb", "source"))
                    .to(new MoveEndpoint(forUs.dataSource(), "llmdb", "target"))
                    .parallelism(run.size("parallelism", 4))
                    .build()
                    .copy(progress -> {});
            long heapAfter = usedHeap();
            double copying = copy.copying().toNanos() / 1e9;
            double verifying = copy.verifying().toNanos() / 1e9;
            row(table, "llmdb, copying", copying, bytes, rows);
            row(table, "llmdb, copying, comparing both sides and ANALYZE", copying + verifying, bytes, rows);
            run.report(table);
            run.must(
                    "memory is flat",
                    heapAfter - heapBefore < 32 << 20,
                    (heapAfter - heapBefore) / 1024 + " KiB more than before are held after " + copy.bytes() / 1_000_000
                            + " MB went over");
            if (tools != null) {
                run.must(
                        "at least as fast as the faster pg_dump | pg_restore",
                        copying <= best,
                        String.format(java.util.Locale.ROOT, "%.2f times as fast", best / copying));
            }
            BigDecimal spend = source.value(BigDecimal.class, "SELECT sum(spend) FROM ${llmdb}.\"LLM_SpendLogs\"");
            run.booksMustHold(forUs, rows, spend);
        }
    }

    private static void row(ResultTable table, String how, double seconds, long bytes, int rows) {
        table.row(how, seconds, bytes / 1e6 / seconds, rows / seconds);
    }

    private static long usedHeap() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static double pipe(Tools tools, TestDatabase source, TestDatabase target, String compression)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        List<Process> both = ProcessBuilder.startPipeline(List.of(
                tools.process(source, "pg_dump", "-Fc", compression, "-n", "llmdb", "-d", source.name())
                        .redirectError(ProcessBuilder.Redirect.INHERIT),
                tools.process(target, "pg_restore", "--no-owner", "-d", target.name())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)));
        for (Process process : both) {
            if (!process.waitFor(30, TimeUnit.MINUTES) || process.exitValue() != 0) {
                throw new IOException("pg_dump | pg_restore failed");
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** The rival's programs. */
    private record Tools(Path folder) {

        static @org.jspecify.annotations.Nullable Tools find(Run run) throws InterruptedException {
            String given = System.getProperty("pg.bin", "");
            String program =
                    given.isEmpty() ? "pg_dump" : Path.of(given, "pg_dump").toString();
            int server = run.server().server().version() / 10_000;
            try {
                Process process = new ProcessBuilder(program, "--version").start();
                String version = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                process.waitFor();
                Matcher major = Pattern.compile("\\) (\\d+)").matcher(version);
                if (major.find() && Integer.parseInt(major.group(1)) >= server) {
                    run.say("rival: " + version.strip());
                    return new Tools(Path.of(given));
                }
                run.say("NOT COMPARED: " + version.strip() + " cannot read a server of version " + server
                        + "; run with -Dpostgres.binaries.version= of its version, or -Dpg.bin=FOLDER of a newer one");
            } catch (IOException e) {
                run.say("NOT COMPARED: there is no pg_dump (" + e.getMessage()
                        + "); install PostgreSQL's client, or name its folder with -Dpg.bin=FOLDER");
            }
            return null;
        }

        ProcessBuilder process(TestDatabase database, String program, String... arguments) {
            java.util.ArrayList<String> command = new java.util.ArrayList<>();
            command.add(
                    folder.toString().isEmpty()
                            ? program
                            : folder.resolve(program).toString());
            command.addAll(List.of(
                    "-h",
                    database.server().host(),
                    "-p",
                    Integer.toString(database.server().port()),
                    "-U",
                    database.user()));
            command.addAll(List.of(arguments));
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.environment().putAll(Map.of("PGPASSWORD", database.password()));
            return builder;
        }
    }
}
