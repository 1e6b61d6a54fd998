package io.llmdb.tests.keys;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * An instance that authenticates with each of many keys, again and again, and tells whenever the outcome of one is
 * another than before. A process of its own, or a thread.
 */
public final class HotPath implements Runnable {

    /** Between two rounds over all keys. */
    private static final long PAUSE_NANOS = 20_000_000;

    private static final int THREADS = 4;

    private final LlmDb db;
    private final List<String> rawKeys;
    private final Listener listener;
    private final AtomicLong calls = new AtomicLong();
    private volatile boolean over;

    /** Hears of outcomes. */
    interface Listener {
        void outcome(int key, String outcome, long epochMicros);
    }

    HotPath(LlmDb db, List<String> rawKeys, Listener listener) {
        this.db = db;
        this.rawKeys = rawKeys;
        this.listener = listener;
    }

    /** Arguments: the database's URL, the schema, a file with the raw keys. */
    public static void main(String[] arguments) throws Exception {
        List<String> rawKeys = Files.readAllLines(Path.of(arguments[2]));
        try (LlmDb db = LlmDb.open(LlmDbSettings.builder()
                .environment(Map.of())
                .connection(connection -> connection
                        .databaseUrl(arguments[0])
                        .schema(arguments[1])
                        .poolLimit(4))
                .build())) {
            HotPath path = new HotPath(
                    db,
                    rawKeys,
                    (key, outcome, micros) -> System.out.println("outcome " + key + " " + micros + " " + outcome));
            Thread reporter = new Thread(() -> {
                while (true) {
                    LockSupport.parkNanos(1_000_000_000L);
                    System.out.println("calls " + path.calls.get());
                }
            });
            reporter.setDaemon(true);
            reporter.start();
            path.run();
        }
    }

    /** Works with some threads until it is ended. */
    @Override
    public void run() {
        List<Thread> threads = new ArrayList<>();
        for (int part = 0; part < THREADS; part++) {
            int first = part;
            Thread thread = new Thread(() -> run(first), "callers " + part);
            thread.start();
            threads.add(thread);
        }
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            over = true;
        }
    }

    private void run(int first) {
        String[] last = new String[rawKeys.size()];
        while (!over) {
            int made = 0;
            for (int key = first; key < last.length; key += THREADS) {
                String outcome = outcome(rawKeys.get(key));
                if (!outcome.equals(last[key])) {
                    last[key] = outcome;
                    listener.outcome(key, outcome, now());
                }
                made++;
            }
            calls.addAndGet(made);
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    long calls() {
        return calls.get();
    }

    void end() {
        over = true;
    }

    /** The machine's clock, which its processes share. */
    static long now() {
        java.time.Instant now = java.time.Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
    }

    private String outcome(String rawKey) {
        try {
            return String.valueOf(db.authenticate(rawKey).key().spec().alias());
        } catch (RuntimeException e) {
            return e.getClass().getSimpleName();
        }
    }
}
