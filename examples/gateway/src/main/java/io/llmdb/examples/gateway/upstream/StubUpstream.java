package io.llmdb.examples.gateway.upstream;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32;

/**
 * Answers without a model. A word is a token; the length of an answer, its latency and its failure follow from the seed
 * and the request's id alone, so that a run can be repeated.
 *
 * <p>An answer has between a third and all of {@code max_tokens}, and exactly that many where the request says
 * {@code "ignore_eos": true}, as vLLM understands it.
 */
public final class StubUpstream implements Upstream {

    /** An answer's length where the request sets no bound. */
    public static final int DEFAULT_MAX_TOKENS = 256;

    private static final int TOKENS_PER_CHUNK = 8;

    private final long seed;
    private final Duration latency;
    private final double failureRate;

    /**
     * @param seed what all else follows from
     * @param latency how long an answer takes on average
     * @param failureRate the part of requests that fail, from 0 to 1
     */
    public StubUpstream(long seed, Duration latency, double failureRate) {
        this.seed = seed;
        this.latency = latency;
        this.failureRate = failureRate;
    }

    /** What happens to one request. */
    private record Fate(int tokens, long nanos, boolean fails, boolean midway, boolean overloaded) {}

    @Override
    public long countPrompt(ChatRequest request) {
        return request.texts().stream().mapToLong(Words::count).sum();
    }

    @Override
    public Answer answer(ChatRequest request) throws UpstreamException {
        Fate fate = fate(request);
        pause(fate.nanos);
        if (fate.fails) {
            throw failure(fate);
        }
        Usage usage = new Usage(countPrompt(request), fate.tokens);
        return new Answer(Shapes.answer(request, Words.text(fate.tokens), usage), usage);
    }

    @Override
    public Usage stream(ChatRequest request, Chunks chunks) throws UpstreamException, IOException {
        Fate fate = fate(request);
        int parts = (fate.tokens + TOKENS_PER_CHUNK - 1) / TOKENS_PER_CHUNK;
        pause(fate.nanos / 2);
        String text = Words.text(fate.tokens);
        int from = 0;
        for (int part = 0; part < parts; part++) {
            if (fate.fails && (!fate.midway || part * 2 >= parts)) {
                throw failure(fate);
            }
            int tokens = Math.min(fate.tokens, (part + 1) * TOKENS_PER_CHUNK);
            int to = Words.text(tokens).length();
            chunks.next(Shapes.chunk(request, text.substring(from, to)), tokens);
            from = to;
            pause(fate.nanos / 2 / parts);
        }
        if (fate.fails) {
            throw failure(fate);
        }
        chunks.next(Shapes.chunk(request, null), fate.tokens);
        return new Usage(countPrompt(request), fate.tokens);
    }

    @Override
    public String address() {
        return "stub";
    }

    @Override
    public void close() {}

    private Fate fate(ChatRequest request) {
        CRC32 hash = new CRC32();
        hash.update(request.id().getBytes(StandardCharsets.UTF_8));
        SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + hash.getValue());
        Integer asked = request.maxTokens();
        int most = asked == null ? DEFAULT_MAX_TOKENS : asked;
        boolean all = request.body().path("ignore_eos").asBoolean(false);
        int tokens = all ? most : Math.max(1, (int) (most * (1 + 2 * random.nextDouble()) / 3));
        long nanos = (long) (latency.toNanos() * (0.5 + random.nextDouble()));
        return new Fate(tokens, nanos, random.nextDouble() < failureRate, random.nextBoolean(), random.nextInt(3) == 0);
    }

    private static UpstreamException failure(Fate fate) {
        return fate.overloaded
                ? new UpstreamException(
                        503, "overloaded_error", "The stub is overloaded, as it was told to be at times")
                : new UpstreamException(502, "server_error", "The stub failed, as it was told to do at times");
    }

    private static void pause(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > TimeUnit.MICROSECONDS.toNanos(50); left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
