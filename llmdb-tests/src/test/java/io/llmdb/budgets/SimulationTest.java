package io.llmdb.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Thousands of histories with faults, judged by the reference model. A failing one prints its seed. */
class SimulationTest {

    /** Histories in which a planted bug has to be found. */
    private static final long TRIES = 3_000;

    @Test
    void noHistoryBreaksAPromise() {
        LongStream.range(0, 1_500).parallel().forEach(seed -> Simulation.run(seed, Bug.NONE));
    }

    @Test
    @Tag("storm")
    void noneOfAHundredThousandHistoriesBreaksAPromise() {
        AtomicLong done = new AtomicLong();
        LongStream.range(0, 100_000).parallel().forEach(seed -> {
            Simulation.run(seed * 7_919 + 1_000_003, Bug.NONE);
            done.incrementAndGet();
        });
        assertThat(done).hasValue(100_000);
    }

    /**
     * Seeds that failed once: what was asked and not answered was used after all (405, 2527), an epoch was used again
     * (2868), extra was granted while others waited (300), a smaller call was let by (229, 1778), the model counted as
     * covered what was booked after its lease had lapsed (160, 499, 1032), or what was on its way (1145).
     */
    @ParameterizedTest
    @ValueSource(longs = {160, 229, 300, 405, 499, 1_032, 1_145, 1_778, 2_527, 2_868})
    void whatFailedOnceDoesNotFailAgain(long seed) {
        Simulation.run(seed, Bug.NONE);
    }

    @ParameterizedTest
    @EnumSource(value = Bug.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void findsEachPlantedBug(Bug bug) {
        List<String> found = new ArrayList<>();
        for (long seed = 0; seed < TRIES && found.isEmpty(); seed++) {
            try {
                Simulation.run(seed, bug);
            } catch (Judge.Violation e) {
                found.add(e.getMessage());
            }
        }
        assertThat(found).as(bug + " in " + TRIES + " histories").isNotEmpty();
    }
}
