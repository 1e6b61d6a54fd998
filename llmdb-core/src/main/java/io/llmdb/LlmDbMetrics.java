package io.llmdb;

import io.llmdb.common.Meter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Hands the {@linkplain LlmDb#meters() meters} of an open database to Micrometer, which the application brings; nothing
 * else in this library needs it.
 *
 * <pre>{@code
 * LlmDbMetrics metrics = new LlmDbMetrics(db);
 * metrics.bindTo(registry);
 * }</pre>
 *
 * <p>A registry has one meter of a name and tags, and keeps the one that came first, with its database. So close this
 * before the meters of the next database are bound, as after a move, or give databases that are open together tags that
 * tell them apart.
 *
 * <p>Safe for use by several threads.
 */
public final class LlmDbMetrics implements MeterBinder, AutoCloseable {

    private final LlmDb db;
    private final Tags tags;

    /** What was registered where. */
    private final Map<MeterRegistry, Set<io.micrometer.core.instrument.Meter>> bound = new HashMap<>();

    private boolean closed;

    /** @param db whose meters */
    public LlmDbMetrics(LlmDb db) {
        this(db, List.of());
    }

    /**
     * For several databases in one process.
     *
     * @param db whose meters
     * @param tags what each meter is tagged with beside its own tags, which count where they have the same key. Give
     *     all databases the same keys; some registries want that
     */
    public LlmDbMetrics(LlmDb db, Iterable<Tag> tags) {
        this.db = Objects.requireNonNull(db, "db");
        this.tags = Tags.of(tags);
    }

    /**
     * Registers the meters. One that the registry has already under this name and these tags stays as it is.
     *
     * @param registry where; this may be called for several
     * @throws IllegalStateException where this is closed
     */
    @Override
    public synchronized void bindTo(MeterRegistry registry) {
        if (closed) {
            throw new IllegalStateException("The meters are closed");
        }
        Set<io.micrometer.core.instrument.Meter> before = identitySet();
        before.addAll(registry.getMeters());
        Set<io.micrometer.core.instrument.Meter> own = bound.computeIfAbsent(registry, any -> identitySet());
        for (Meter meter : db.meters()) {
            io.micrometer.core.instrument.Meter registered = register(meter, registry);
            if (!before.contains(registered)) {
                own.add(registered);
            }
        }
    }

    private io.micrometer.core.instrument.Meter register(Meter meter, MeterRegistry registry) {
        List<Tag> own = meter.tags().entrySet().stream()
                .map(tag -> Tag.of(tag.getKey(), tag.getValue()))
                .toList();
        return switch (meter.kind()) {
            case GAUGE ->
                Gauge.builder(meter.name(), meter, one -> one.value().getAsDouble())
                        .description(meter.description())
                        .baseUnit(meter.unit())
                        .tags(tags.and(own))
                        .strongReference(true)
                        .register(registry);
            // The registry holds what it asks weakly; that the function holds it too keeps it.
            case COUNTER ->
                FunctionCounter.builder(
                                meter.name(), meter, any -> meter.value().getAsDouble())
                        .description(meter.description())
                        .baseUnit(meter.unit())
                        .tags(tags.and(own))
                        .register(registry);
        };
    }

    /**
     * Removes the meters from the registries that they were bound to, so that those no longer hold the database. Meters
     * of others stay. Does not close the database. A second call does nothing.
     */
    @Override
    public synchronized void close() {
        closed = true;
        bound.forEach((registry, own) ->
                registry.getMeters().stream().filter(own::contains).forEach(registry::remove));
        bound.clear();
    }

    /** Meters of one name and the same tags are equal, whoever registered them. */
    private static Set<io.micrometer.core.instrument.Meter> identitySet() {
        return Collections.newSetFromMap(new IdentityHashMap<>());
    }
}
