package io.llmdb.examples.gateway.traffic;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Sends planned requests, all at once or by the clock, and keeps what the clients saw. */
public final class TrafficRun {

    private final Client client;
    private final Map<String, String> keys;
    private final Queue<Reply> replies = new ConcurrentLinkedQueue<>();
    private final Map<Reply.Kind, LongAdder> kinds = new LinkedHashMap<>();
    private final AtomicLong latest = new AtomicLong();

    /**
     * @param client sends the requests
     * @param keys the virtual key of each app
     */
    public TrafficRun(Client client, Map<String, String> keys) {
        this.client = client;
        this.keys = Map.copyOf(keys);
        for (Reply.Kind kind : Reply.Kind.values()) {
            kinds.put(kind, new LongAdder());
        }
    }

    /**
     * Sends all requests as fast as the answers come. Each app sends its own in their order, on threads of its own: as
     * many as its part of the traffic is of all.
     *
     * @param plan the requests
     * @param concurrency how many requests are under way at once, over all apps; each app has at least one
     * @throws InterruptedException where the thread is interrupted
     */
    public void sendAll(List<PlannedRequest> plan, int concurrency) throws InterruptedException {
        Map<String, List<PlannedRequest>> byApp = new LinkedHashMap<>();
        plan.forEach(request ->
                byApp.computeIfAbsent(request.app(), app -> new ArrayList<>()).add(request));
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> lanes = new ArrayList<>();
            for (List<PlannedRequest> requests : byApp.values()) {
                Iterator<PlannedRequest> left = requests.iterator();
                int width = Math.max(1, Math.round((float) concurrency * requests.size() / plan.size()));
                for (int i = 0; i < width; i++) {
                    lanes.add(threads.submit(() -> sendWhileAny(left)));
                }
            }
            await(lanes);
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * Sends each request at its time, whether or not the ones before have been answered.
     *
     * @param plan the requests, by time
     * @param speed how many times as fast as the clock
     * @param concurrency how many requests are under way at once at most; beyond that they are sent late
     * @throws InterruptedException where the thread is interrupted
     */
    public void sendByClock(List<PlannedRequest> plan, double speed, int concurrency) throws InterruptedException {
        ExecutorService threads = Executors.newCachedThreadPool();
        Semaphore slots = new Semaphore(concurrency);
        long start = System.nanoTime();
        try {
            for (PlannedRequest request : plan) {
                long due = start + (long) (request.atNanos() / speed);
                for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                    if (Thread.interrupted()) {
                        throw new InterruptedException();
                    }
                    LockSupport.parkNanos(left);
                }
                slots.acquire();
                latest.accumulateAndGet(System.nanoTime() - due, Math::max);
                threads.execute(() -> {
                    try {
                        send(request);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    } finally {
                        slots.release();
                    }
                });
            }
            slots.acquire(concurrency);
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * How many requests ended in some way.
     *
     * @param kind the way
     * @return their number so far
     */
    public long count(Reply.Kind kind) {
        LongAdder adder = kinds.get(kind);
        return adder == null ? 0 : adder.sum();
    }

    /** @return how many requests have ended so far */
    public long ended() {
        return kinds.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /** @return how late the latest request was sent, where they are sent by the clock */
    public double latestSeconds() {
        return latest.get() / 1e9;
    }

    /** @return what the clients saw so far */
    public Collection<Reply> replies() {
        return List.copyOf(replies);
    }

    private Void sendWhileAny(Iterator<PlannedRequest> left) throws InterruptedException {
        while (true) {
            PlannedRequest next;
            synchronized (left) {
                if (!left.hasNext()) {
                    return null;
                }
                next = left.next();
            }
            send(next);
        }
    }

    private void send(PlannedRequest request) throws InterruptedException {
        String key = keys.get(request.app());
        if (key == null) {
            throw new IllegalArgumentException("App \"" + request.app() + "\" has no key");
        }
        Reply reply = client.send(request, key);
        replies.add(reply);
        LongAdder adder = kinds.get(reply.kind());
        if (adder != null) {
            adder.increment();
        }
    }

    private static void await(List<Future<?>> lanes) throws InterruptedException {
        for (Future<?> lane : lanes) {
            try {
                lane.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("Sending ended with " + e.getCause(), e);
            }
        }
    }
}
