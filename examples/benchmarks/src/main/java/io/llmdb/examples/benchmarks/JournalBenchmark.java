package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/**
 * The journal against two well-kept libraries that could be it: SQLite (write-ahead log, synchronous=FULL) and H2's
 * MVStore, both behind the same sharing of commits; and against nothing but a file.
 */
final class JournalBenchmark implements Benchmark {

    private static final int RECORD = 420;

    @Override
    public String name() {
        return "journal";
    }

    @Override
    public String about() {
        return "how fast an event gets safely to this machine's disk: our files, SQLite, MVStore, a bare file";
    }

    @Override
    public void run(Run run) throws Exception {
        int lone = run.size("lone", 1_000);
        int many = run.size("many", 200_000);
        int callers = run.size("callers", 256);
        int onTheirWay = run.size("on_their_way", 4_096);
        Path directory = Files.createTempDirectory("llmdb-journal-benchmark-");
        ResultTable table = ResultTable.of(
                "Accepted on disk; " + lone + " events of one caller, " + many + " of " + callers + " callers",
                "what",
                "lone: median µs",
                "lone: p99 µs",
                callers + " callers: events/s",
                "median µs",
                "1 thread, " + onTheirWay + " on their way: events/s",
                "bytes on disk per event");
        run.say("One fsync of 8 kB here takes " + Fsync.measure(500));
        try {
            double ours = llmdb(run, table, directory.resolve("llmdb"), lone, many, callers, onTheirWay);
            Path file = directory.resolve("bare");
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                group(table, "a bare file, write and force", bare(channel), lone, many, callers, onTheirWay, file);
            }
            Path sqlite = Files.createDirectory(directory.resolve("sqlite"));
            try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + sqlite.resolve("journal.db"))) {
                group(
                        table,
                        "SQLite, WAL, synchronous=FULL",
                        sqlite(connection),
                        lone,
                        many,
                        callers,
                        onTheirWay,
                        sqlite);
            }
            Path h2 = Files.createDirectory(directory.resolve("h2"));
            try (MVStore store = new MVStore.Builder()
                    .fileName(h2.resolve("journal.mv").toString())
                    .autoCommitDisabled()
                    .open()) {
                group(table, "H2 MVStore, commit and sync", mvStore(store), lone, many, callers, onTheirWay, h2);
            }
            run.report(table);
            run.aim(
                    "at least 100,000 events a second accepted in journal mode",
                    ours >= 100_000,
                    String.format(Locale.ROOT, "%,.0f from one thread, %d on their way", ours, onTheirWay));
        } finally {
            try (Stream<Path> all = Files.walk(directory)) {
                all.sorted(Comparator.reverseOrder())
                        .forEach(path -> path.toFile().delete());
            }
        }
    }

    /** The whole of record() in journal mode, the database away; afterwards all of it is booked. */
    private static double llmdb(
            Run run, ResultTable table, Path directory, int lone, int many, int callers, int onTheirWay)
            throws Exception {
        try (TestDatabase database = run.server().newDatabase()) {
            SwitchableDataSource source = new SwitchableDataSource(database.dataSource());
            Company company = new Company(100);
            company.insertInto(database);
            LlmDbSettings settings = database.settings()
                    .delivery(delivery -> delivery.mode(DeliveryMode.JOURNAL)
                            .journalDirectory(directory)
                            .maxQueuedRows(10_000))
                    .build();
            int each = many / callers;
            List<SpendEvent> events = company.requests(database.clock().now(), lone + 2 * each * callers + 2 * many, 1);
            double perSecond;
            try (LlmDb db = LlmDb.builder(settings).dataSource(source).open()) {
                source.away(true);
                Callers.Speed alone = Callers.run(1, lone, i -> db.spend().record(events.get(i)));
                Callers.run(callers, each, i -> db.spend().record(events.get(lone + i)));
                long before = db.spend().metrics().journalBytes();
                Callers.Speed together =
                        Callers.run(callers, each, i -> db.spend().record(events.get(lone + each * callers + i)));
                long behind = db.spend().metrics().journalBytes();
                int first = lone + 2 * each * callers;
                Callers.onTheirWay(onTheirWay, many, i -> db.spend().recordAsync(events.get(first + i)));
                perSecond =
                        Callers.onTheirWay(onTheirWay, many, i -> db.spend().recordAsync(events.get(first + many + i)));
                table.row(
                        "llmdb: record() in journal mode",
                        alone.medianMicros(),
                        alone.p99Micros(),
                        together.perSecond(),
                        together.medianMicros(),
                        perSecond,
                        (behind - before) / ((long) each * callers));
                source.away(false);
                run.must(
                        "all that was accepted without a database is booked",
                        db.spend().flush(Duration.ofMinutes(5)),
                        events.size() + " events");
            }
            run.booksMustHold(database, events.size(), Company.cost(events));
            return perSecond;
        }
    }

    private static void group(
            ResultTable table,
            String what,
            GroupCommit.Store store,
            int lone,
            int many,
            int callers,
            int onTheirWay,
            Path files)
            throws Exception {
        byte[] record = new byte[RECORD];
        new Random(1).nextBytes(record);
        try (GroupCommit commit = new GroupCommit(store)) {
            Callers.Speed alone = Callers.run(1, lone, i -> commit.append(record));
            Callers.run(callers, many / callers, i -> commit.append(record));
            Callers.Speed together = Callers.run(callers, many / callers, i -> commit.append(record));
            long bytes = size(files) / (lone + 2L * (many / callers) * callers);
            Callers.onTheirWay(onTheirWay, many, i -> commit.appendAsync(record));
            table.row(
                    what,
                    alone.medianMicros(),
                    alone.p99Micros(),
                    together.perSecond(),
                    together.medianMicros(),
                    Callers.onTheirWay(onTheirWay, many, i -> commit.appendAsync(record)),
                    bytes);
        }
    }

    private static long size(Path files) throws IOException {
        try (Stream<Path> all = Files.walk(files)) {
            return all.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        }
    }

    private static GroupCommit.Store bare(FileChannel channel) {
        return records -> {
            ByteBuffer bytes = ByteBuffer.allocate(records.size() * RECORD);
            records.forEach(bytes::put);
            channel.write(bytes.flip());
            channel.force(false);
        };
    }

    private static GroupCommit.Store sqlite(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA journal_mode=WAL");
            statement.execute("PRAGMA synchronous=FULL");
            statement.execute("CREATE TABLE journal (id INTEGER PRIMARY KEY, event BLOB NOT NULL)");
        }
        connection.setAutoCommit(false);
        PreparedStatement insert = connection.prepareStatement("INSERT INTO journal (event) VALUES (?)");
        return records -> {
            for (byte[] record : records) {
                insert.setBytes(1, record);
                insert.executeUpdate();
            }
            connection.commit();
        };
    }

    private static GroupCommit.Store mvStore(MVStore store) {
        MVMap<Long, byte[]> map = store.openMap("journal");
        long[] next = {0};
        return records -> {
            for (byte[] record : records) {
                map.append(next[0]++, record);
            }
            store.commit();
            store.sync();
        };
    }
}
