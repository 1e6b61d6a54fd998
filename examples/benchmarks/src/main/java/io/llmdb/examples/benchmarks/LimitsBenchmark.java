package io.llmdb.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.distributed.BucketProxy;
import io.github.bucket4j.distributed.jdbc.PrimaryKeyMapper;
import io.github.bucket4j.distributed.proxy.ProxyManager;
import io.github.bucket4j.postgresql.Bucket4jPostgreSQL;
import io.llmdb.LlmDb;
import io.llmdb.common.RateLimits;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.limits.LimitHold;
import io.llmdb.limits.LimitedCall;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import javax.sql.DataSource;

/** Limits far from their end and at it, beside bucket4j's PostgreSQL backend and one conditional UPDATE a call. */
final class LimitsBenchmark implements Benchmark {

    private static final LimitedCall CALL = new LimitedCall("gpt-4o", 100, "", List.of());

    @Override
    public String name() {
        return "limits";
    }

    @Override
    public String about() {
        return "a call under six limits far from their end; a hot limit to its end with 64 callers; refusals after it";
    }

    /** One attempt: whether it was admitted. */
    private interface Attempt {
        boolean admitted() throws Exception;
    }

    @SuppressWarnings("ArrayRecordComponent") // sorted, and not handed out
    private record Result(long admitted, long refused, double seconds, long[] nanos) {
        double micros(double part) {
            return nanos.length == 0 ? 0 : nanos[(int) (part * (nanos.length - 1))] / 1e3;
        }

        double perSecond() {
            return (admitted + refused) / seconds;
        }
    }

    @Override
    public void run(Run run) throws Exception {
        try (TestDatabase database = run.server().newDatabase()) {
            rivalsTables(database);
            World world;
            try (LlmDb db = database.open()) {
                world = World.in(db)
                        .team("wide")
                        .members(1)
                        .keys(1)
                        .team("hot")
                        .members(1)
                        .keys(1)
                        .create();
            }
            farFromTheLimit(run, database, world.keysOf("wide").get(0));
            toTheEnd(run, database, world.keysOf("hot").get(0));
        }
    }

    private void farFromTheLimit(Run run, TestDatabase database, IssuedKey key) throws Exception {
        int calls = run.size("calls", 2_000_000);
        int threads = run.size("threads", 4);
        ResultTable table = ResultTable.of(
                "far from the limit, " + threads + " threads",
                "who",
                "limits a call",
                "calls",
                "median µs",
                "p99 µs",
                "calls/s",
                "transactions a call");
        RateLimits wide = new RateLimits(4_000_000_000_000L, 40_000_000_000L, 1_000_000L);
        try (LlmDb db = database.open()) {
            db.admin().teams().update("wide", spec -> spec.withRateLimits(wide));
            db.admin().keys().update(key.key().hash(), spec -> spec.withRateLimits(wide));
            db.catchUp();
            Caller caller = db.authenticate(key.rawKey());
            Attempt attempt = () -> {
                db.limits().admit(caller, CALL, false).settle(90);
                return true;
            };
            attempts(threads, calls / 4, thread -> attempt);
            long before = transactions(database);
            Result llmdb = attempts(threads, calls, thread -> attempt);
            double trips = (transactions(database) - before) / (double) calls;
            row(table, "llmdb", 6, llmdb, trips);
            run.report(table);
            run.aim("median of a call under 5 µs", llmdb.micros(0.5) < 5, llmdb.micros(0.5) + " µs");
            run.aim("under 0.01 round trips a call", trips < 0.01, trips + ", beats and polls included");
        }
        int few = run.size("rivalcalls", 8_000);
        try (HikariDataSource pool = pool(database, threads)) {
            ResultTable rivals = ResultTable.of(
                    "the same for rivals, one limit",
                    "who",
                    "limits a call",
                    "calls",
                    "median µs",
                    "p99 µs",
                    "calls/s",
                    "transactions a call");
            long before = transactions(database);
            BucketProxy bucket = bucket(pool, "wide", 1_000_000_000L);
            Result result = attempts(threads, few, thread -> () -> bucket.tryConsume(1));
            row(rivals, "bucket4j", 1, result, (transactions(database) - before) / (double) few);
            prepare(pool, "wide", 1_000_000_000L);
            before = transactions(database);
            result = attempts(threads, few, thread -> () -> update(pool, "wide"));
            row(rivals, "conditional UPDATE", 1, result, (transactions(database) - before) / (double) few);
            run.report(rivals);
        }
    }

    private static void row(ResultTable table, String who, int limits, Result result, double trips) {
        table.row(
                who,
                limits,
                result.admitted,
                result.micros(0.5),
                result.micros(0.99),
                result.perSecond(),
                String.format(Locale.ROOT, "%.5f", trips));
    }

    private void toTheEnd(Run run, TestDatabase database, IssuedKey key) throws Exception {
        int limit = run.size("limit", 10_000);
        int callers = run.size("callers", 64);
        ResultTable ends = ResultTable.of(
                "one limit of " + limit + " requests a minute to its end, " + callers + " callers",
                "who",
                "admitted",
                "seconds",
                "admitted/s",
                "median µs",
                "p99 µs");
        ResultTable refusals =
                ResultTable.of("then refused, " + callers + " callers", "who", "refusals/s", "median µs", "p99 µs");
        double[] rates = new double[3];
        try (LlmDb one = database.open();
                LlmDb two = database.open()) {
            one.admin()
                    .keys()
                    .update(key.key().hash(), spec -> spec.withRateLimits(new RateLimits(null, (long) limit, null)));
            one.catchUp();
            two.catchUp();
            Caller caller = one.authenticate(key.rawKey());
            awaitFreshMinute(database);
            Result result = untilRefused(callers, thread -> attempt(thread % 2 == 0 ? one : two, caller));
            end(ends, "llmdb, two instances of 10 connections", result);
            rates[0] = result.admitted / result.seconds;
            run.must("exactly the limit is admitted", result.admitted == limit, result.admitted + " of " + limit);
            Result after = attempts(callers, callers * 200, thread -> attempt(thread % 2 == 0 ? one : two, caller));
            refused(refusals, "llmdb, two instances of 10 connections", after);
            run.must("nothing more is", after.admitted == 0, after.admitted + " more");
        }
        for (int connections : new int[] {10, callers}) {
            try (HikariDataSource pool = pool(database, connections)) {
                String id = "hot" + connections;
                BucketProxy bucket = bucket(pool, id, limit);
                Result result = untilRefused(callers, thread -> () -> bucket.tryConsume(1));
                end(ends, "bucket4j, " + connections + " connections", result);
                rates[1] = Math.max(rates[1], result.admitted / result.seconds);
                refused(
                        refusals,
                        "bucket4j, " + connections + " connections",
                        attempts(callers, callers * 50, thread -> () -> bucket.tryConsume(1)));
                prepare(pool, id, limit);
                result = untilRefused(callers, thread -> () -> update(pool, id));
                end(ends, "conditional UPDATE, " + connections + " connections", result);
                rates[2] = Math.max(rates[2], result.admitted / result.seconds);
            }
        }
        run.report(ends);
        run.report(refusals);
        run.aim(
                "10 times bucket4j's rate at the end of a limit",
                rates[0] >= 10 * rates[1],
                rates[0] / rates[1] + " times");
        run.aim("10 times the conditional UPDATE's", rates[0] >= 10 * rates[2], rates[0] / rates[2] + " times");
        run.must("no deadlock", database.deadlocks() == 0, database.deadlocks() + " deadlocks");
    }

    private static Attempt attempt(LlmDb db, Caller caller) {
        return () -> {
            try {
                LimitHold hold = db.limits().admit(caller, CALL, false);
                hold.settle(90);
                return true;
            } catch (RateLimitedException e) {
                return false;
            }
        };
    }

    private static void end(ResultTable table, String who, Result result) {
        table.row(
                who,
                result.admitted,
                result.seconds,
                result.admitted / result.seconds,
                result.micros(0.5),
                result.micros(0.99));
    }

    private static void refused(ResultTable table, String who, Result result) {
        table.row(who, result.refused / result.seconds, result.micros(0.5), result.micros(0.99));
    }

    private static Result attempts(int threads, int calls, IntFunction<Attempt> attempts) throws Exception {
        return race(threads, calls / threads, false, attempts);
    }

    private static Result untilRefused(int threads, IntFunction<Attempt> attempts) throws Exception {
        return race(threads, Integer.MAX_VALUE, true, attempts);
    }

    private static Result race(int threads, int each, boolean untilRefused, IntFunction<Attempt> attempts)
            throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            AtomicInteger refused = new AtomicInteger();
            AtomicInteger admitted = new AtomicInteger();
            long start = System.nanoTime();
            List<Future<long[]>> running = java.util.stream.IntStream.range(0, threads)
                    .mapToObj(thread -> pool.submit(() -> {
                        Attempt attempt = attempts.apply(thread);
                        long[] nanos = new long[Math.min(each, 1 << 17)];
                        int done = 0;
                        int yes = 0;
                        boolean goesOn = true;
                        while (done < each && goesOn) {
                            long from = System.nanoTime();
                            boolean ok = attempt.admitted();
                            nanos[done++ % nanos.length] = System.nanoTime() - from;
                            yes += ok ? 1 : 0;
                            goesOn = ok || !untilRefused;
                        }
                        admitted.addAndGet(yes);
                        refused.addAndGet(done - yes);
                        return Arrays.copyOf(nanos, Math.min(done, nanos.length));
                    }))
                    .toList();
            long[] all = new long[0];
            for (Future<long[]> future : running) {
                long[] part = future.get();
                int length = all.length;
                all = Arrays.copyOf(all, length + part.length);
                System.arraycopy(part, 0, all, length, part.length);
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            Arrays.sort(all);
            return new Result(admitted.get(), refused.get(), seconds, all);
        } finally {
            pool.shutdownNow();
        }
    }

    /** So that what is measured lies in one minute. */
    private static void awaitFreshMinute(TestDatabase database) throws InterruptedException {
        while (database.value(Integer.class, "SELECT extract(second FROM clock_timestamp())::int") > 30) {
            Thread.sleep(500);
        }
    }

    private static long transactions(TestDatabase database) {
        return database.value(
                Long.class, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()");
    }

    private static void rivalsTables(TestDatabase database) {
        database.execute("CREATE TABLE ${llmdb}.bucket (id text PRIMARY KEY, state bytea)");
        database.execute("CREATE TABLE ${llmdb}.counter (id text PRIMARY KEY, used bigint, most bigint)");
    }

    private static HikariDataSource pool(TestDatabase database, int connections) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(connections);
        return new HikariDataSource(config);
    }

    private static BucketProxy bucket(DataSource pool, String id, long capacity) {
        ProxyManager<String> buckets = Bucket4jPostgreSQL.selectForUpdateBasedBuilder(pool)
                .primaryKeyMapper(PrimaryKeyMapper.STRING)
                .table("llmdb.bucket")
                .build();
        return buckets.builder()
                .build(
                        id,
                        () -> BucketConfiguration.builder()
                                .addLimit(limit ->
                                        limit.capacity(capacity).refillIntervally(capacity, Duration.ofHours(1)))
                                .build());
    }

    private static void prepare(DataSource pool, String id, long most) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement =
                        connection.prepareStatement("INSERT INTO llmdb.counter VALUES (?, 0, ?)")) {
            statement.setString(1, id);
            statement.setLong(2, most);
            statement.executeUpdate();
        }
    }

    private static boolean update(DataSource pool, String id) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement = connection.prepareStatement(
                        "UPDATE llmdb.counter SET used = used + 1 WHERE id = ? AND used < most")) {
            statement.setString(1, id);
            return statement.executeUpdate() == 1;
        }
    }
}
