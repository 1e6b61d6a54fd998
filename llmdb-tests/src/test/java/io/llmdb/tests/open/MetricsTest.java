package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.LlmDbMetrics;
import io.llmdb.common.Meter;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.ref.WeakReference;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is measured reaches Micrometer, and what requests cost reaches whoever listens. */
@LlmDbTest
class MetricsTest {

    @Test
    void everyMeterReachesMicrometer(TestDatabase database) {
        LlmDb db = database.open();
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        new LlmDbMetrics(db).bindTo(registry);
        World world = World.company(db);
        List<SpendEvent> events = world.traffic(1)
                .from(database.clock().now().minusSeconds(100), 50)
                .take(20);
        events.forEach(db.spend()::record);
        events.forEach(db.spend()::record);
        db.authenticate(world.rawKey());
        db.authenticate(world.rawKey());
        collectGarbage();

        assertThat(registry.getMeters()).hasSameSizeAs(db.meters());
        assertThat(db.meters()).extracting(Meter::name).allMatch(name -> name.startsWith("llmdb."));
        assertThat(db.meters()).extracting(meter -> meter.name() + meter.tags()).doesNotHaveDuplicates();
        assertThat(registry.get("llmdb.spend.booked").functionCounter().count()).isEqualTo(20);
        assertThat(registry.get("llmdb.spend.repeated").functionCounter().count())
                .isEqualTo(20);
        assertThat(registry.get("llmdb.spend.backlog.rows").gauge().value()).isZero();
        assertThat(registry.get("llmdb.spend.batch.rows")
                        .tag("most", "1")
                        .functionCounter()
                        .count())
                .isEqualTo(40);
        assertThat(registry.get("llmdb.cache.hits")
                        .tag("cache", "callers")
                        .functionCounter()
                        .count())
                .isPositive();
    }

    /** Registries hold what they ask weakly, and nobody else holds the binder. */
    private static void collectGarbage() {
        WeakReference<Object> unheld = new WeakReference<>(new Object());
        Await.until("garbage is collected", Duration.ofSeconds(30), () -> {
            System.gc();
            return unheld.get() == null;
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoListensGetsEachCostOnceWhetherOrNotRowsAreKept(boolean keepRows, TestDatabase database) {
        List<SpendEvent> heard = new CopyOnWriteArrayList<>();
        LlmDbSettings settings = database.settings()
                .logs(logs -> logs.disableSpendLogs(!keepRows).disableErrorLogs(!keepRows))
                .build();
        try (LlmDb db = LlmDb.builder(settings)
                .sink(SpendLogSink.forEach(heard::add))
                .sink(SpendLogSink.forEach(event -> {
                    throw new IllegalStateException("A listener that fails");
                }))
                .open()) {
            World world = World.company(db);
            List<SpendEvent> events = world.traffic(2)
                    .from(database.clock().now().minusSeconds(100), 50)
                    .take(30);
            for (int i = 0; i < 3; i++) {
                events.forEach(db.spend()::record);
            }
            assertThat(db.spend().flush(Duration.ofSeconds(30))).isTrue();
            assertThat(heard).containsExactlyInAnyOrderElementsOf(events);
            BigDecimal cost = events.stream().map(SpendEvent::cost).reduce(BigDecimal.ZERO, BigDecimal::add);
            assertThat(database.books()).haveRequests(30).haveSpend(cost);
            assertThat(db.spend().metrics().sinkFailures()).isPositive();
        }
    }
}
