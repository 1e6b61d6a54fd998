package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.ModelPrice;
import io.llmdb.testkit.SpendEvents;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SpendEventsTest {

    private static final int COUNT = 20_000;
    private static final Instant START = Instant.parse("2026-06-01T00:00:00Z");

    @Test
    void areTheSameForTheSameSeed() {
        List<SpendEvent> once = SpendEvents.seeded(1).take(COUNT);
        assertThat(SpendEvents.seeded(1).take(COUNT)).isEqualTo(once);
        assertThat(SpendEvents.seeded(2).take(COUNT)).doesNotContainAnyElementsOf(once.subList(0, 100));
        assertThat(once.stream().map(SpendEvent::id).distinct()).hasSize(COUNT);
        // The first event of a seed stays what it is, also on another JVM.
        assertThat(once.get(0).id()).hasToString("019b76da-a80b-7000-9245-c6378d5f8f6a");
    }

    @Test
    void costWhatTheirTokensCost() {
        Map<String, ModelPrice> prices =
                ModelPrice.USUAL.stream().collect(Collectors.toMap(ModelPrice::model, Function.identity()));
        assertThat(SpendEvents.seeded(3).take(COUNT)).allSatisfy(event -> {
            BigDecimal cost = prices.get(event.model()).cost(event.promptTokens(), event.completionTokens());
            assertThat(event.cost()).isEqualByComparingTo(cost);
            assertThat(event.endTime()).isAfter(event.startTime());
        });
    }

    @Test
    void lookLikeTraffic() {
        List<SpendEvent> events =
                SpendEvents.seeded(4).from(START, 100).failing(0.1).take(COUNT);
        assertThat(events).isSortedAccordingTo(Comparator.comparing(SpendEvent::startTime));
        assertThat(Duration.between(START, events.get(COUNT - 1).startTime()).toSeconds())
                .isBetween(190L, 210L);
        assertThat(events.stream().filter(event -> !event.isSuccess()).count()).isBetween(1800L, 2200L);
        Map<String, Long> byKey =
                events.stream().collect(Collectors.groupingBy(SpendEvent::keyHash, Collectors.counting()));
        assertThat(byKey).hasSizeGreaterThan(90);
        assertThat(byKey.values().stream().max(Long::compare).orElseThrow()).isGreaterThan(COUNT / 10);
        List<Long> prompts = events.stream()
                .map(SpendEvent::promptTokens)
                .filter(tokens -> tokens > 0)
                .sorted()
                .toList();
        assertThat(prompts.get(prompts.size() / 2)).isBetween(800L, 1000L);
        assertThat(prompts.get(prompts.size() * 99 / 100)).isGreaterThan(8_000);
        assertThat(events).anyMatch(event -> event.requestId().isEmpty());
        assertThat(events.stream().map(SpendEvent::requestId).distinct().count())
                .isLessThan(COUNT - 100);
        assertThat(events).anyMatch(event -> event.tags().size() == 2);
        assertThat(events).anyMatch(event -> event.endUser().isEmpty());
    }
}
