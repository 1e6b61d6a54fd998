package io.llmdb.limits;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.limits.LimitSimulation.Event;
import io.llmdb.limits.LimitSimulation.What;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Whatever happens, never more is admitted than the limit, never is refused what fits once all has been told, and the
 * time after which to try again is exact.
 */
class LimitSimulationTest {

    @Property(tries = 300)
    void noHistoryBreaksALimit(@ForAll("histories") List<Event> history) {
        new LimitSimulation(new ModelDatabase(LimitPolicy.DEFAULT.leaseTime())).run(history);
    }

    /** As many as a minute or two allow; the seed of a history that fails is in the failure. */
    @Test
    @Tag("storm")
    void noneOfAHundredThousandHistoriesBreaksALimit() {
        long calls = 0;
        for (long seed = 0; seed < 100_000; seed++) {
            LimitSimulation simulation = new LimitSimulation(new ModelDatabase(LimitPolicy.DEFAULT.leaseTime()));
            try {
                simulation.run(history(seed));
            } catch (AssertionError e) {
                throw new AssertionError("History of seed " + seed, e);
            }
            calls += simulation.calls();
        }
        assertThat(calls).isGreaterThan(1_000_000);
    }

    static List<Event> history(long seed) {
        RandomGenerator random = new java.util.SplittableRandom(seed);
        What[] bag = bag();
        List<Event> events = new ArrayList<>();
        int length = 10 + random.nextInt(60);
        for (int i = 0; i < length; i++) {
            events.add(new Event(
                    bag[random.nextInt(bag.length)], random.nextInt(3), random.nextInt(100), random.nextInt(1000)));
        }
        return events;
    }

    private static What[] bag() {
        List<What> bag = new ArrayList<>();
        for (What what : What.values()) {
            int weight = switch (what) {
                case CALL -> 10;
                case BURST -> 4;
                case SETTLE -> 6;
                case RELEASE, PASS -> 3;
                case CRASH, FAULT, LIMIT, CLOCK, PROBE -> 1;
            };
            for (int i = 0; i < weight; i++) {
                bag.add(what);
            }
        }
        return bag.toArray(What[]::new);
    }

    @Provide
    Arbitrary<List<Event>> histories() {
        Arbitrary<What> what = Arbitraries.frequency(
                Tuple.of(10, What.CALL),
                Tuple.of(4, What.BURST),
                Tuple.of(6, What.SETTLE),
                Tuple.of(3, What.RELEASE),
                Tuple.of(3, What.PASS),
                Tuple.of(1, What.CRASH),
                Tuple.of(1, What.FAULT),
                Tuple.of(1, What.LIMIT),
                Tuple.of(1, What.CLOCK),
                Tuple.of(1, What.PROBE));
        return Combinators.combine(
                        what,
                        Arbitraries.integers().between(0, 2),
                        Arbitraries.integers().between(0, 99),
                        Arbitraries.integers().between(0, 999))
                .as(Event::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(60);
    }
}
