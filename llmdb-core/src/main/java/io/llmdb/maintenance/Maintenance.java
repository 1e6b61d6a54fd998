package io.llmdb.maintenance;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Job;
import io.llmdb.internal.JobRunner;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * The work in the background that keeps the logs in shape, and the same by hand.
 *
 * <p>Every instance looks for what is due; one does it ({@code "LLM_Job"}). All of it goes on beside writers and
 * readers. Safe for use by several threads.
 */
public final class Maintenance {

    /** Makes the logs' partitions before they are needed, and gives stray rows one of their own. */
    public static final String PARTITIONS_JOB = "log partitions";

    /** Drops what is too old. */
    public static final String RETENTION_JOB = "log retention";

    /** Indexes days that are over for reading, and of those that are not what has come in since. */
    public static final String SETTLING_JOB = "log settling";

    /** Sums up what reports read. */
    public static final String SUMMING_JOB = "report sums";

    private static final Duration SUMMING_PAUSE = Duration.ofMinutes(5);

    private static final Duration PARTITIONS_PAUSE = Duration.ofHours(1);

    private static final Duration SETTLING_PAUSE = Duration.ofMinutes(1);

    private static final String JOBS = """
            SELECT job_name, next_run_at, last_run_at, last_error, CASE WHEN claimed_until > ${llmdb}.llmdb_now() THEN claimed_by END,
                CASE WHEN claimed_until > ${llmdb}.llmdb_now() THEN claimed_until END
            FROM ${llmdb}."LLM_Job" ORDER BY job_name""";

    private final Db db;
    private final JobRunner runner;
    private final LogDdl ddl;
    private final PartitionsAhead partitions;
    private final Retention retention;
    private final DaySettler settler;
    private final Sums sums;

    /**
     * Adds the jobs to those that run in the background.
     *
     * @param db the database
     * @param runner runs them
     * @param policy how long what is kept
     */
    public Maintenance(Db db, JobRunner runner, RetentionPolicy policy) {
        this.db = db;
        this.runner = runner;
        this.ddl = new LogDdl(db);
        this.partitions = new PartitionsAhead(db, ddl);
        this.sums = new Sums(db, ddl);
        this.retention = new Retention(db, ddl, sums, policy);
        this.settler = new DaySettler(db, ddl);
        runner.add(Job.every(PARTITIONS_JOB, PARTITIONS_PAUSE, run -> partitions.run(run::mayGoOn)));
        runner.add(Job.every(RETENTION_JOB, policy.interval(), run -> {
            RetentionReport report = retention.run(false, step -> {}, run::mayGoOn);
            if (!report.failures().isEmpty()) {
                throw new DatabaseFailureException(
                        "retention left to the next run: " + report.failures().get(0));
            }
        }));
        runner.add(Job.every(SUMMING_JOB, SUMMING_PAUSE, run -> sums.run(run::mayGoOn)));
        runner.add(Job.every(SETTLING_JOB, SETTLING_PAUSE, run -> settler.run(run::mayGoOn)));
    }

    /** @return all jobs of this database that ever ran, whichever instance runs them, by name */
    public List<JobState> jobs() {
        String query = db.sql().of(JOBS);
        return db.single(tx -> {
            List<JobState> jobs = new ArrayList<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(query);
                    ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    jobs.add(new JobState(
                            rows.getString(1),
                            LogDdl.instant(rows, 2),
                            LogDdl.instant(rows, 3),
                            rows.getString(4),
                            rows.getObject(5, UUID.class),
                            LogDdl.instant(rows, 6)));
                }
            }
            return jobs;
        });
    }

    /**
     * Runs a job now on this thread, whether or not it is due.
     *
     * @param name one of the names in this class, or of {@link #jobs()}
     * @return false where an instance is running it already
     * @throws InvalidArgumentException where there is no such job
     */
    public boolean run(String name) {
        return runner.runNow(name);
    }

    /** @return the partitions of all logs, log by log, the oldest first and the default one last */
    public List<LogPartition> partitions() {
        List<LogPartition> all = new ArrayList<>();
        for (LogTable table : LogTable.values()) {
            ddl.partitions(table).forEach(found -> all.add(found.partition()));
        }
        return all;
    }

    /**
     * Makes the partitions of today and the coming days, and gives stray rows one of their own.
     *
     * @return how many partitions were made
     */
    public int makePartitions() {
        return partitions.run(() -> !Thread.currentThread().isInterrupted());
    }

    /**
     * Indexes all days of the spend log that are over and are not indexed for reading yet, and of the others what has
     * come in since.
     *
     * @return how many there were
     */
    public int settle() {
        return settler.run(() -> !Thread.currentThread().isInterrupted());
    }

    /**
     * Sums up what reports read, of all days, hours and quarters of an hour that are over and are not summed up yet.
     * Reports are right without it, and slow.
     *
     * @return how many days, hours and quarters of an hour there were
     */
    public int sumUp() {
        return sums.run(() -> !Thread.currentThread().isInterrupted());
    }

    /**
     * Drops what is too old by the settings, or says what would be dropped.
     *
     * @param dryRun true to change nothing
     * @return what was done, or would be
     */
    public RetentionReport applyRetention(boolean dryRun) {
        return applyRetention(dryRun, step -> {});
    }

    /**
     * Drops what is too old by the settings, or says what would be dropped, and tells how far it has come.
     *
     * @param dryRun true to change nothing
     * @param progress is told of each step, on this thread
     * @return what was done, or would be
     */
    public RetentionReport applyRetention(boolean dryRun, Consumer<RetentionStep> progress) {
        return retention.run(dryRun, progress, () -> !Thread.currentThread().isInterrupted());
    }

    /**
     * Drops what is too old by a policy of the caller's, or says what would be dropped.
     *
     * @param policy how long what is kept
     * @param dryRun true to change nothing
     * @param progress is told of each step, on this thread
     * @return what was done, or would be
     */
    public RetentionReport applyRetention(RetentionPolicy policy, boolean dryRun, Consumer<RetentionStep> progress) {
        return new Retention(db, ddl, sums, policy)
                .run(dryRun, progress, () -> !Thread.currentThread().isInterrupted());
    }
}
