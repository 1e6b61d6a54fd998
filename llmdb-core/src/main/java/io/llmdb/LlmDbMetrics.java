package io.llmdb;

import io.llmdb.common.Meter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Objects;

/**
 * Hands the {@linkplain LlmDb#meters() meters} of an open database to Micrometer, which the application brings; nothing
 * else in this library needs it.
 *
 * <pre>{@code new LlmDbMetrics(db).bindTo(registry);}</pre>
 *
 * <p>Immutable.
 */
public final class LlmDbMetrics implements MeterBinder {

    private final LlmDb db;

    /** @param db whose meters */
    public LlmDbMetrics(LlmDb db) {
        this.db = Objects.requireNonNull(db, "db");
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (Meter meter : db.meters()) {
            List<Tag> tags = meter.tags().entrySet().stream()
                    .map(tag -> Tag.of(tag.getKey(), tag.getValue()))
                    .toList();
            switch (meter.kind()) {
                case GAUGE ->
                    Gauge.builder(meter.name(), meter, one -> one.value().getAsDouble())
                            .description(meter.description())
                            .baseUnit(meter.unit())
                            .tags(tags)
                            .strongReference(true)
                            .register(registry);
                // The registry holds what it asks weakly; that the function holds it too keeps it.
                case COUNTER ->
                    FunctionCounter.builder(
                                    meter.name(), meter, any -> meter.value().getAsDouble())
                            .description(meter.description())
                            .baseUnit(meter.unit())
                            .tags(tags)
                            .register(registry);
            }
        }
    }
}
