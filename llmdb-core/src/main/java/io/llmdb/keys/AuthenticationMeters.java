package io.llmdb.keys;

import io.llmdb.common.Meter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/** What {@link AuthenticationMetrics} holds, one by one, for collectors. */
final class AuthenticationMeters {

    private AuthenticationMeters() {}

    static List<Meter> of(Supplier<AuthenticationMetrics> metrics) {
        List<Meter> meters = new ArrayList<>();
        cache(meters, "callers", metrics, AuthenticationMetrics::callers);
        meters.add(Meter.counter(
                "llmdb.callers.by.key.alone",
                "callers",
                "callers that were read by their key's row alone, because what is around it was in memory",
                () -> metrics.get().callersByKeyAlone()));
        cache(meters, "end_users", metrics, AuthenticationMetrics::endUsers);
        cache(meters, "tags", metrics, AuthenticationMetrics::tags);
        cache(meters, "budgets", metrics, AuthenticationMetrics::budgets);
        meters.add(Meter.counter(
                "llmdb.keys.malformed",
                "keys",
                "strings that are no keys",
                () -> metrics.get().malformed()));
        meters.add(Meter.counter(
                "llmdb.keys.unknown.without.query",
                "keys",
                "keys that were refused as unknown without a query, because too many such came",
                () -> metrics.get().unknownWithoutQuery()));
        return meters;
    }

    private static void cache(
            List<Meter> meters,
            String name,
            Supplier<AuthenticationMetrics> all,
            Function<AuthenticationMetrics, CacheMetrics> part) {
        Supplier<CacheMetrics> cache = () -> part.apply(all.get());
        List<Meter> own = List.of(
                Meter.counter(
                        "llmdb.cache.hits",
                        "lookups",
                        "answers from a cache",
                        () -> cache.get().hits()),
                Meter.counter(
                        "llmdb.cache.unknown.hits",
                        "lookups",
                        "answers from a cache that there is none",
                        () -> cache.get().unknownHits()),
                Meter.counter(
                        "llmdb.cache.misses",
                        "lookups",
                        "lookups that needed the database",
                        () -> cache.get().misses()),
                Meter.counter(
                        "llmdb.cache.queries",
                        "queries",
                        "queries for these",
                        () -> cache.get().queries()),
                Meter.gauge(
                        "llmdb.cache.size",
                        "entries",
                        "entries of a cache, about",
                        () -> cache.get().size()));
        own.forEach(meter -> meters.add(meter.tagged("cache", name)));
    }
}
