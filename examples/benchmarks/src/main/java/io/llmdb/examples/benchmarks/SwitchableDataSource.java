package io.llmdb.examples.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import javax.sql.DataSource;

/** A data source that can be made to say that the database is away. */
final class SwitchableDataSource extends DelegatingDataSource {

    private volatile boolean away;

    SwitchableDataSource(DataSource target) {
        super(target);
    }

    void away(boolean value) {
        away = value;
    }

    @Override
    public Connection getConnection() throws SQLException {
        if (away) {
            throw new SQLTransientConnectionException("The database is away");
        }
        return super.getConnection();
    }
}
