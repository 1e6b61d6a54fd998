package io.llmdb.testkit;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;

/** A running PostgreSQL server and how it is reached. */
interface Backend extends AutoCloseable {

    String host();

    int port();

    /** A role that may create databases. */
    Login admin();

    /** The role that owns test databases and that the code under test uses; no superuser where the server is ours. */
    Login user();

    /** The database from which others are created. */
    String maintenanceDatabase();

    /** What follows the database's name in the URL: empty, or a question mark and parameters. */
    String urlParameters();

    /** The server's log, where it is a file of ours. */
    @Nullable
    Path log();

    /** Whether the server goes away with this JVM, databases and all. */
    boolean isOurs();

    /** Starts and stops the server, where this JVM may. */
    ServerControl control();

    @Override
    void close();

    default String url(String host, int port, String database) {
        return "jdbc:postgresql://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port + "/" + database
                + urlParameters();
    }

    default Connection connect(Login login, String database, String applicationName) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", login.name());
        properties.setProperty("password", login.password());
        properties.setProperty("ApplicationName", applicationName);
        Connection connection = new Driver().connect(url(host(), port(), database), properties);
        if (connection == null) {
            throw new SQLException("The PostgreSQL driver refuses the URL " + url(host(), port(), database));
        }
        return connection;
    }

    /**
     * A role and its password.
     *
     * @param name the role
     * @param password its password, empty where it needs none
     */
    record Login(String name, String password) {

        @Override
        public String toString() {
            return name;
        }
    }
}
