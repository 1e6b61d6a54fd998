package io.llmdb.testkit;

import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The testkit's settings: system properties, or environment variables of the same names in capitals with underscores.
 *
 * @param postgres {@code embedded}, {@code testcontainers}, or the JDBC URL of a server
 * @param image the container's image
 * @param durable whether the server syncs each commit to disk
 * @param directory where embedded servers keep their data
 * @param pooled whether test databases are reached through PgBouncer
 * @param pgBouncer the program; empty: where programs are
 */
record TestSettings(String postgres, String image, boolean durable, Path directory, boolean pooled, String pgBouncer) {

    static final String POSTGRES = "llmdb.test.postgres";
    static final String IMAGE = "llmdb.test.postgres.image";
    static final String DURABLE = "llmdb.test.durable";
    static final String DIRECTORY = "llmdb.test.directory";
    static final String POOLER = "llmdb.test.pooler";
    static final String PGBOUNCER = "llmdb.test.pgbouncer";

    static final String EMBEDDED = "embedded";
    static final String TESTCONTAINERS = "testcontainers";
    static final String DEFAULT_IMAGE = "postgres:17";

    static TestSettings load() {
        return load(System::getProperty, System::getenv);
    }

    static TestSettings load(
            Function<String, @Nullable String> properties, Function<String, @Nullable String> environment) {
        Function<String, @Nullable String> lookup = name -> {
            String value = properties.apply(name);
            return value != null
                    ? value
                    : environment.apply(name.replace('.', '_').toUpperCase(Locale.ROOT));
        };
        String postgres = or(lookup.apply(POSTGRES), EMBEDDED);
        if (!postgres.equals(EMBEDDED)
                && !postgres.equals(TESTCONTAINERS)
                && !postgres.startsWith("jdbc:postgresql:")) {
            throw new TestkitException(POSTGRES + " \"" + postgres + "\": use " + EMBEDDED + ", " + TESTCONTAINERS
                    + " or the URL of a server, jdbc:postgresql://host:port/database?user=...&password=...");
        }
        String durable = or(lookup.apply(DURABLE), "false");
        if (!durable.equals("true") && !durable.equals("false")) {
            throw new TestkitException(DURABLE + " \"" + durable + "\": use true or false");
        }
        String temporary = or(properties.apply("java.io.tmpdir"), "/tmp");
        String user = or(properties.apply("user.name"), "anybody").replaceAll("[^A-Za-z0-9_-]", "_");
        Path directory = Path.of(or(lookup.apply(DIRECTORY), temporary + "/llmdb-testkit-" + user));
        String pooler = or(lookup.apply(POOLER), "none");
        if (!pooler.equals("none") && !pooler.equals("pgbouncer")) {
            throw new TestkitException(POOLER + " \"" + pooler + "\": use none or pgbouncer");
        }
        return new TestSettings(
                postgres,
                or(lookup.apply(IMAGE), DEFAULT_IMAGE),
                durable.equals("true"),
                directory.toAbsolutePath(),
                pooler.equals("pgbouncer"),
                or(lookup.apply(PGBOUNCER), ""));
    }

    private static String or(@Nullable String value, String otherwise) {
        return value == null || value.isBlank() ? otherwise : value.strip();
    }
}
