package io.llmdb.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/**
 * The time that the library's SQL sees on one test database: replaces the function {@code llmdb_now()} of its schema.
 * Everybody who uses that schema sees the change with the next statement; the server's own clock stays as it is. Safe
 * for use by several threads.
 */
public final class DatabaseClock {

    private static final String REPLACE =
            "CREATE OR REPLACE FUNCTION ${llmdb}.llmdb_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$SELECT %s$$";

    private final TestDatabase database;

    DatabaseClock(TestDatabase database) {
        this.database = database;
    }

    /** @return the time that the library's SQL sees now */
    public Instant now() {
        return database.value(OffsetDateTime.class, "SELECT ${llmdb}.llmdb_now()")
                .toInstant();
    }

    /**
     * Moves the clock on from where it is; a frozen one stays frozen.
     *
     * @param time how far; negative moves it back
     */
    public synchronized void advance(Duration time) {
        String body = database.value(String.class, """
                SELECT p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = ? AND p.proname = 'llmdb_now'
                """, database.schema());
        replace(body.strip().substring("SELECT ".length()) + " + " + interval(time));
    }

    /**
     * Sets the clock; it goes on from there.
     *
     * @param instant what it shows now
     */
    public synchronized void set(Instant instant) {
        OffsetDateTime real = database.value(OffsetDateTime.class, "SELECT clock_timestamp()");
        replace("clock_timestamp() + " + interval(Duration.between(real.toInstant(), instant)));
    }

    /**
     * Sets the clock and stops it.
     *
     * @param instant what it shows from now on
     */
    public synchronized void freeze(Instant instant) {
        replace("timestamptz '" + instant.atOffset(ZoneOffset.UTC) + "'");
    }

    /** Shows the server's own time again. */
    public synchronized void reset() {
        replace("clock_timestamp()");
    }

    private void replace(String expression) {
        database.execute(REPLACE.formatted(expression));
    }

    /** In two fields, because PostgreSQL 14 reads no field above 2,147,483,647. */
    private static String interval(Duration time) {
        return "interval '" + time.getSeconds() + " seconds " + time.getNano() / 1000 + " microseconds'";
    }
}
