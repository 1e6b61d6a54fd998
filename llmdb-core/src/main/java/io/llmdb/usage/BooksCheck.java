package io.llmdb.usage;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.LongStatements;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.function.Consumer;

/**
 * Checks that the books agree: counter = log rows + adjustments = daily totals, for every scope and window, to the last
 * digit.
 *
 * <p>Works on a live database: everything is read in one snapshot, nobody waits. One pass over the log for each table
 * of daily totals; the counters are then compared with the daily totals, which stand for the log where they agree with
 * it.
 *
 * <ul>
 *   <li>{@code total_spend} of a counter is the sum of all log rows of its key, user, team and so on, plus its rows in
 *       {@code "LLM_SpendAdjustment"}; {@code spend} the same since {@code spend_window_start}.
 *   <li>A row of daily totals is the sum of its day's log rows, in spend, requests and tokens.
 *   <li>Where log rows were dropped, or never kept ({@code disable_spend_logs}), the daily totals are believed.
 *   <li>Log rows of keys, users and teams that are gone are no difference.
 * </ul>
 *
 * <p>Safe for use by several threads.
 */
public final class BooksCheck {

    private final Db db;
    private final Sql sql;
    private final AuditTrail audit;

    /**
     * @param db the books
     * @param audit records what a repair changes
     */
    public BooksCheck(Db db, AuditTrail audit) {
        this.db = db;
        this.sql = db.sql();
        this.audit = audit;
    }

    /**
     * Checks everything.
     *
     * @return what was found
     * @throws InvalidArgumentException within a transaction of the caller that is not at REPEATABLE READ
     */
    public Verification verify() {
        return verify(progress -> {});
    }

    /**
     * Checks everything and tells how far it has come.
     *
     * @param progress is told after each step, on this thread
     * @return what was found
     * @throws InvalidArgumentException within a transaction of the caller that is not at REPEATABLE READ
     */
    public Verification verify(Consumer<VerificationProgress> progress) {
        return verify(LocalDate.MIN, progress);
    }

    /**
     * Checks without the log of days that were checked before: their daily totals are believed, and everything else is
     * compared as ever. Reading the log is nearly all that a check costs, so a check of yesterday and today costs
     * little however long the log is.
     *
     * @param logFrom the first UTC day whose log rows are read
     * @param progress is told after each step, on this thread
     * @return what was found
     * @throws InvalidArgumentException within a transaction of the caller that is not at REPEATABLE READ
     */
    public Verification verify(LocalDate logFrom, Consumer<VerificationProgress> progress) {
        long started = System.nanoTime();
        return pass(logFrom, progress).verification(started);
    }

    /**
     * Checks everything and sets what is wrong: counters to what their log rows and adjustments add up to, rows of
     * daily totals to what the log rows of their day add up to. Where the log itself is wrong, nothing is changed.
     *
     * <p>The check disturbs nobody. Then, in one transaction, the wrong counters are locked in the order in which
     * everybody locks them, so that writers wait; the sums are made again and set. Each counter that is set leaves a
     * row in {@code "LLM_SpendAdjustment"} of amount 0 whose reason says what it was and what it is, and a row in the
     * audit log where that is kept.
     *
     * @param actor who asks for it
     * @return what was found, what was set and what was not
     * @throws InvalidArgumentException within a transaction of the caller
     */
    public Repair repair(Actor actor) {
        return repair(actor, progress -> {});
    }

    /**
     * The same, telling how far the check has come.
     *
     * @param actor who asks for it
     * @param progress is told after each step of the check, on this thread
     * @return what was found, what was set and what was not
     * @throws InvalidArgumentException within a transaction of the caller
     */
    public Repair repair(Actor actor, Consumer<VerificationProgress> progress) {
        if (db.isJoined()) {
            throw new InvalidArgumentException(
                    "The books cannot be repaired within a transaction: its snapshot would be older than the locks");
        }
        long started = System.nanoTime();
        Findings findings = pass(LocalDate.MIN, progress);
        Verification verification = findings.verification(started);
        if (verification.agrees()) {
            return new Repair(verification, List.of(), List.of());
        }
        return db.transaction(tx -> LongStatements.run(
                tx, patient -> new BooksRepair(patient, sql, audit, actor, findings).run(verification)));
    }

    private Findings pass(LocalDate logFrom, Consumer<VerificationProgress> progress) {
        return db.transaction(tx -> LongStatements.run(tx, patient -> {
            Instant at = openSnapshot(patient.connection());
            return new BooksPass(patient.connection(), sql, at, logFrom, progress).run();
        }));
    }

    private Instant openSnapshot(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            if (db.isJoined()) {
                try (ResultSet rows = statement.executeQuery("SHOW transaction_isolation")) {
                    rows.next();
                    if (!rows.getString(1).equals("repeatable read")
                            && !rows.getString(1).equals("serializable")) {
                        throw new InvalidArgumentException("The transaction is at " + rows.getString(1)
                                + ": open it at REPEATABLE READ, so that all of the books are read as of one moment");
                    }
                }
            } else {
                statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
            }
            BooksPass.prepare(statement);
            try (ResultSet rows = statement.executeQuery(sql.of("SELECT ${llmdb}.llmdb_now()"))) {
                rows.next();
                return rows.getObject(1, OffsetDateTime.class).toInstant();
            }
        }
    }
}
