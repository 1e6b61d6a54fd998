package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * The processor time that a server on this machine and this process spend. Other programs make everything slower, but
 * do not change what an event costs.
 */
final class ServerCpu {

    private final ProcessHandle postmaster;
    private Map<Long, Duration> server = Map.of();
    private Duration self = Duration.ZERO;

    /**
     * @param database a database of the server
     * @throws SQLException where it cannot be asked
     */
    ServerCpu(TestDatabase database) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_backend_pid()")) {
            row.next();
            this.postmaster = ProcessHandle.of(row.getLong(1))
                    .flatMap(ProcessHandle::parent)
                    .orElseThrow(() -> new IllegalStateException("The server is not on this machine"));
        }
        take();
    }

    /** What was spent since the last call; what processes spent that have ended since is not known. */
    Spent take() {
        Map<Long, Duration> now = new HashMap<>();
        Duration spent = Duration.ZERO;
        for (ProcessHandle process : postmaster.children().toList()) {
            Duration all = cpu(process);
            now.put(process.pid(), all);
            spent = spent.plus(all.minus(server.getOrDefault(process.pid(), Duration.ZERO)));
        }
        server = now;
        Duration own = cpu(ProcessHandle.current());
        Spent taken = new Spent(spent, own.minus(self));
        self = own;
        return taken;
    }

    private static Duration cpu(ProcessHandle process) {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /**
     * Processor time.
     *
     * @param server the server's
     * @param self that of this process
     */
    record Spent(Duration server, Duration self) {

        Spent plus(Spent other) {
            return new Spent(server.plus(other.server), self.plus(other.self));
        }

        /** Microseconds of the server for each of so many events. */
        double serverMicros(long events) {
            return server.toNanos() / 1e3 / events;
        }

        /** Microseconds of this process for each of so many events. */
        double selfMicros(long events) {
            return self.toNanos() / 1e3 / events;
        }
    }
}
