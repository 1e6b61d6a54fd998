package io.llmdb.examples.benchmarks;

import io.llmdb.testkit.TestDatabase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What indexes of the spend log cost its writer, and what a day's B-trees cost when they are built once it is over. */
final class IndexesBenchmark implements Benchmark {

    private static final int ROUNDS = 3;

    private static final String TODAY = """
            CREATE INDEX ON %1$s USING gin ((ARRAY[hashtext(api_key), hashtext("user"), hashtext(team_id), hashtext(organization_id),
                hashtext(end_user), hashtext(model), CASE WHEN status = 'failure' THEN -1 END,
                width_bucket(spend, '{0.00001,0.00003,0.0001,0.0003,0.001,0.003,0.01,0.03,0.1,0.3,1,3,10,30,100,300,1000}'::numeric[])]),
                request_tags jsonb_path_ops);
            CREATE INDEX ON %1$s USING brin ("startTime",
                request_id text_bloom_ops (n_distinct_per_range = 128, false_positive_rate = 0.001),
                session_id text_bloom_ops (n_distinct_per_range = 128, false_positive_rate = 0.001)) WITH (pages_per_range = 8);""";

    private static final String SETTLED = """
            CREATE INDEX ON %1$s (hashtext(api_key), "startTime", id);
            CREATE INDEX ON %1$s (hashtext("user"), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(team_id), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(organization_id), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(end_user), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(model), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(request_id), "startTime", id);
            CREATE INDEX ON %1$s (hashtext(session_id), "startTime", id);
            CREATE INDEX ON %1$s ("startTime", id) WHERE status = 'failure';
            CREATE INDEX ON %1$s (spend);""";

    private static final String REFERENCE = """
            ALTER TABLE %1$s ADD PRIMARY KEY (request_id);
            CREATE INDEX ON %1$s ("startTime");
            CREATE INDEX ON %1$s ("startTime", request_id);
            CREATE INDEX ON %1$s (end_user);
            CREATE INDEX ON %1$s (session_id);""";

    private static final String KEY = "ALTER TABLE %1$s ADD PRIMARY KEY (\"startTime\", id);";

    @Override
    public String name() {
        return "indexes";
    }

    @Override
    public String about() {
        return "what indexes of the spend log cost its writer, all at once or when a day is over";
    }

    @Override
    public void run(Run run) {
        int rows = run.size("rows", 200_000);
        Map<String, String> layouts = new LinkedHashMap<>();
        layouts.put("primary key only", KEY);
        layouts.put("a day that is being written", KEY + TODAY);
        layouts.put("its B-trees from the start instead", KEY + SETTLED);
        layouts.put("both from the start", KEY + TODAY + SETTLED);
        layouts.put("reference layout", REFERENCE);
        try (TestDatabase database = run.server().newDatabase()) {
            // In the order of their ids, as a batch comes; ids, keys and sessions at random within it.
            database.execute("CREATE TABLE source AS SELECT * FROM ${llmdb}.\"LLM_SpendLogs\" WITH NO DATA");
            database.execute("""
                    INSERT INTO source (id, request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime",
                        "endTime", request_duration_ms, model, model_group, custom_llm_provider, api_base, "user", metadata, cache_hit, request_tags,
                        team_id, organization_id, end_user, requester_ip_address, session_id, status, digest)
                    SELECT gen_random_uuid(), md5(random()::text) || i, 'acompletion', encode(sha256(((random() * 1000)::int)::text::bytea), 'hex'),
                        (random() * random() * 0.4)::numeric(14, 10), 1200, 1000, 200, timestamptz '2026-03-10 00:00Z' + i * interval '100 milliseconds',
                        timestamptz '2026-03-10 00:00Z' + i * interval '100 milliseconds' + interval '2 seconds', 2000,
                        'model-' || (random() * 20)::int, 'group-' || (random() * 5)::int, 'provider-' || i %% 4, 'https://api.example.com/v1',
                        'user-' || (random() * 1000)::int, '{"route": "/chat/completions", "attempt": 1}', 'False',
                        CASE WHEN i %% 2 = 0 THEN '["production", "chat"]' END::jsonb, 'team-' || (random() * 50)::int, 'organization-' || i %% 10,
                        'customer-' || (random() * 10000)::int, '10.0.0.' || i %% 250, md5(((random() * 50000)::int)::text),
                        CASE WHEN i %% 50 = 0 THEN 'failure' ELSE 'success' END, i
                    FROM generate_series(1, %d) i""".formatted(rows));
            database.execute("CREATE INDEX ON source (digest)");
            database.execute("ANALYZE source");
            run.say("a row has " + database.value(Long.class, "SELECT avg(pg_column_size(s.*))::bigint FROM source s")
                    + " bytes");
            Map<String, List<Double>> rates = new LinkedHashMap<>();
            Map<String, String> sizes = new LinkedHashMap<>();
            List<Double> building = new ArrayList<>();
            for (int round = 0; round < ROUNDS; round++) {
                for (Map.Entry<String, String> layout : layouts.entrySet()) {
                    database.execute(
                            "DROP TABLE IF EXISTS target; CREATE TABLE target (LIKE source INCLUDING DEFAULTS INCLUDING STORAGE);"
                                    + "ALTER TABLE target ALTER id SET NOT NULL;"
                                    + layout.getValue().formatted("target"));
                    database.execute("CHECKPOINT");
                    long started = System.nanoTime();
                    for (int from = 0; from < rows; from += 5_000) {
                        database.execute("INSERT INTO target SELECT * FROM source WHERE digest > " + from
                                + " AND digest <= " + (from + 5_000));
                    }
                    rates.computeIfAbsent(layout.getKey(), any -> new ArrayList<>())
                            .add(rows / ((System.nanoTime() - started) / 1e9));
                    sizes.put(
                            layout.getKey(),
                            database.value(String.class, "SELECT pg_size_pretty(pg_indexes_size('target'))"));
                    if (layout.getKey().startsWith("a day")) {
                        started = System.nanoTime();
                        database.execute(SETTLED.formatted("target"));
                        building.add((System.nanoTime() - started) / 1e9);
                    }
                }
            }
            double floor = median(rates.get("primary key only"));
            ResultTable table = ResultTable.of(
                    rows + " rows in transactions of 5,000, median of " + ROUNDS,
                    "indexes",
                    "rows a second",
                    "of the primary key's",
                    "index size");
            rates.forEach((layout, all) ->
                    table.row(layout, median(all), median(all) / floor, sizes.getOrDefault(layout, "")));
            run.report(table);
            run.say(String.format(
                    Locale.ROOT,
                    "the B-trees of a day that is over, built afterwards: %.2f s for %,d rows, which is %,.0f rows a second",
                    median(building),
                    rows,
                    rows / median(building)));
            run.aim(
                    "a day that is being written is written faster than with its B-trees from the start",
                    median(rates.get("a day that is being written")) > 1.2 * median(rates.get("both from the start")),
                    String.format(
                            Locale.ROOT,
                            "%,.0f against %,.0f rows a second",
                            median(rates.get("a day that is being written")),
                            median(rates.get("both from the start"))));
        }
    }

    private static double median(@Nullable List<Double> values) {
        return values == null
                ? Double.NaN
                : values.stream().sorted().skip(values.size() / 2).findFirst().orElse(Double.NaN);
    }
}
