package io.llmdb.examples.gateway.demo;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run shall be.
 *
 * @param databaseUrl the database; null: what the configuration names, else an embedded one
 * @param movedDatabaseUrl where to go on once the database has moved; null: its requests are refused then
 * @param config the proxy's YAML; null: none
 * @param port the gateway's port; 0: a free one
 * @param requests how many requests are made up
 * @param concurrency how many requests are under way at once
 * @param seed what the made-up traffic and the stub's answers follow from
 * @param traces traces to replay instead; empty: none
 * @param speed how many times as fast as the trace's clock; 0: as fast as the answers come
 * @param upstream an OpenAI-compatible server; null: the stub
 * @param upstreamKey the key for it; null: it wants none
 * @param prices a price table; null: the one that comes along
 * @param stubLatency how long the stub takes on average
 * @param stubFailures the part of requests that the stub lets fail, from 0 to 1
 */
public record DemoOptions(
        @Nullable String databaseUrl,
        @Nullable String movedDatabaseUrl,
        @Nullable Path config,
        int port,
        int requests,
        int concurrency,
        long seed,
        List<Path> traces,
        double speed,
        @Nullable URI upstream,
        @Nullable String upstreamKey,
        @Nullable Path prices,
        Duration stubLatency,
        double stubFailures) {

    /** Copies the list. */
    public DemoOptions {
        traces = List.copyOf(traces);
    }

    /** @return all but the key */
    @Override
    public String toString() {
        return "DemoOptions[requests " + requests + ", traces " + traces + ", seed " + seed + "]";
    }
}
