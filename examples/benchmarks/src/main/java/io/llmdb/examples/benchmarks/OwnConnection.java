package io.llmdb.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * A pool that keeps one connection for the thread that claims it, and has others for all other threads. So a floor can
 * use the very connection that the library uses, which a round trip's time depends on by half: whether the server's
 * process sits on the client's core or on another one.
 */
final class OwnConnection extends DelegatingDataSource implements AutoCloseable {

    private final HikariDataSource own;
    private final HikariDataSource others;
    private volatile @Nullable Thread owner;

    private OwnConnection(HikariDataSource own, HikariDataSource others) {
        super(others);
        this.own = own;
        this.others = others;
    }

    static OwnConnection open(String url, String user, String password) {
        return new OwnConnection(pool(url, user, password, 1), pool(url, user, password, 4));
    }

    private static HikariDataSource pool(String url, String user, String password, int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(user);
        config.setPassword(password);
        config.setMaximumPoolSize(size);
        return new HikariDataSource(config);
    }

    /** From here on the calling thread has one connection, and nobody else has it. */
    void claim() {
        owner = Thread.currentThread();
    }

    @Override
    public Connection getConnection() throws SQLException {
        return Thread.currentThread() == owner ? own.getConnection() : super.getConnection();
    }

    /** The owner's connection without its pool: for use while nothing else uses it. */
    Connection withoutPool() throws SQLException {
        try (Connection connection = own.getConnection()) {
            return (Connection) connection.unwrap(PGConnection.class);
        }
    }

    @Override
    public void close() {
        own.close();
        others.close();
    }
}
