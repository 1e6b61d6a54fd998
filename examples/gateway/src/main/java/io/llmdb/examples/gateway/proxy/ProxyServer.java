package io.llmdb.examples.gateway.proxy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.proxy.ApiError.Refusal;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.keys.Caller;
import io.llmdb.settings.LlmDbSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The proxy on HTTP: {@code /v1/chat/completions}, {@code /v1/models}, {@code /health}.
 *
 * <p>On the JDK's own server, one thread for each request at work: that is enough for an example and adds no
 * dependency. Connections beyond the queue are closed. Closing lets requests end that are at work.
 */
public final class ProxyServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ProxyServer.class);

    private static final int THREADS = 128;
    private static final int QUEUE = 1_024;
    private static final long LONGEST_DRAIN = TimeUnit.SECONDS.toNanos(15);

    private final CurrentDatabase database;
    private final PriceTable prices;
    private final ChatCompletions chat;
    private final Latencies overhead = new Latencies();
    private final AtomicInteger atWork = new AtomicInteger();
    private final ThreadPoolExecutor threads;
    private final HttpServer server;
    private volatile boolean closing;

    private ProxyServer(
            CurrentDatabase database, LlmDbSettings settings, Upstream upstream, PriceTable prices, int port)
            throws IOException {
        this.database = database;
        this.prices = prices;
        this.chat = new ChatCompletions(
                database,
                upstream,
                prices,
                new Bookkeeper(database, upstream, settings.logs().storePrompts()),
                settings.budgets().reservationTime(),
                overhead);
        AtomicInteger number = new AtomicInteger();
        this.threads = new ThreadPoolExecutor(
                THREADS, THREADS, 30, TimeUnit.SECONDS, new ArrayBlockingQueue<>(QUEUE), task -> {
                    Thread thread = new Thread(task, "gateway-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        threads.allowCoreThreadTimeOut(true);
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), QUEUE);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
    }

    /**
     * Starts to serve on this machine's loopback address.
     *
     * @param database the database; stays open when this is closed
     * @param settings what the database was opened with
     * @param upstream answers the requests; stays open when this is closed
     * @param prices the models and what they cost
     * @param port the port; 0: a free one
     * @return the server
     * @throws IOException where the port is taken
     */
    public static ProxyServer start(
            CurrentDatabase database, LlmDbSettings settings, Upstream upstream, PriceTable prices, int port)
            throws IOException {
        // The JDK's server writes head and body apart: without this an answer waits for the acknowledgement of its
        // head. It reads these once, when its class is loaded.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        System.setProperty("sun.net.httpserver.maxReqTime", "60");
        ProxyServer proxy = new ProxyServer(database, settings, upstream, prices, port);
        proxy.server.start();
        return proxy;
    }

    /** @return its address, without a path */
    public URI address() {
        return URI.create("http://localhost:" + server.getAddress().getPort());
    }

    /** @return the time that the gateway itself takes for each request that reaches the upstream */
    public Latencies overhead() {
        return overhead;
    }

    private void handle(HttpExchange exchange) {
        atWork.incrementAndGet();
        HttpCall http = new HttpCall(exchange);
        try {
            try {
                route(http);
            } catch (Refusal e) {
                answer(http, e.error());
            } catch (LlmDbException e) {
                ApiError error = ApiErrors.of(e);
                if (error.status() >= 500) {
                    LOG.warn("Request {} failed: {}", http.requestId(), e.getMessage());
                }
                answer(http, error);
            } catch (RuntimeException e) {
                LOG.error("Request {} failed", http.requestId(), e);
                answer(http, ApiError.of(500, "server_error", "internal_error", "The proxy failed; its log says why"));
            }
        } catch (IOException e) {
            LOG.debug("The client of request {} is gone: {}", http.requestId(), e.toString());
        } finally {
            atWork.decrementAndGet();
            exchange.close();
        }
    }

    private void route(HttpCall http) throws IOException {
        if (closing) {
            throw new Refusal(ApiError.of(503, "service_unavailable", "closing", "The proxy is closing")
                    .withRetryAfter(1));
        }
        switch (http.method() + " " + http.path()) {
            case "POST /v1/chat/completions", "POST /chat/completions" -> chat.handle(http);
            case "GET /v1/models", "GET /models" -> http.json(200, models(http));
            case "GET /health" -> http.json(200, Json.object().put("status", "ok"));
            default ->
                throw new Refusal(ApiError.of(
                        404,
                        "invalid_request_error",
                        "not_found",
                        "There is no " + http.method() + " " + http.path()
                                + ": use POST /v1/chat/completions, GET /v1/models or GET /health"));
        }
    }

    private ObjectNode models(HttpCall http) {
        Caller caller = database.ask(db -> db.authenticate(http.bearer()));
        caller.requireRoute(http.path());
        ObjectNode list = Json.object().put("object", "list");
        ArrayNode data = list.putArray("data");
        for (String model : prices.models()) {
            if (ModelRules.mayCall(caller, model)) {
                data.addObject()
                        .put("id", model)
                        .put("object", "model")
                        .put("owned_by", prices.find(model).map(Price::provider).orElse(""));
            }
        }
        return list;
    }

    private static void answer(HttpCall http, ApiError error) throws IOException {
        if (!http.isAnswered()) {
            http.error(error);
        }
    }

    /** Takes no more requests, waits for those at work, and stops. */
    @Override
    public void close() {
        closing = true;
        long start = System.nanoTime();
        while (atWork.get() > 0 && System.nanoTime() - start < LONGEST_DRAIN) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
        if (atWork.get() > 0) {
            LOG.warn("{} requests did not end in time", atWork.get());
        }
        server.stop(0);
        threads.shutdownNow();
    }
}
