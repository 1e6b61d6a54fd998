package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.keys.AuthenticationMetrics;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Many callers at once: those who want the same key share a query, and invented keys hardly reach the database. */
@LlmDbTest
class FloodTest {

    @Test
    void simultaneousMissesOfOneKeyMakeOneQuery(TestDatabase database) throws Exception {
        ProxyInstance proxy = ProxyInstance.open(database);
        IssuedKey issued = proxy.admin().keys().create(VirtualKeySpec.of("wanted by all"));
        proxy.feed.catchUp();
        int callers = 64;
        CountDownLatch start = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(callers);
        try {
            List<Future<String>> outcomes = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                outcomes.add(threads.submit(() -> {
                    start.await();
                    return proxy.outcome(issued.rawKey());
                }));
            }
            start.countDown();
            for (Future<String> outcome : outcomes) {
                assertThat(outcome.get()).isEqualTo("wanted by all");
            }
        } finally {
            threads.shutdown();
        }

        assertThat(proxy.authenticator.metrics().callers().queries()).isEqualTo(1);
    }

    @Test
    void inventedKeysCostAtMostTheStatedQueries(TestDatabase database) throws Exception {
        int bound = 50;
        ProxyInstance proxy =
                ProxyInstance.open(database, AuthenticationSettings.DEFAULT.withUnknownLookupsPerSecond(bound));
        List<IssuedKey> real = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            real.add(proxy.admin().keys().create(VirtualKeySpec.of("real")));
        }
        proxy.feed.catchUp();
        double seconds = 3;
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        AtomicLong refused = new AtomicLong();
        List<Callable<Object>> all = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            Random random = new Random(t);
            all.add(() -> {
                while (System.nanoTime() < end) {
                    try {
                        proxy.authenticator.authenticate("sk-invented-" + random.nextLong() + random.nextLong());
                        return "let in";
                    } catch (UnknownKeyException e) {
                        refused.incrementAndGet();
                    }
                }
                return "refused";
            });
        }
        // A real caller whose key nobody has read yet is served in the middle of it.
        all.add(() -> {
            for (IssuedKey key : real) {
                if (!proxy.outcome(key.rawKey()).equals("real")) {
                    return "a real key is not known";
                }
            }
            return "refused";
        });
        ExecutorService threads = Executors.newFixedThreadPool(all.size());
        try {
            for (Future<Object> outcome : threads.invokeAll(all)) {
                assertThat(outcome.get()).isEqualTo("refused");
            }
        } finally {
            threads.shutdown();
        }

        double took = (System.nanoTime() - start) / 1e9;
        AuthenticationMetrics metrics = proxy.authenticator.metrics();
        assertThat(refused).hasValueGreaterThan(5_000);
        assertThat(metrics.callers().queries() - real.size())
                .as("queries for %s invented keys in %s s", refused, took)
                .isLessThanOrEqualTo((long) (bound * (took + 0.2)));
        assertThat(metrics.unknownWithoutQuery()).isGreaterThan(refused.get() / 2);
        assertThat(metrics.callers().unknownSize())
                .isLessThanOrEqualTo(AuthenticationSettings.DEFAULT.unknownCacheSize() * 2L);
    }
}
