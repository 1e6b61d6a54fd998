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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    /**
     * Seeds that failed once: a minute that had been before the last two was taken for new when the clock came back to
     * it (2269, 35395, 36974); what one gave back was used again while another had used more than all might (18305,
     * 19496); the judge did not know that what is used above estimates counts in the minute in which it is told
     * (17075), nor that it is told beside the limit as it was by who has not heard of another (29749).
     */
    @ParameterizedTest
    @ValueSource(longs = {2_269, 17_075, 18_305, 19_496, 29_749, 35_395, 36_974})
    void whatFailedOnceDoesNotFailAgain(long seed) {
        new LimitSimulation(new ModelDatabase(LimitPolicy.DEFAULT.leaseTime())).run(history(seed));
    }

    /** Each is found within a few hundred histories; a run goes on until it is. */
    @ParameterizedTest
    @MethodSource("io.llmdb.limits.LimitBug#planted")
    void findsAPlantedBug(LimitBug bug) {
        String found = null;
        long seed = 0;
        while (found == null && seed < 2_000) {
            try {
                new LimitSimulation(new ModelDatabase(LimitPolicy.DEFAULT.leaseTime(), bug), bug).run(history(seed++));
            } catch (AssertionError e) {
                found = e.getMessage();
            }
        }
        assertThat(found).as(bug + " in " + seed + " histories").isNotNull();
        System.out.println(bug + " in history " + seed + ": " + found);
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
