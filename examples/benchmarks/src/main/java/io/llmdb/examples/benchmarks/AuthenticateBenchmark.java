package io.llmdb.examples.benchmarks;

import io.llmdb.LlmDb;
import io.llmdb.keys.AuthenticationMetrics;
import io.llmdb.keys.CacheMetrics;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.openjdk.jmh.results.RunResult;

/** Telling who calls: from memory, from the database, and under a flood of invented keys. */
final class AuthenticateBenchmark implements Benchmark {

    private static final int MOST_QUERIES_A_SECOND = 100;

    /** The change feed asks four times a second; jobs, leases and the server's own workers add a few. */
    private static final int MOST_OTHER_TRANSACTIONS_A_SECOND = 15;

    @Override
    public String name() {
        return "authenticate";
    }

    @Override
    public String about() {
        return "who calls: a hit against SHA-256 and one look-up, a miss against one prepared SELECT, a flood of invented keys";
    }

    @Override
    public void run(Run run) throws Exception {
        if (run.size("hits", 1) > 0) {
            hits(run);
        }
        int keys = run.size("keys", 200_000);
        try (TestDatabase database = run.server().newDatabase()) {
            plant(database, keys);
            misses(run, database, keys, run.size("misses", 20_000));
            flood(run, database, keys, run.size("seconds", 20), run.size("invented", 100_000));
        }
    }

    private static void hits(Run run) throws Exception {
        Collection<RunResult> results = Jmh.run(run, AuthenticateHits.class);
        double floor = score(results, "floorHashAndLookUp");
        double ours = score(results, "llmdbAuthenticate");
        run.aim(
                "a hit takes at most 1.5 times as long as SHA-256 and one look-up",
                ours <= 1.5 * floor,
                "%.0f ns against %.0f ns, %.2f times".formatted(ours, floor, ours / floor));
    }

    private static double score(Collection<RunResult> results, String name) {
        return results.stream()
                .filter(result -> result.getParams().getBenchmark().endsWith("." + name))
                .findFirst()
                .orElseThrow()
                .getPrimaryResult()
                .getScore();
    }

    private static void misses(Run run, TestDatabase database, int keys, int count) throws SQLException {
        ResultTable table = ResultTable.of(
                "a miss, one caller, %d keys in the database".formatted(keys),
                "who",
                "median µs",
                "p99 µs",
                "times its floor",
                "round trips");
        List<Miss> measured = new ArrayList<>();
        for (boolean alone : new boolean[] {false, true}) {
            for (boolean prepared : new boolean[] {true, false}) {
                measured.add(miss(run, database, keys, count, prepared, alone));
            }
        }
        measured.forEach(miss -> miss.addTo(table));
        run.report(table);
        for (Miss miss : measured) {
            run.aim(
                    "a miss takes at most 2 times as long as one SELECT by primary key, " + miss.how(),
                    miss.times() <= 2,
                    "%.0f µs against %.0f µs, %.2f times"
                            .formatted(micros(miss.ours, 50), micros(miss.floor, 50), miss.times()));
        }
    }

    /**
     * What was measured, in nanoseconds, sorted; alone: nothing of the caller was in memory, neither its user, team,
     * organization nor budgets.
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Miss(boolean prepared, boolean alone, long[] ours, long[] floor, double tripsOfOurs) {

        String how() {
            return (prepared ? "prepared" : "as behind a pooler")
                    + (alone ? ", the first of its user and team" : ", others of its user or team in memory");
        }

        double times() {
            return micros(ours, 50) / micros(floor, 50);
        }

        void addTo(ResultTable table) {
            table.row("floor: one SELECT by primary key, " + how(), micros(floor, 50), micros(floor, 99), 1.0, 1);
            table.row("llmdb: the whole caller, " + how(), micros(ours, 50), micros(ours, 99), times(), tripsOfOurs);
        }
    }

    /** On the same connection, in turns, so that both meet the same moments. */
    private static Miss miss(Run run, TestDatabase database, int keys, int count, boolean prepared, boolean alone)
            throws SQLException {
        String parameters =
                "?prepareThreshold=" + (prepared ? 5 : 0) + "&socketFactory=" + CountingSocketFactory.class.getName();
        try (OwnConnection pool =
                        OwnConnection.open(database.jdbcUrl() + parameters, database.user(), database.password());
                PreparedStatement select = pool.withoutPool()
                        .prepareStatement("SELECT token FROM llmdb.\"LLM_VerificationToken\" WHERE token = ?");
                LlmDb db = LlmDb.builder(database.settings()
                                .caches(caches -> caches.callerSize(alone ? 0 : keys))
                                .build())
                        .dataSource(pool)
                        .open()) {
            pool.claim();
            // Each key is asked for once, so each is a miss.
            Iterator<Integer> next = shuffled(keys).iterator();
            long[] ours = new long[count];
            long[] theirs = new long[count];
            // A proxy runs for days: what is measured is compiled. And misses in a row make the set of all keys, which
            // vouches for them afterwards.
            long end = System.nanoTime() + run.size("warmup", 15) * 1_000_000_000L;
            for (int left = keys - count; left > 0 && System.nanoTime() < end; left--) {
                int key = next.next();
                db.authenticate(rawKey(key));
                floor(select, hash(keys - 1 - key));
            }
            CacheMetrics before = db.authenticator().metrics().callers();
            long trips = CountingSocketFactory.roundTrips();
            for (int i = 0; i < count; i++) {
                int key = next.next();
                String rawKey = rawKey(key);
                long start = System.nanoTime();
                db.authenticate(rawKey);
                long between = System.nanoTime();
                floor(select, hash(keys - 1 - key));
                theirs[i] = System.nanoTime() - between;
                ours[i] = between - start;
            }
            // One each is the floor's; the change feed's, four a second, are counted as ours.
            double tripsOfOurs = (CountingSocketFactory.roundTrips() - trips - count) / (double) count;
            CacheMetrics after = db.authenticator().metrics().callers();
            long queries = after.queries() - before.queries();
            long misses = after.misses() - before.misses();
            run.must(
                    "each miss is one query",
                    queries == misses && misses == count,
                    queries + " queries, " + misses + " misses");
            run.must(
                    "each miss is one round trip",
                    tripsOfOurs < 1.1,
                    "%.3f for each, the change feed's included".formatted(tripsOfOurs));
            Arrays.sort(ours);
            Arrays.sort(theirs);
            return new Miss(prepared, alone, ours, theirs, tripsOfOurs);
        }
    }

    private static List<Integer> shuffled(int keys) {
        List<Integer> all = new ArrayList<>(IntStream.range(0, keys).boxed().toList());
        Collections.shuffle(all, new Random(42));
        return all;
    }

    private static void floor(PreparedStatement select, String hash) throws SQLException {
        select.setString(1, hash);
        try (ResultSet row = select.executeQuery()) {
            if (!row.next()) {
                throw new IllegalStateException("no key " + hash);
            }
        }
    }

    private static double micros(long[] sorted, int percent) {
        return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)] / 1000.0;
    }

    /** Invented keys at the door while a few real callers go on. */
    private static void flood(Run run, TestDatabase database, int keys, int seconds, int perSecond) throws Exception {
        try (LlmDb db = LlmDb.open(database.settings().build())) {
            AtomicLong refused = new AtomicLong();
            AtomicLong served = new AtomicLong();
            AtomicLong wrong = new AtomicLong();
            List<Exception> failures = Collections.synchronizedList(new ArrayList<>());
            int threads = 2;
            CountDownLatch ended = new CountDownLatch(threads + 1);
            long start = System.nanoTime();
            long end = start + seconds * 1_000_000_000L;
            for (int t = 0; t < threads; t++) {
                Random random = new Random(t);
                thread(ended, failures, () -> {
                    long sent = 0;
                    while (System.nanoTime() < end) {
                        try {
                            db.authenticate("sk-invented-" + random.nextLong() + random.nextLong());
                            wrong.incrementAndGet();
                        } catch (UnknownKeyException e) {
                            refused.incrementAndGet();
                        }
                        sent++;
                        long due = start + sent * 1_000_000_000L / (perSecond / threads);
                        if (sent % 100 == 0 && due > System.nanoTime()) {
                            Thread.sleep((due - System.nanoTime()) / 1_000_000);
                        }
                    }
                });
            }
            Random random = new Random(7);
            thread(ended, failures, () -> {
                while (System.nanoTime() < end) {
                    db.authenticate(rawKey(random.nextInt(keys)));
                    served.incrementAndGet();
                    Thread.sleep(2);
                }
            });
            long worst = 0;
            long before = queries(db);
            long transactions = transactions(database);
            for (int second = 0; second < seconds; second++) {
                Thread.sleep(1000);
                long now = queries(db);
                long misses = now - before;
                before = now;
                worst = Math.max(worst, misses);
            }
            ended.await();
            double took = (System.nanoTime() - start) / 1e9;
            // A session tells its statistics when it is idle for a second, at the latest.
            Thread.sleep(1500);
            transactions = transactions(database) - transactions;
            AuthenticationMetrics metrics = db.authenticator().metrics();
            run.report(ResultTable.of(
                            "a flood of invented keys, " + keys + " in the database",
                            "invented keys a second",
                            "real callers a second, each read from the database",
                            "queries a second, real ones included",
                            "most in any second",
                            "transactions a second that the database counted",
                            "refused without a query")
                    .row(
                            refused.get() / took,
                            served.get() / took,
                            metrics.callers().queries() / took,
                            worst,
                            transactions / took,
                            metrics.unknownWithoutQuery()));
            run.must("no caller fails", failures.isEmpty(), failures.toString());
            run.must("no invented key is let in", wrong.get() == 0, wrong + " were");
            long mostReal = (long) (1000 / 2 * 1.1);
            run.must(
                    "invented keys cost at most " + MOST_QUERIES_A_SECOND + " queries a second",
                    metrics.callers().queries() - served.get() <= (long) ((took + 1) * MOST_QUERIES_A_SECOND)
                            && worst <= MOST_QUERIES_A_SECOND * 1.2 + mostReal,
                    (metrics.callers().queries() - served.get()) / took
                            + " a second on average, real callers' not counted");
            run.must(
                    "the database counts no more than these, the real callers and the change feed",
                    transactions - served.get()
                            <= (long) ((took + 1) * (MOST_QUERIES_A_SECOND + MOST_OTHER_TRANSACTIONS_A_SECOND)),
                    "%.0f transactions a second, real callers' not counted"
                            .formatted((transactions - served.get()) / took));
            run.aim(
                    "a hundred thousand invented keys a second",
                    refused.get() / took >= 0.95 * perSecond,
                    "%.0f a second".formatted(refused.get() / took));
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void thread(CountDownLatch ended, List<Exception> failures, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception e) {
                failures.add(e);
            } finally {
                ended.countDown();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static long queries(LlmDb db) {
        return db.authenticator().metrics().callers().queries();
    }

    private static long transactions(TestDatabase database) throws SQLException {
        try (Connection connection =
                        DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()");
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    private static String rawKey(int number) {
        return "sk-benchmark-" + number;
    }

    private static String hash(int number) {
        return io.llmdb.keys.KeyHash.of(rawKey(number));
    }

    /** Keys with user, team, membership, organization and budget rows, as a company has them. */
    private static void plant(TestDatabase database, int keys) {
        database.execute(
                "INSERT INTO llmdb.\"LLM_BudgetTable\" (budget_id, max_budget, budget_duration) VALUES ('tier', 100, '1d')");
        database.execute(
                "INSERT INTO llmdb.\"LLM_OrganizationTable\" (organization_id, organization_alias, budget_id) SELECT 'o' || i, 'o', 'tier' FROM generate_series(0, 19) i");
        database.execute(
                "INSERT INTO llmdb.\"LLM_TeamTable\" (team_id, organization_id, max_budget) SELECT 't' || i, 'o' || i % 20, 1000 FROM generate_series(0, 199) i");
        database.execute(
                "INSERT INTO llmdb.\"LLM_UserTable\" (user_id, max_budget) SELECT 'u' || i, 50 FROM generate_series(0, 1999) i");
        database.execute(
                "INSERT INTO llmdb.\"LLM_TeamMembership\" (user_id, team_id, budget_id) SELECT 'u' || i, 't' || i % 200, 'tier' FROM generate_series(0, 1999) i");
        database.execute("""
                INSERT INTO llmdb."LLM_VerificationToken" (token, key_name, key_alias, user_id, team_id, max_budget)
                SELECT encode(sha256(('sk-benchmark-' || i)::bytea), 'hex'), 'sk-...' || i %% 10000, 'k' || i, 'u' || i %% 2000, 't' || i %% 200, 10
                FROM generate_series(0, %d) i""".formatted(keys - 1));
        database.execute("ANALYZE");
    }
}
