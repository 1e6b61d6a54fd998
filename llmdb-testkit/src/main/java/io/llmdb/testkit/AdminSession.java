package io.llmdb.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One kept connection of the administrator; opened again after it broke. Its users wait for each other. */
final class AdminSession implements AutoCloseable {

    private final Backend backend;
    private final String applicationName;
    private @Nullable Connection connection;

    AdminSession(Backend backend, String applicationName) {
        this.backend = backend;
        this.applicationName = applicationName;
    }

    synchronized void execute(String sql) throws SQLException {
        try (Statement statement = open().createStatement()) {
            statement.execute(sql);
        }
    }

    /** The first column of what the query returns. */
    synchronized List<String> query(String sql) throws SQLException {
        try (Statement statement = open().createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<String> values = new ArrayList<>();
            while (rows.next()) {
                values.add(rows.getString(1));
            }
            return values;
        }
    }

    private Connection open() throws SQLException {
        Connection kept = connection;
        if (kept != null && isUsable(kept)) {
            return kept;
        }
        close();
        Connection fresh = backend.connect(backend.admin(), backend.maintenanceDatabase(), applicationName);
        connection = fresh;
        return fresh;
    }

    private static boolean isUsable(Connection connection) throws SQLException {
        return !connection.isClosed() && connection.isValid(10);
    }

    @Override
    public synchronized void close() {
        if (connection != null) {
            try {
                connection.close();
            } catch (SQLException e) {
                // It was broken.
            }
            connection = null;
        }
    }
}
