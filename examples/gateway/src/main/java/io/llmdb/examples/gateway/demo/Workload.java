package io.llmdb.examples.gateway.demo;

import io.llmdb.examples.gateway.proxy.Price;
import io.llmdb.examples.gateway.proxy.PriceTable;
import io.llmdb.examples.gateway.traffic.PlannedRequest;
import io.llmdb.examples.gateway.traffic.Trace;
import io.llmdb.examples.gateway.upstream.Usage;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/**
 * What the company's programs are going to ask for: made up from a seed, or real requests from a trace.
 *
 * @param requests the requests
 * @param generated whether they are made up
 */
record Workload(List<PlannedRequest> requests, boolean generated) {

    private static final int CUSTOMERS = 40;
    private static final int[] MAX_TOKENS = {64, 128, 256, 512};

    Workload {
        requests = List.copyOf(requests);
    }

    /**
     * Requests that a seed decides.
     *
     * @param run a word that the names of end users and tags end with, so that they are this run's own
     */
    static Workload generated(int count, long seed, String run) {
        SplittableRandom random = new SplittableRandom(seed);
        List<App> apps = new ArrayList<>();
        for (List<App> some : List.of(App.WORKING, App.ODD)) {
            some.forEach(app -> {
                for (int i = 0; i < app.share(); i++) {
                    apps.add(app);
                }
            });
        }
        List<PlannedRequest> requests = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            App app = apps.get(random.nextInt(apps.size()));
            // Few long prompts among many short ones.
            double u = random.nextDouble();
            int prompt = 20 + (int) (1_500 * u * u * u);
            // A few customers make most of the traffic.
            double v = random.nextDouble();
            int customer = (int) (CUSTOMERS * v * v * v);
            boolean stream = random.nextInt(10) < 3;
            requests.add(new PlannedRequest(
                    id(i),
                    app.name(),
                    app.models().get(random.nextInt(app.models().size())),
                    prompt,
                    MAX_TOKENS[random.nextInt(MAX_TOKENS.length)],
                    false,
                    stream,
                    stream && random.nextInt(25) == 0,
                    app.hasCustomers() ? customer(customer, run) : "",
                    tags(app, run),
                    0));
        }
        return new Workload(requests, true);
    }

    /**
     * The requests of a trace, dealt out by a fixed rule: row {@code i} (from 0, by time) is sent by working app
     * {@code i mod 7}, for the model at {@code (i / 7) mod k} of the app's {@code k}, for customer {@code i mod 40}
     * where the app has customers, and as a stream where {@code i mod 4 = 3}.
     *
     * @param run a word that the names of end users and tags end with, so that they are this run's own
     */
    static Workload of(Trace trace, String run) {
        List<PlannedRequest> requests = new ArrayList<>(trace.rows().size());
        for (int i = 0; i < trace.rows().size(); i++) {
            Trace.Row row = trace.rows().get(i);
            App app = App.WORKING.get(i % App.WORKING.size());
            requests.add(new PlannedRequest(
                    id(i),
                    app.name(),
                    app.models().get(i / App.WORKING.size() % app.models().size()),
                    row.contextTokens(),
                    row.generatedTokens(),
                    true,
                    i % 4 == 3,
                    false,
                    app.hasCustomers() ? customer(i % CUSTOMERS, run) : "",
                    tags(app, run),
                    row.atNanos()));
        }
        return new Workload(requests, false);
    }

    /** What all requests cost at most. */
    BigDecimal mostCost(PriceTable prices) {
        return requests.stream().map(request -> most(prices, request)).reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    /**
     * About what some of the requests will cost: the stub's answers have two thirds of the tokens that they may have.
     */
    BigDecimal likelyCost(PriceTable prices, Predicate<PlannedRequest> which) {
        return requests.stream()
                .filter(which)
                .map(request -> cost(prices, request, request.maxTokens() * 2 / 3))
                .reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    static BigDecimal most(PriceTable prices, PlannedRequest request) {
        return cost(prices, request, request.maxTokens());
    }

    private static BigDecimal cost(PriceTable prices, PlannedRequest request, int tokens) {
        Price price = prices.find(request.model()).orElseThrow(() -> noPrice(request.model()));
        return price.of(new Usage(request.promptTokens(), tokens));
    }

    private static IllegalArgumentException noPrice(String model) {
        return new IllegalArgumentException("The price table has no \"" + model
                + "\", which the demonstration asks for; with prices of your own use --serve");
    }

    private static String id(int number) {
        return String.format(Locale.ROOT, "req-%06d", number);
    }

    private static String customer(int number, String run) {
        return String.format(Locale.ROOT, "customer-%02d-%s", number, run);
    }

    private static List<String> tags(App app, String run) {
        return app.tag() == null ? List.of() : List.of(app.tag() + "-" + run);
    }
}
