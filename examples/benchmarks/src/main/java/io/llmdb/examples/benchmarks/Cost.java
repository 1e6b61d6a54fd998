package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.TestDatabase;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What an event costs beside time: WAL, round trips, rows that are written or changed, processor time. */
final class Cost {

    private static final String WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";

    private long walBefore;
    private long tripsBefore;
    private double wal;
    private double trips;
    private double changes;
    private double floorWal;
    private double floorMicros;
    private double rowBytes;
    private @Nullable ServerCpu processors;
    private double serverMicros;
    private double selfMicros;

    private static long wal(TestDatabase database) {
        return database.value(Long.class, WAL);
    }

    void begin(TestDatabase database) throws SQLException {
        processors = new ServerCpu(database);
        walBefore = wal(database);
        tripsBefore = CountingSocketFactory.roundTrips();
    }

    void end(TestDatabase database, int events) {
        ServerCpu.Spent spent = taken();
        serverMicros = spent.serverMicros(events);
        selfMicros = spent.selfMicros(events);
        trips = (CountingSocketFactory.roundTrips() - tripsBefore) / (double) events;
        wal = (wal(database) - walBefore) / (double) events;
    }

    private ServerCpu.Spent taken() {
        if (processors == null) {
            throw new IllegalStateException("Nothing was begun");
        }
        return processors.take();
    }

    void rows(TestDatabase database) {
        long events = database.count("LLM_SpendLogs");
        long all = database.value(
                Long.class,
                "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = 'llmdb'");
        changes = events == 0 ? 0 : all / (double) events;
    }

    void beginFloor(TestDatabase database) throws SQLException {
        processors = new ServerCpu(database);
        walBefore = wal(database);
    }

    /** While the connections that copied are open: a process that has ended counts no more. */
    void endFloor(int events) {
        floorMicros = taken().serverMicros(events);
    }

    void floorRows(TestDatabase database, CopyChunks chunks) {
        long events = database.count("LLM_SpendLogs");
        floorWal = (wal(database) - walBefore) / (double) events;
        rowBytes = chunks.bytes() / (double) events;
    }

    double wal() {
        return wal;
    }

    double serverMicros() {
        return serverMicros;
    }

    ResultTable table(int events) {
        return ResultTable.of("What an event costs, " + events + " events", "what", "per event")
                .row("bytes of its log row, as COPY sends it", rowBytes)
                .row("WAL bytes, floor", floorWal)
                .row("WAL bytes, llmdb with everything", wal)
                .row("round trips, llmdb", trips)
                .row("the server's processor time, floor, µs", floorMicros)
                .row("the server's processor time, llmdb, µs", serverMicros)
                .row("this process's processor time, llmdb, µs", selfMicros)
                .row("rows written or changed, llmdb (log, counters, daily totals)", changes);
    }
}
