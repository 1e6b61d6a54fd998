package io.llmdb.internal;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * The database's clock, told without asking it: the answer of the last question plus what this machine's monotonic
 * clock counted since. A machine whose own time of day is an hour off changes nothing.
 *
 * <p>Safe for use by several threads.
 */
public final class DbClock extends Clock {

    private final String question;
    private volatile Reading reading = new Reading(Instant.now(), System.nanoTime());

    /** @param sql fills the schema's name in */
    public DbClock(Sql sql) {
        this.question = sql.of("SELECT ${llmdb}.llmdb_now()");
    }

    /**
     * Asks the database.
     *
     * @param connection an idle connection or one in a transaction
     * @return the database's time
     * @throws SQLException where it does not answer
     */
    public Instant synchronize(Connection connection) throws SQLException {
        long before = System.nanoTime();
        try (PreparedStatement statement = connection.prepareStatement(question);
                ResultSet rows = statement.executeQuery()) {
            rows.next();
            Instant answer = rows.getObject(1, OffsetDateTime.class).toInstant();
            observe(answer, before, System.nanoTime());
            return answer;
        }
    }

    /**
     * Notes an answer that came with something else.
     *
     * @param answer what the database's clock said
     * @param before {@link System#nanoTime()} when the question left
     * @param after {@link System#nanoTime()} when the answer came
     */
    public void observe(Instant answer, long before, long after) {
        reading = new Reading(answer, before + (after - before) / 2);
    }

    @Override
    public Instant instant() {
        Reading last = reading;
        return last.instant.plusNanos(System.nanoTime() - last.nanoTime);
    }

    /** @return how long ago the database was last asked */
    public Duration sinceSynchronized() {
        return Duration.ofNanos(System.nanoTime() - reading.nanoTime);
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        return Clock.fixed(instant(), zone);
    }

    private record Reading(Instant instant, long nanoTime) {}
}
