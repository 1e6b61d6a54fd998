package io.llmdb.spend;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.spend.CounterDeltas.Delta;
import io.llmdb.spend.WindowRoll.Spent;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What is added up in one pass by the finest grain is what adding event by event comes to. */
class BatchSumsTest {

    private static final Instant MIDNIGHT = Instant.parse("2026-03-01T00:00:00Z");

    /** Half of them before midnight, half behind, of few payers, some without an id or two, with tags twice. */
    private static List<SpendEvent> events() {
        Random dice = new Random(1);
        List<SpendEvent> events = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            int payer = dice.nextInt(6);
            SpendEvent.Builder event = SpendEvent.builder(MIDNIGHT.plusMillis(dice.nextInt(20_000) - 10_000))
                    .keyHash(payer == 5 ? "" : "key-" + payer)
                    .userId(payer % 3 == 0 ? "" : "user-" + payer % 3)
                    .teamId(payer == 4 ? "" : "team-" + payer % 2)
                    .organizationId(payer < 2 ? "organization" : "")
                    .model("model-" + dice.nextInt(3))
                    .provider("provider")
                    .endUser(dice.nextBoolean() ? "customer-" + dice.nextInt(4) : "")
                    .tags(dice.nextBoolean() ? List.of("a", "b", "a", "") : List.of())
                    .tokens(dice.nextInt(1_000), dice.nextInt(100))
                    .cost(BigDecimal.valueOf(dice.nextInt(1_000_000), 9));
            if (dice.nextInt(5) == 0) {
                event.error(RequestError.of("Timeout", "too late", 408));
            }
            if (payer == 1) {
                CounterId key = CounterId.of(Scope.KEY, "key-1");
                event.furtherCounters(List.of(key.forWindow("1d"), key.forModel("model-1", "30d")));
            }
            events.add(event.build());
        }
        return events;
    }

    @Test
    void countersGetWhatEachEventAdds() {
        List<SpendEvent> events = events();
        CounterDeltas deltas = new CounterDeltas(new BatchSums(events));

        Map<CounterId, BigDecimal> expected = new HashMap<>();
        Map<CounterId, TreeSet<Instant>> starts = new HashMap<>();
        for (SpendEvent event : events) {
            for (CounterId counter : CounterDeltas.countersOf(event)) {
                expected.merge(counter, event.cost(), BigDecimal::add);
                starts.computeIfAbsent(counter, any -> new TreeSet<>()).add(event.startTime());
            }
        }
        assertThat(deltas.inOrder()).extracting(Delta::counter).containsExactlyInAnyOrderElementsOf(expected.keySet());
        assertThat(deltas.inOrder()).allSatisfy(delta -> {
            assertThat(delta.spend()).isEqualByComparingTo(expected.get(delta.counter()));
            assertThat(delta.first()).isEqualTo(starts.get(delta.counter()).first());
            assertThat(delta.last()).isEqualTo(starts.get(delta.counter()).last());
        });
        List<CounterId> some = List.of(CounterId.of(Scope.TAG, "a"), CounterId.of(Scope.TEAM, "team-1"));
        Map<CounterId, List<Spent>> spent = deltas.spentOn(some);
        assertThat(spent).containsOnlyKeys(some);
        assertThat(spent)
                .allSatisfy((counter, each) -> assertThat(
                                each.stream().map(Spent::amount).reduce(BigDecimal.ZERO, BigDecimal::add))
                        .isEqualByComparingTo(expected.get(counter)));
    }

    @Test
    void everyRequestIsInOneRowOfItsDay() {
        List<SpendEvent> events = events();
        BatchSums sums = new BatchSums(events);

        assertThat(sums.spend().values().stream()
                        .mapToLong(BatchSums.Sum::requests)
                        .sum())
                .isEqualTo(events.size());
        assertThat(sums.spend().values().stream().map(BatchSums.Sum::spend).reduce(BigDecimal.ZERO, BigDecimal::add))
                .isEqualByComparingTo(events.stream().map(SpendEvent::cost).reduce(BigDecimal.ZERO, BigDecimal::add));
        assertThat(sums.spend().keySet())
                .extracting(BatchSums.SpendKey::day)
                .containsOnly(MIDNIGHT.getEpochSecond() / 86_400, MIDNIGHT.getEpochSecond() / 86_400 - 1);
        assertThat(sums.errors().values().stream()
                        .mapToLong(BatchSums.Sum::requests)
                        .sum())
                .isEqualTo(events.stream().filter(event -> !event.isSuccess()).count());
        assertThat(sums.tags().values().stream()
                        .mapToLong(BatchSums.Sum::requests)
                        .sum())
                .isEqualTo(2
                        * events.stream()
                                .filter(event -> !event.tags().isEmpty())
                                .count());
    }
}
