package io.llmdb.internal;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs {@linkplain Job jobs} that one instance does for all. A job's row in {@code "LLM_Job"} says when it is due; the
 * instance that comes first claims it until a time by the database's clock and puts that time off while it works. No
 * session holds a lock, so a pooler may stand between, and the claim of a killed instance lapses by itself.
 *
 * <p>A job that fails is logged, keeps its error in its row and is tried again within a minute; the others go on. At
 * most two jobs run at once in an instance, so that they never take the whole pool. Safe for use by several threads.
 */
public final class JobRunner implements AutoCloseable {

    /** How often an instance looks for what is due, where nothing else is said. */
    public static final Duration DEFAULT_POLL = Duration.ofSeconds(5);

    /** How long a claim outlives its holder, where nothing else is said. */
    public static final Duration DEFAULT_CLAIM = Duration.ofMinutes(1);

    private static final Duration RETRY = Duration.ofMinutes(1);

    private static final int MOST_AT_ONCE = 2;

    private static final int LONGEST_ERROR = 2_000;

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

    private static final String REGISTER = """
            INSERT INTO ${llmdb}."LLM_Job" (job_name) SELECT unnest(?::text[]) ON CONFLICT DO NOTHING""";

    /**
     * One instant for all of a statement: a test that replaces {@code llmdb_now()} while the statement is being planned
     * would give it two, and a claim that has lapsed when it is made.
     */
    private static final String AT = "WITH at AS MATERIALIZED (SELECT ${llmdb}.llmdb_now() AS now)\n";

    /**
     * A job whose pause was made shorter is due by the new pause. The row that another instance is just claiming is
     * skipped.
     */
    private static final String CLAIM = AT + """
            UPDATE ${llmdb}."LLM_Job" j SET claimed_by = ?, claimed_until = (SELECT now FROM at) + ? * interval '1 millisecond'
            WHERE j.job_name = (
                SELECT c.job_name FROM ${llmdb}."LLM_Job" c
                JOIN unnest(?::text[], ?::bigint[]) d (job_name, pause) ON d.job_name = c.job_name
                WHERE (? OR least(c.next_run_at, c.last_run_at + d.pause * interval '1 millisecond') <= (SELECT now FROM at))
                  AND (c.claimed_until IS NULL OR c.claimed_until <= (SELECT now FROM at))
                ORDER BY c.next_run_at, c.job_name
                LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
            RETURNING j.job_name""";

    private static final String KEEP = AT + """
            UPDATE ${llmdb}."LLM_Job" SET claimed_until = (SELECT now FROM at) + ? * interval '1 millisecond'
            WHERE job_name = ANY (?) AND claimed_by = ? AND claimed_until > (SELECT now FROM at)
            RETURNING job_name""";

    private static final String FINISH = AT + """
            UPDATE ${llmdb}."LLM_Job"
            SET next_run_at = at.now + ? * interval '1 millisecond', last_run_at = at.now, last_error = ?,
                claimed_by = NULL, claimed_until = NULL
            FROM at
            WHERE job_name = ? AND claimed_by = ?""";

    private static final Logger LOG = LoggerFactory.getLogger(JobRunner.class);

    private final Db db;
    private final Duration poll;
    private final Duration claim;
    private final UUID holder = UUID.randomUUID();
    private final String register;
    private final String claimDue;
    private final String keep;
    private final String finish;
    private final Map<String, Job> jobs = new ConcurrentSkipListMap<>();
    private final Map<String, Counts> counts = new ConcurrentSkipListMap<>();
    private final Map<String, JobRun> running = new ConcurrentHashMap<>();
    private final Semaphore places = new Semaphore(MOST_AT_ONCE);
    private final ExecutorService workers;
    private final ReentrantLock state = new ReentrantLock();
    private final Condition wake = state.newCondition();
    // Guarded by "state".
    private boolean woken;
    private volatile boolean closed;
    // Touched by the poller alone.
    private int registered;
    private boolean lastFailed;
    private @Nullable Thread poller;

    /**
     * @param db the database
     * @param poll how often to look for what is due; also how long after {@link #start} the first look is, so that
     *     instances that start at once, or live for a moment only, do not begin with work
     * @param claim how long a claim outlives its holder
     */
    public JobRunner(Db db, Duration poll, Duration claim) {
        this.db = db;
        this.poll = poll;
        this.claim = claim;
        this.register = db.sql().of(REGISTER);
        this.claimDue = db.sql().of(CLAIM);
        this.keep = db.sql().of(KEEP);
        this.finish = db.sql().of(FINISH);
        AtomicInteger number = new AtomicInteger();
        this.workers = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "llmdb-job-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Adds a job. It runs when it is next due, at once where it never ran.
     *
     * @param job the job
     * @throws IllegalArgumentException where there is one of this name
     */
    public void add(Job job) {
        if (jobs.putIfAbsent(job.name(), job) != null) {
            throw new IllegalArgumentException("two jobs named " + job.name());
        }
        counts.put(job.name(), new Counts());
    }

    /** Begins to look for what is due. */
    public void start() {
        start(true);
    }

    /** Looks for nothing that is due, but keeps the claims of what {@link #runNow} runs. */
    public void startOnRequestOnly() {
        start(false);
    }

    private void start(boolean looksForDue) {
        Thread started = new Thread(() -> pollUntilClosed(looksForDue), "llmdb-jobs");
        started.setDaemon(true);
        poller = started;
        started.start();
    }

    /** Looks for what is due now rather than at the next poll. */
    public void wake() {
        state.lock();
        try {
            woken = true;
            wake.signalAll();
        } finally {
            state.unlock();
        }
    }

    /**
     * Runs a job on the caller's thread now, whether or not it is due.
     *
     * @param name the job's name
     * @return false where an instance is running it already
     * @throws InvalidArgumentException where there is no such job
     * @throws LlmDbException what the job's work throws, translated
     */
    public boolean runNow(String name) {
        Job job = jobs.get(name);
        if (job == null) {
            throw new InvalidArgumentException("there is no job \"" + name + "\"; there are " + jobs.keySet());
        }
        if (closed || claim(List.of(job), true).isEmpty()) {
            return false;
        }
        Exception failure = run(job, begin(job));
        if (failure instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (failure != null) {
            throw DbErrors.translate(failure);
        }
        return true;
    }

    /** @return what this instance did of each job, by name */
    public List<JobMetrics> metrics() {
        List<JobMetrics> metrics = new ArrayList<>();
        counts.forEach((name, count) -> metrics.add(new JobMetrics(
                name, count.runs.sum(), count.failures.sum(), count.lost.sum(), running.containsKey(name))));
        return metrics;
    }

    /** Tells running jobs to stop, waits a while for them, and interrupts what has not. */
    @Override
    public void close() {
        closed = true;
        wake();
        running.values().forEach(JobRun::end);
        workers.shutdown();
        try {
            if (!workers.awaitTermination(CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                workers.shutdownNow();
                LOG.warn("Jobs {} did not end; their claims lapse", running.keySet());
            }
            Thread thread = poller;
            if (thread != null) {
                thread.join(CLOSE_TIMEOUT.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            workers.shutdownNow();
        }
    }

    private void pollUntilClosed(boolean looksForDue) {
        Duration tick = poll.compareTo(claim.dividedBy(3)) < 0 ? poll : claim.dividedBy(3);
        // Nobody knows which of several instances started first.
        sleep(Duration.ofMillis(ThreadLocalRandom.current().nextLong(poll.toMillis() + 1)));
        while (!closed) {
            sleep(tick);
            try {
                if (looksForDue) {
                    registerNew();
                }
                keepClaims();
                if (looksForDue) {
                    startDue();
                }
                if (lastFailed) {
                    lastFailed = false;
                    LOG.info("Jobs go on");
                }
            } catch (RuntimeException e) {
                if (!lastFailed && !closed) {
                    lastFailed = true;
                    LOG.warn("Jobs wait: {}", e.getMessage());
                }
            }
        }
    }

    private void sleep(Duration time) {
        state.lock();
        try {
            for (long left = time.toNanos(); left > 0 && !closed && !woken; ) {
                left = wake.awaitNanos(left);
            }
            woken = false;
        } catch (InterruptedException e) {
            closed = true;
        } finally {
            state.unlock();
        }
    }

    private void registerNew() {
        List<String> names = List.copyOf(jobs.keySet());
        if (names.size() > registered) {
            register(names);
            registered = names.size();
        }
    }

    private void register(List<String> names) {
        db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(register)) {
                statement.setArray(1, tx.connection().createArrayOf("text", names.toArray()));
                return statement.executeUpdate();
            }
        });
    }

    /** A run whose claim is lost is told to stop: another instance may be at it. */
    private void keepClaims() {
        List<String> names = List.copyOf(running.keySet());
        if (names.isEmpty()) {
            return;
        }
        List<String> kept = db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(keep)) {
                statement.setLong(1, claim.toMillis());
                statement.setArray(2, tx.connection().createArrayOf("text", names.toArray()));
                statement.setObject(3, holder);
                return names(statement);
            }
        });
        for (String name : names) {
            JobRun run = running.get(name);
            if (run != null && !kept.contains(name) && run.mayGoOn()) {
                counts(name).lost.increment();
                run.end();
                LOG.warn("Job {} lost its claim and stops after its present step", name);
            }
        }
    }

    private void startDue() {
        while (!closed && places.tryAcquire()) {
            boolean handed = false;
            try {
                List<Job> idle = jobs.values().stream()
                        .filter(job -> !running.containsKey(job.name()))
                        .toList();
                Optional<Job> due = idle.isEmpty() ? Optional.empty() : claim(idle, false);
                if (due.isEmpty()) {
                    return;
                }
                Job job = due.get();
                JobRun run = begin(job);
                workers.execute(() -> {
                    try {
                        run(job, run);
                    } finally {
                        places.release();
                    }
                });
                handed = true;
            } finally {
                if (!handed) {
                    places.release();
                }
            }
        }
    }

    private Optional<Job> claim(List<Job> candidates, boolean whetherDueOrNot) {
        if (whetherDueOrNot) {
            register(candidates.stream().map(Job::name).toList());
        }
        return db.single(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(claimDue)) {
                statement.setObject(1, holder);
                statement.setLong(2, claim.toMillis());
                Object[] names = candidates.stream().map(Job::name).toArray();
                Object[] pauses = candidates.stream()
                        .map(job -> job.longestPause().toMillis())
                        .toArray();
                statement.setArray(3, tx.connection().createArrayOf("text", names));
                statement.setArray(4, tx.connection().createArrayOf("bigint", pauses));
                statement.setBoolean(5, whetherDueOrNot);
                return names(statement).stream().map(jobs::get).findFirst();
            }
        });
    }

    private JobRun begin(Job job) {
        JobRun run = new JobRun();
        running.put(job.name(), run);
        if (closed) {
            run.end();
        }
        return run;
    }

    /** Returns what went wrong, or null. */
    private @Nullable Exception run(Job job, JobRun run) {
        Exception failure = null;
        long started = System.nanoTime();
        try {
            job.work().run(run);
            counts(job.name()).runs.increment();
            LOG.debug("Job {} took {}", job.name(), Duration.ofNanos(System.nanoTime() - started));
        } catch (Exception e) {
            failure = e;
            if (DbErrors.isMoved(e)) {
                LOG.debug("Job {} ended because the database has moved", job.name());
            } else {
                counts(job.name()).failures.increment();
                LOG.error("Job {} failed and is tried again", job.name(), e);
            }
        } finally {
            running.remove(job.name());
        }
        finish(job, run, failure);
        return failure;
    }

    private void finish(Job job, JobRun run, @Nullable Exception failure) {
        // What was stopped before its end goes on elsewhere.
        Duration pause = run.isEnded() ? Duration.ZERO : pause(job);
        if (failure != null && pause.compareTo(RETRY) > 0) {
            pause = RETRY;
        }
        long milliseconds = pause.toMillis();
        try {
            db.single(tx -> {
                try (PreparedStatement statement = tx.connection().prepareStatement(finish)) {
                    statement.setLong(1, milliseconds);
                    statement.setString(2, failure == null ? null : message(failure));
                    statement.setString(3, job.name());
                    statement.setObject(4, holder);
                    return statement.executeUpdate();
                }
            });
        } catch (RuntimeException e) {
            if (DbErrors.isMoved(e)) {
                LOG.debug("The end of job {} is not noted: the database has moved", job.name());
            } else {
                LOG.warn("The end of job {} could not be noted; its claim lapses: {}", job.name(), e.getMessage());
            }
        }
    }

    private static Duration pause(Job job) {
        long shortest = job.shortestPause().toMillis();
        long longest = job.longestPause().toMillis();
        return Duration.ofMillis(ThreadLocalRandom.current().nextLong(shortest, longest + 1));
    }

    private static String message(Exception failure) {
        String text = (failure instanceof SQLException ? DbErrors.translate(failure) : failure)
                .toString()
                .replace("\0", "");
        return text.length() > LONGEST_ERROR ? text.substring(0, LONGEST_ERROR) : text;
    }

    private Counts counts(String name) {
        return counts.computeIfAbsent(name, any -> new Counts());
    }

    private static List<String> names(PreparedStatement statement) throws SQLException {
        List<String> names = new ArrayList<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                names.add(rows.getString(1));
            }
        }
        return names;
    }

    private static final class Counts {
        private final LongAdder runs = new LongAdder();
        private final LongAdder failures = new LongAdder();
        private final LongAdder lost = new LongAdder();
    }
}
