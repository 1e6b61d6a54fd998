package io.llmdb.keys;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whoever gives up leaves the way to the others. */
class BatchReaderTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final TokenBucket pace = new TokenBucket(1);
    private final BatchReader<String, String> reader = new BatchReader<>(
            (keys, found) -> {
                keys.forEach(key -> found.value(key, "of " + key));
                return 1;
            },
            key -> null,
            (key, answer) -> {},
            () -> 0,
            pace,
            PATIENCE);

    @Test
    void whoIsInterruptedWhileItHoldsTheRightToAskGivesItBack() throws Exception {
        // More than there may be questions at once.
        for (int i = 0; i < 5; i++) {
            pace.charge();
            String key = "unknown " + i;
            Thread waiting = new Thread(() -> reader.read(key, false));
            waiting.setUncaughtExceptionHandler((thread, failure) -> {});
            waiting.start();
            while (waiting.getState() != Thread.State.TIMED_WAITING) {
                assertThat(waiting.isAlive()).isTrue();
                Thread.onSpinWait();
            }
            waiting.interrupt();
            waiting.join();
        }

        assertThat(CompletableFuture.supplyAsync(
                                () -> reader.read("known", true).value())
                        .get(2 * PATIENCE.toSeconds(), TimeUnit.SECONDS))
                .isEqualTo("of known");
        assertThat(List.of(1, 2, 3, 4))
                .allSatisfy(
                        i -> assertThat(reader.read("later " + i, true).value()).isEqualTo("of later " + i));
    }
}
