package io.llmdb.testkit;

import java.nio.file.Path;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;

/** A server that somebody else runs, given by its URL; its role must be allowed to create databases. */
final class UrlBackend implements Backend {

    private final String host;
    private final int port;
    private final String database;
    private final Login login;
    private final String parameters;

    private UrlBackend(String host, int port, String database, Login login, String parameters) {
        this.host = host;
        this.port = port;
        this.database = database;
        this.login = login;
        this.parameters = parameters;
    }

    static UrlBackend of(String url) {
        Properties parsed = Driver.parseURL(url, null);
        if (parsed == null || parsed.getProperty("PGHOST", "").contains(",")) {
            throw new TestkitException(TestSettings.POSTGRES + " is no URL of one server: use"
                    + " jdbc:postgresql://host:port/database?user=...&password=...");
        }
        String user = parsed.getProperty("user");
        if (user == null) {
            throw new TestkitException(TestSettings.POSTGRES
                    + " names no role: add ?user=...&password=... of a role that may create databases");
        }
        StringBuilder rest = new StringBuilder();
        int question = url.indexOf('?');
        if (question >= 0) {
            for (String parameter : url.substring(question + 1).split("&", -1)) {
                if (!parameter.startsWith("user=") && !parameter.startsWith("password=") && !parameter.isEmpty()) {
                    rest.append(rest.isEmpty() ? '?' : '&').append(parameter);
                }
            }
        }
        return new UrlBackend(
                parsed.getProperty("PGHOST", "localhost"),
                Integer.parseInt(parsed.getProperty("PGPORT", "5432")),
                parsed.getProperty("PGDBNAME", user),
                new Login(user, parsed.getProperty("password", "")),
                rest.toString());
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public Login admin() {
        return login;
    }

    @Override
    public Login user() {
        return login;
    }

    @Override
    public String maintenanceDatabase() {
        return database;
    }

    @Override
    public String urlParameters() {
        return parameters;
    }

    @Override
    public @Nullable Path log() {
        return null;
    }

    @Override
    public boolean isOurs() {
        return false;
    }

    @Override
    public ServerControl control() {
        return ServerControl.unsupported("given by URL");
    }

    @Override
    public void close() {
        // Somebody else's.
    }

    @Override
    public String toString() {
        return "PostgreSQL at " + host + ":" + port;
    }
}
