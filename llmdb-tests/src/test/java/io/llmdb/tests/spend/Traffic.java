package io.llmdb.tests.spend;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.Payer;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The same events in every process: streams that a number names. Also their sums, which nobody could keep in memory as
 * events.
 */
final class Traffic {

    private final World world;
    private final Instant start;
    private final double perSecond;

    /**
     * @param world whose keys pay
     * @param start before the first event
     * @param perSecond events a second of each stream
     */
    Traffic(World world, Instant start, double perSecond) {
        this.world = world;
        this.start = start;
        this.perSecond = perSecond;
    }

    SpendEvents stream(int number) {
        List<Payer> payers = IntStream.range(0, world.keys())
                .mapToObj(key -> new Payer(World.hash(key), world.user(key), world.team(key), world.organization(key)))
                .toList();
        return SpendEvents.seeded(1_000_003L * (number + 1)).paidBy(payers).from(start, perSecond);
    }

    /** What the log holds for each key: rows, spend, tokens, and the sum of the ids' last 48 bits. */
    record Sums(long rows, BigDecimal spend, long tokens, BigDecimal ids) {

        static final Sums NONE = new Sums(0, BigDecimal.ZERO, 0, BigDecimal.ZERO);

        Sums plus(SpendEvent event) {
            return new Sums(
                    rows + 1,
                    spend.add(event.cost()),
                    tokens + event.totalTokens(),
                    ids.add(BigDecimal.valueOf(event.id().getLeastSignificantBits() & 0xFFFF_FFFF_FFFFL)));
        }

        /** By value, so that 1.0 is 1.00. */
        @Override
        public String toString() {
            return rows + " rows, " + spend.stripTrailingZeros().toPlainString() + ", " + tokens + " tokens, ids "
                    + ids.stripTrailingZeros().toPlainString();
        }
    }

    /** What the first events of some streams add up to, for each key. */
    Map<String, String> sums(int streams, int eventsOfEach) {
        Map<String, Sums> sums = new HashMap<>();
        for (int number = 0; number < streams; number++) {
            SpendEvents events = stream(number);
            for (int i = 0; i < eventsOfEach; i++) {
                SpendEvent event = events.next();
                sums.merge(event.keyHash(), Sums.NONE.plus(event), (one, more) -> one.plus(event));
            }
        }
        Map<String, String> texts = new HashMap<>();
        sums.forEach((key, sum) -> texts.put(key, sum.toString()));
        return texts;
    }

    /** The same as it stands in the log. */
    static Map<String, String> logged(TestDatabase database) {
        Map<String, String> texts = new LinkedHashMap<>();
        database.rows("""
                        SELECT api_key, count(*) AS rows, sum(spend) AS spend, sum(total_tokens)::bigint AS tokens,
                               sum(('x' || right(id::text, 12))::bit(48)::bigint) AS ids
                        FROM ${llmdb}."LLM_SpendLogs" GROUP BY api_key""")
                .forEach(row -> texts.put(
                        String.valueOf(row.get("api_key")),
                        new Sums(
                                        ((Number) row.get("rows")).longValue(),
                                        (BigDecimal) row.get("spend"),
                                        ((Number) row.get("tokens")).longValue(),
                                        (BigDecimal) row.get("ids"))
                                .toString()));
        return texts;
    }
}
