package io.llmdb.testkit;

import io.llmdb.internal.Ids;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.SpendEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Makes spend events that look like a proxy's traffic: some keys, models and end users come often and most seldom,
 * token counts have a long tail, some requests fail, some carry tags, a few have no request id or one that was used
 * before. The cost is exact. The same seed and settings give the same events, ids included.
 *
 * <p>Settings return a copy; the copy that makes events is used by one thread.
 */
public final class SpendEvents {

    private static final List<String> TAGS = List.of("production", "batch", "chat", "experiment", "nightly");
    private static final List<RequestError> ERRORS = List.of(
            RequestError.of("RateLimitError", "The provider is busy", 429),
            RequestError.of("Timeout", "The provider did not answer in time", 408),
            RequestError.of("BadRequestError", "The prompt is too long", 400),
            RequestError.of("APIConnectionError", "The provider cannot be reached", 500));
    private static final long MOST_TOKENS = 200_000;
    private static final double SKEW = 1.1;

    private final long seed;
    private final List<Payer> payers;
    private final List<ModelPrice> models;
    private final int endUsers;
    private final double failureRate;
    private final Instant start;
    private final double perSecond;

    private final Dice dice;
    private final Dice.Zipf payerChoice;
    private final Dice.Zipf modelChoice;
    private final Dice.Zipf endUserChoice;
    private double seconds;
    private long made;
    private String lastRequestId = "";

    private SpendEvents(
            long seed,
            List<Payer> payers,
            List<ModelPrice> models,
            int endUsers,
            double failureRate,
            Instant start,
            double perSecond) {
        this.seed = seed;
        this.payers = List.copyOf(payers);
        this.models = List.copyOf(models);
        this.endUsers = endUsers;
        this.failureRate = failureRate;
        this.start = start;
        this.perSecond = perSecond;
        this.dice = new Dice(seed);
        this.payerChoice = new Dice.Zipf(payers.size(), SKEW);
        this.modelChoice = new Dice.Zipf(models.size(), SKEW);
        this.endUserChoice = new Dice.Zipf(Math.max(1, endUsers), SKEW);
    }

    /**
     * Events of a hundred invented keys, from the start of 2026 on, fifty a second.
     *
     * @param seed the same one gives the same events
     * @return the generator
     */
    public static SpendEvents seeded(long seed) {
        List<Payer> invented = IntStream.range(0, 100)
                .mapToObj(i ->
                        new Payer("%064x".formatted(i + 1), "user-" + i % 40, "team-" + i % 8, "organization-" + i % 2))
                .toList();
        return new SpendEvents(seed, invented, ModelPrice.USUAL, 200, 0.03, Instant.parse("2026-01-01T00:00:00Z"), 50);
    }

    /**
     * Chooses who pays.
     *
     * @param values at least one; the first come most often
     * @return a generator from the beginning
     */
    public SpendEvents paidBy(List<Payer> values) {
        return new SpendEvents(seed, values, models, endUsers, failureRate, start, perSecond);
    }

    /**
     * Chooses the models.
     *
     * @param values at least one; the first come most often
     * @return a generator from the beginning
     */
    public SpendEvents models(List<ModelPrice> values) {
        return new SpendEvents(seed, payers, values, endUsers, failureRate, start, perSecond);
    }

    /**
     * Chooses how many end users there are.
     *
     * @param count how many; 0: requests name none
     * @return a generator from the beginning
     */
    public SpendEvents endUsers(int count) {
        return new SpendEvents(seed, payers, models, count, failureRate, start, perSecond);
    }

    /**
     * Chooses how many requests fail.
     *
     * @param share 0 to 1
     * @return a generator from the beginning
     */
    public SpendEvents failing(double share) {
        return new SpendEvents(seed, payers, models, endUsers, share, start, perSecond);
    }

    /**
     * Chooses when the requests start.
     *
     * @param first the instant before the first
     * @param rate how many a second on average
     * @return a generator from the beginning
     */
    public SpendEvents from(Instant first, double rate) {
        return new SpendEvents(seed, payers, models, endUsers, failureRate, first, rate);
    }

    /**
     * Makes the next events.
     *
     * @param count how many
     * @return the events, in the order of their start
     */
    public List<SpendEvent> take(int count) {
        List<SpendEvent> events = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            events.add(next());
        }
        return events;
    }

    /** @return the next events without end, one at a time */
    public Stream<SpendEvent> stream() {
        return Stream.generate(this::next);
    }

    /** @return the next event */
    public SpendEvent next() {
        seconds += dice.exponential(1 / perSecond);
        Instant at = start.plusMillis((long) (seconds * 1000));
        Payer payer = payers.get(payerChoice.next(dice));
        ModelPrice price = models.get(modelChoice.next(dice));
        long prompt = dice.logNormal(900, 1.2, MOST_TOKENS);
        boolean failed = dice.chance(failureRate);
        long completion =
                failed || price.perCompletionToken().signum() == 0 ? 0 : dice.logNormal(180, 1.0, MOST_TOKENS);
        long firstToken = 100 + dice.logNormal(300, 0.6, 20_000);
        SpendEvent.Builder event = SpendEvent.builder(Ids.derived(at, made, dice.bits()))
                .requestId(requestId())
                .callType(price.perCompletionToken().signum() == 0 ? "aembedding" : "acompletion")
                .keyHash(payer.keyHash())
                .userId(payer.userId())
                .teamId(payer.teamId())
                .organizationId(payer.organizationId())
                .model(price.model())
                .modelGroup(price.model())
                .provider(price.provider())
                .apiBase("https://" + price.provider() + ".example/v1")
                .endTime(at.plusMillis(firstToken + completion * 12))
                .endUser(endUsers > 0 && dice.chance(0.6) ? "customer-" + endUserChoice.next(dice) : "")
                .tags(tags())
                .cacheHit(dice.chance(0.05) ? "True" : "False")
                .sessionId("session-" + dice.below(1000))
                .requesterIp("192.0.2." + dice.below(256));
        if (failed) {
            event.error(ERRORS.get(dice.below(ERRORS.size())));
        } else {
            event.tokens(prompt, completion)
                    .cost(price.cost(prompt, completion))
                    .completionStartTime(at.plusMillis(firstToken));
        }
        made++;
        return event.build();
    }

    /** Providers and callers make them: they repeat, and sometimes there is none. */
    private String requestId() {
        int kind = dice.below(100);
        if (kind == 0) {
            return "";
        }
        if (kind > 1 || lastRequestId.isEmpty()) {
            lastRequestId = "chatcmpl-" + Long.toString(dice.bits() >>> 1, 36);
        }
        return lastRequestId;
    }

    private List<String> tags() {
        int first = dice.below(TAGS.size() * 2);
        int second = dice.below(TAGS.size() * 4);
        List<String> tags = new ArrayList<>(2);
        if (first < TAGS.size()) {
            tags.add(TAGS.get(first));
        }
        if (second < TAGS.size() && second != first) {
            tags.add(TAGS.get(second));
        }
        return tags;
    }
}
