package io.llmdb.internal;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * The database's clock, told without asking it: an answer plus what this machine's monotonic clock counted since. A
 * machine whose own time of day is an hour off changes nothing.
 *
 * <p>It is never ahead: a question may wait for a connection or a lock for seconds before the database looks at its
 * clock, and whoever took the middle of that time would book what is spent now in a window that has not begun. It is
 * behind by at most what the fastest answer took to come. What the two clocks drift apart shows as soon as it is more
 * than an answer takes.
 *
 * <p>Safe for use by several threads.
 */
public final class DbClock extends Clock {

    private final String question;
    private final Object observing = new Object();
    private volatile Reading reading = new Reading(Instant.now(), System.nanoTime());
    private boolean asked;

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
        synchronized (observing) {
            Reading last = reading;
            boolean contradicts =
                    last.at(after).isBefore(answer) || last.at(before).isAfter(answer);
            if (!asked || contradicts) {
                reading = new Reading(answer, after);
                asked = true;
            }
        }
    }

    @Override
    public Instant instant() {
        return reading.at(System.nanoTime());
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        return Clock.fixed(instant(), zone);
    }

    private record Reading(Instant instant, long nanoTime) {

        Instant at(long otherNanoTime) {
            return instant.plusNanos(otherNanoTime - nanoTime);
        }
    }
}
