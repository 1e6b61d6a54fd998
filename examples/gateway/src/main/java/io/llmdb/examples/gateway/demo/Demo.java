package io.llmdb.examples.gateway.demo;

import io.llmdb.LlmDb;
import io.llmdb.budgets.BudgetState;
import io.llmdb.budgets.Call;
import io.llmdb.examples.gateway.proxy.CurrentDatabase;
import io.llmdb.examples.gateway.proxy.PriceTable;
import io.llmdb.examples.gateway.proxy.ProxyServer;
import io.llmdb.examples.gateway.traffic.Client;
import io.llmdb.examples.gateway.traffic.PlannedRequest;
import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Trace;
import io.llmdb.examples.gateway.traffic.TrafficRun;
import io.llmdb.examples.gateway.upstream.HttpUpstream;
import io.llmdb.examples.gateway.upstream.StubUpstream;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.SpendEvent;
import io.llmdb.usage.Verification;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.URI;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The gateway with a company in its database, and with traffic where that is wanted. */
public final class Demo implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Demo.class);
    private static final Duration FLUSH = Duration.ofSeconds(30);

    private final DemoOptions options;
    private final PrintStream out;
    private final Deque<AutoCloseable> opened;
    private final EventTape tape = new EventTape();
    private final PriceTable prices;
    private final LlmDbSettings settings;
    private final boolean freshDatabase;
    private final CurrentDatabase database;
    private volatile LlmDbSettings inUse;
    private final Workload workload;
    private final Company company;
    private final ProxyServer server;

    /**
     * What a run came to.
     *
     * @param problems where the books do not agree; empty: they do
     * @param replies what the clients saw
     * @param events what was booked
     */
    public record Result(List<String> problems, Collection<Reply> replies, List<SpendEvent> events) {

        /** Copies the lists. */
        public Result {
            problems = List.copyOf(problems);
            replies = List.copyOf(replies);
            events = List.copyOf(events);
        }
    }

    /**
     * Starts all of it: the database where none is named, the company, the gateway.
     *
     * @param options what it shall be
     * @param out where it says what it does
     * @return the running gateway
     * @throws IOException where the database does not start or the port is taken
     */
    public static Demo open(DemoOptions options, PrintStream out) throws IOException {
        Deque<AutoCloseable> opened = new ArrayDeque<>();
        try {
            return new Demo(options, out, opened);
        } catch (IOException | RuntimeException e) {
            close(opened);
            throw e;
        }
    }

    private Demo(DemoOptions options, PrintStream out, Deque<AutoCloseable> opened) throws IOException {
        this.options = options;
        this.out = out;
        this.opened = opened;
        this.prices = options.prices() == null ? PriceTable.bundled() : PriceTable.read(options.prices());
        String run = Integer.toString(ThreadLocalRandom.current().nextInt(46_656, 1_679_616), 36);
        this.workload = options.traces().isEmpty()
                ? Workload.generated(options.requests(), options.seed(), run)
                : Workload.of(Trace.read(options.traces()), run);

        long start = System.nanoTime();
        LlmDbSettings named = settings(options, null, run);
        this.freshDatabase = named.connection().databaseUrl() == null;
        if (freshDatabase) {
            EmbeddedDatabase database = EmbeddedDatabase.start();
            opened.push(database);
            this.settings = settings(options, database.url(), run);
            say("Database", "embedded PostgreSQL, every commit synced to disk; started in " + since(start));
        } else {
            this.settings = named;
            say("Database", String.valueOf(named.connection().databaseUrl()));
        }

        start = System.nanoTime();
        LlmDb db = LlmDb.builder(settings).sink(tape).open();
        this.inUse = settings;
        String next = options.movedDatabaseUrl();
        this.database = next == null ? CurrentDatabase.only(db) : CurrentDatabase.following(db, to -> open(next, run));
        opened.push(database);
        this.company = Company.create(
                db, run, limits(), String.valueOf(settings.budgets().endUserBudgetId()));
        say("Schema", "\"" + settings.connection().schema() + "\", migrated and filled in " + since(start));
        say("Company", company.toString());

        Upstream upstream = upstream(options);
        opened.push(upstream);
        this.server = ProxyServer.start(database, settings, upstream, prices, options.port());
        opened.push(server);
        say(
                "Gateway",
                server.address() + "/v1, upstream "
                        + (options.upstream() == null ? stub(options) : upstream.address()));
    }

    /** The database has moved: the same settings, and what happens there goes onto the same tape. */
    private LlmDb open(String url, String run) {
        LlmDbSettings settings = settings(options, url, run);
        LlmDb next = LlmDb.builder(settings).sink(tape).open();
        inUse = settings;
        return next;
    }

    /** What the options, the YAML and the environment say; the environment only where there is YAML. */
    private static LlmDbSettings settings(DemoOptions options, @Nullable String given, String run) {
        LlmDbSettings.Builder builder = LlmDbSettings.builder();
        if (options.config() != null) {
            builder.yaml(options.config()).environment();
        } else {
            builder.environment(Map.of());
        }
        String url = given == null ? options.databaseUrl() : given;
        if (url != null) {
            builder.connection(connection -> connection.databaseUrl(url));
        }
        LlmDbSettings settings = builder.build();
        return settings.budgets().endUserBudgetId() != null
                ? settings
                : builder.budgets(budgets -> budgets.endUserBudgetId("end-users-" + run))
                        .build();
    }

    private static Upstream upstream(DemoOptions options) {
        URI address = options.upstream();
        return address == null
                ? new StubUpstream(options.seed(), options.stubLatency(), options.stubFailures())
                : new HttpUpstream(address, options.upstreamKey());
    }

    private static String stub(DemoOptions options) {
        return String.format(
                Locale.ROOT,
                "a stub (a word is a token, %d ms, %.1f %% fail)",
                options.stubLatency().toMillis(),
                100 * options.stubFailures());
    }

    private Limits limits() {
        if (workload.requests().isEmpty()) {
            return Limits.forPeople();
        }
        return workload.generated() ? Limits.someRunOut(workload, prices) : Limits.nobodyRunsOut(workload, prices);
    }

    /** @return whether there is anything to send */
    public boolean hasTraffic() {
        return !workload.requests().isEmpty();
    }

    Company company() {
        return company;
    }

    /**
     * Sends the traffic, says what happened, and checks the books.
     *
     * @return what it came to
     * @throws InterruptedException where the thread is interrupted
     * @throws SQLException where the books cannot be read
     */
    public Result sendTraffic() throws InterruptedException, SQLException {
        return sendTraffic(() -> {});
    }

    /** For tests: what happens between the traffic and the check. */
    Result sendTraffic(Runnable beforeTheCheck) throws InterruptedException, SQLException {
        return sendTraffic(null, beforeTheCheck);
    }

    /**
     * As the one above; made-up traffic waits half way for what is given.
     *
     * @param halfWay the second half of the requests is sent when it returns; null: all are sent at once
     */
    Result sendTraffic(@Nullable Runnable halfWay, Runnable beforeTheCheck) throws InterruptedException, SQLException {
        List<PlannedRequest> requests = workload.requests();
        TrafficRun traffic =
                new TrafficRun(new Client(server.address(), options.upstream() == null), company.rawKeys());
        boolean byClock = !workload.generated() && options.speed() > 0;
        say(
                "Traffic",
                Table.count(requests.size()) + " requests "
                        + (workload.generated() ? "made up from seed " + options.seed() : "from " + options.traces())
                        + (byClock ? ", " + options.speed() + " times as fast as they came" : "")
                        + ", " + options.concurrency() + " at once at most");
        out.println();
        long start = System.nanoTime();
        try (Progress progress = new Progress(out, traffic, tape, requests.size())) {
            if (byClock) {
                traffic.sendByClock(requests, options.speed(), options.concurrency());
            } else if (halfWay == null) {
                traffic.sendAll(requests, options.concurrency());
            } else {
                int half = requests.size() / 2;
                traffic.sendAll(requests.subList(0, half), options.concurrency());
                halfWay.run();
                traffic.sendAll(requests.subList(half, requests.size()), options.concurrency());
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        out.printf(
                Locale.ROOT,
                "%nSent %,d requests in %.1f s (%,.0f a second)%s.%n",
                requests.size(),
                seconds,
                requests.size() / seconds,
                byClock ? String.format(Locale.ROOT, ", the latest %.2f s late", traffic.latestSeconds()) : "");
        if (!database.get().spend().flush(FLUSH)) {
            throw new IllegalStateException("Not everything was booked within " + FLUSH.toSeconds() + " s");
        }
        beforeTheCheck.run();
        return report(traffic.replies());
    }

    private Result report(Collection<Reply> replies) throws SQLException {
        List<SpendEvent> events = tape.events();
        tape.stop();

        Report report = new Report(out, company);
        report.requests(replies, events);
        report.refusals(replies);
        report.spend(events);
        Collection<BudgetState> budgets = budgets();
        report.budgets(budgets);
        report.latencies(replies, server.overhead());

        BooksCheck check = new BooksCheck(
                prices, !settings.logs().disableSpendLogs(), !settings.logs().disableErrorLogs(), freshDatabase);
        try (BookReader reader = new BookReader(inUse)) {
            check.run(workload, replies, events, company, reader);
        }
        LlmDb db = database.get();
        if (db.budgets().openAdmissions() > 0) {
            check.problem(db.budgets().openAdmissions() + " requests still hold a reservation");
        }
        if (options.upstream() == null) {
            // The stub never makes more tokens than it was asked for, so no estimate is too small.
            budgets.stream()
                    .filter(Demo::isPassed)
                    .forEach(state -> check.problem("The budget of " + state.counter() + " was passed: " + state));
        }
        Verification verification = db.usage().verify();
        if (!verification.agrees()) {
            check.problem("verify finds differences");
        }
        report.books(check, verification);
        return new Result(check.problems(), replies, events);
    }

    private static boolean isPassed(BudgetState state) {
        BigDecimal limit = state.limit();
        return limit != null && state.spent().compareTo(limit) > 0;
    }

    /** How all budgets stand that any request of the workload had to fit into. */
    private Collection<BudgetState> budgets() {
        LlmDb db = database.get();
        Map<String, String> keys = company.rawKeys();
        Set<Map.Entry<String, Call>> calls = new LinkedHashSet<>();
        for (PlannedRequest request : workload.requests()) {
            if (App.WORKING.stream().anyMatch(app -> app.name().equals(request.app()))) {
                calls.add(Map.entry(
                        String.valueOf(keys.get(request.app())),
                        Call.of(request.model()).withEndUser(request.endUser()).withTags(request.tags())));
            }
        }
        Map<CounterId, BudgetState> states = new LinkedHashMap<>();
        for (Map.Entry<String, Call> call : calls) {
            db.budgets()
                    .dryRun(db.authenticator().authenticate(call.getKey()), call.getValue())
                    .forEach(state -> states.putIfAbsent(state.counter(), state));
        }
        return states.values();
    }

    /** Prints commands to try by hand, with the keys that they need. */
    public void printHowToTry() {
        Map<String, String> keys = company.rawKeys();
        String curl = "  curl " + server.address() + "/v1/chat/completions \\%n"
                + "    -H 'Content-Type: application/json' -H 'Authorization: Bearer %s' \\%n"
                + "    -d '{\"model\": \"%s\", \"max_tokens\": 60, %s\"messages\": [{\"role\": \"user\", \"content\": \"Say hello\"}]}'%n";
        out.println();
        out.println("Serving until Ctrl-C. These keys are this run's own.");
        out.println();
        out.println("An answer, and one in parts:");
        out.printf(curl, keys.get("notebook"), "gpt-4o", "");
        out.printf(curl, keys.get("chatbot"), "gpt-4o-mini", "\"stream\": true, \"user\": \"customer-1\", ");
        out.println("A key whose budget is soon used up (repeat it), and one that is blocked:");
        out.printf(curl, keys.get("playground"), "claude-sonnet-4", "");
        out.printf(curl, keys.get("former"), "gpt-4o", "");
        out.println("The models of a key:");
        out.printf("  curl %s/v1/models -H 'Authorization: Bearer %s'%n", server.address(), keys.get("notebook"));
        out.println("For OpenAI clients:");
        out.printf("  export OPENAI_BASE_URL=%s/v1 OPENAI_API_KEY=%s%n", server.address(), keys.get("notebook"));
        out.flush();
    }

    /** Stops what was started, the last first: requests at work end, what is queued is booked, the database goes. */
    @Override
    public void close() {
        close(opened);
    }

    private static void close(Deque<AutoCloseable> opened) {
        synchronized (opened) {
            while (!opened.isEmpty()) {
                try {
                    opened.pop().close();
                } catch (Exception e) {
                    LOG.warn("Closing goes on after a failure", e);
                }
            }
        }
    }

    private void say(String what, String text) {
        out.printf(Locale.ROOT, "%-9s %s%n", what, text);
        out.flush();
    }

    private static String since(long start) {
        return String.format(Locale.ROOT, "%.1f s", (System.nanoTime() - start) / 1e9);
    }
}
