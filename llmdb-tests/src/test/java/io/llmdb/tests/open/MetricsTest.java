package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
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
        List<SpendEvent> events = events(world, database, 20);
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

    /** The one before would go on being reported, and be held for ever. */
    @Test
    void theNextDatabaseIsReportedOnceTheOneBeforeIsClosed(TestDatabase database) {
        LlmDb old = database.open();
        LlmDb fresh = database.open();
        List<SpendEvent> events = events(World.company(old), database, 3);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        SimpleMeterRegistry within = new SimpleMeterRegistry();
        CompositeMeterRegistry composite = new CompositeMeterRegistry().add(within);
        registry.counter("app.requests");
        LlmDbMetrics before = new LlmDbMetrics(old);
        before.bindTo(registry);
        before.bindTo(composite);
        before.bindTo(registry);
        events.forEach(old.spend()::record);
        assertThat(booked(registry)).isEqualTo(3);
        assertThat(booked(within)).isEqualTo(3);

        before.close();
        before.close();

        assertThat(registry.getMeters())
                .extracting(meter -> meter.getId().getName())
                .containsExactly("app.requests");
        assertThat(composite.getMeters()).isEmpty();
        assertThat(within.getMeters()).isEmpty();
        assertThatThrownBy(() -> before.bindTo(registry)).isInstanceOf(IllegalStateException.class);
        new LlmDbMetrics(fresh).bindTo(registry);
        assertThat(booked(registry)).isZero();
        fresh.spend().record(events.get(0));
        assertThat(registry.get("llmdb.spend.repeated").functionCounter().count())
                .isEqualTo(1);
    }

    @Test
    void databasesAreToldApartByTags(TestDatabase database) {
        LlmDb one = database.open();
        LlmDb other = database.open();
        List<SpendEvent> events = events(World.company(one), database, 5);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        LlmDbMetrics ofOne = new LlmDbMetrics(one, Tags.of("database", "one", "cache", "none"));
        LlmDbMetrics ofOther = new LlmDbMetrics(other, List.of(Tag.of("database", "other")));
        ofOne.bindTo(registry);
        ofOther.bindTo(registry);
        events.subList(0, 2).forEach(one.spend()::record);
        events.subList(2, 5).forEach(other.spend()::record);

        assertThat(booked(registry, "one")).isEqualTo(2);
        assertThat(booked(registry, "other")).isEqualTo(3);
        assertThat(registry.get("llmdb.cache.hits")
                        .tags("database", "one", "cache", "callers")
                        .functionCounter())
                .isNotNull();

        try (LlmDbMetrics again = new LlmDbMetrics(other, Tags.of("database", "one", "cache", "none"))) {
            again.bindTo(registry);
        }
        assertThat(booked(registry, "one")).as("what others have bound stays").isEqualTo(2);
        ofOne.close();
        assertThat(registry.getMeters()).hasSameSizeAs(other.meters());
        assertThat(booked(registry, "other")).isEqualTo(3);
        ofOther.close();
        assertThat(registry.getMeters()).isEmpty();
    }

    private static List<SpendEvent> events(World world, TestDatabase database, int count) {
        return world.traffic(1)
                .from(database.clock().now().minusSeconds(100), 50)
                .take(count);
    }

    private static double booked(MeterRegistry registry) {
        return registry.get("llmdb.spend.booked").functionCounter().count();
    }

    private static double booked(MeterRegistry registry, String database) {
        return registry.get("llmdb.spend.booked")
                .tag("database", database)
                .functionCounter()
                .count();
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
