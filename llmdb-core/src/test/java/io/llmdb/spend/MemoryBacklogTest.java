package io.llmdb.spend;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** When the writer may rest: only while nobody misses anything. */
class MemoryBacklogTest {

    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final MemoryBacklog backlog = new MemoryBacklog(
            DeliveryPolicy.booked().withMode(DeliveryMode.MEMORY).withBounds(2_000, 1 << 20, 1 << 20),
            new DeliveryCounts(),
            new Bell());

    private static Backlog.Entry entry(@Nullable CompletableFuture<Void> done) {
        return Backlog.Entry.of(SpendEvent.builder(START).build(), done, START.toEpochMilli());
    }

    @Test
    void fewThatNobodyWaitsForMayWait() {
        assertThat(backlog.canRest()).isTrue();
        for (int i = 0; i < 255; i++) {
            backlog.put(entry(null));
        }
        assertThat(backlog.canRest()).isTrue();
        backlog.put(entry(null));
        assertThat(backlog.canRest()).isFalse();
    }

    @Test
    void whatACallerWaitsForIsNotHeldUp() {
        backlog.put(entry(new CompletableFuture<>()));
        assertThat(backlog.canRest()).isFalse();
        assertThat(backlog.poll(10)).isNotNull();
        assertThat(backlog.canRest()).isTrue();
    }

    @Test
    void whatWasReservedIsNotHeldUp() {
        backlog.put(entry(null));
        SpendEvent reserved = SpendEvent.builder(START)
                .keyHash("k")
                .leases(UUID.randomUUID(), List.of(new LeaseShare(CounterId.of(Scope.KEY, "k"), 1, BigDecimal.ONE)))
                .build();
        backlog.put(Backlog.Entry.of(reserved, null, START.toEpochMilli()));
        assertThat(backlog.canRest()).isFalse();
    }

    @Test
    void nobodyIsRefusedBecauseOfARest() {
        SpendEvent large =
                SpendEvent.builder(START).metadata("x".repeat(140_000)).build();
        backlog.put(Backlog.Entry.of(large, null, START.toEpochMilli()));
        assertThat(backlog.canRest()).isFalse();
        Backlog.Claim claim = backlog.poll(10);
        assertThat(claim).isNotNull();
        backlog.done(claim);
        assertThat(backlog.canRest()).isTrue();
        backlog.close();
        assertThat(backlog.canRest()).isFalse();
    }
}
