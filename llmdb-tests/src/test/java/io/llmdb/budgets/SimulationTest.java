package io.llmdb.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Thousands of histories with faults, judged by the reference model. A failing one prints its seed. */
class SimulationTest {

    /** Histories in which a planted bug has to be found. */
    private static final long TRIES = 10_000;

    @Test
    void noHistoryBreaksAPromise() {
        LongStream.range(0, 1_000).parallel().forEach(seed -> Simulation.run(seed, Bug.NONE));
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
     * (2868), what a call gave back was taken again while a question handed it back (139645855), extra was granted
     * while others waited (300, 230365919), a smaller call was let by (229, 1778), the model counted as covered what
     * was booked after its lease had lapsed (160, 499, 1032), or what was on its way (1145), knew nothing of a commit
     * that its holder had not heard of (640134574) and of a counter's first window (456017824).
     */
    @ParameterizedTest
    @ValueSource(
            longs = {
                160,
                229,
                300,
                405,
                499,
                1_032,
                1_145,
                1_778,
                2_527,
                2_868,
                139_645_855,
                230_365_919,
                456_017_824,
                640_134_574
            })
    void whatFailedOnceDoesNotFailAgain(long seed) {
        Simulation.run(seed, Bug.NONE);
    }

    @ParameterizedTest
    @EnumSource(
            names = {
                "A_RELEASE_IS_LOST",
                "A_RELEASE_COUNTS_TWICE",
                "A_BOOKING_IS_NOT_HEARD",
                "THE_SAME_ROOM_IS_GRANTED_TWICE",
                "A_WINDOWS_END_LOSES_LATE_SPEND",
                "A_QUESTION_WHOSE_ANSWER_WAS_LOST_COUNTS_AS_NOT_ASKED",
                "A_LEASE_NEVER_ENDS_FOR_ITS_HOLDER",
                "A_LEASE_ENDS_BY_THE_MONOTONIC_CLOCK_ALONE",
                "A_LAPSED_LEASE_IS_RENEWED",
                "A_LATE_QUESTION_IS_TAKEN"
            })
    void findsAPlantedBug(Bug bug) {
        find(bug);
    }

    @ParameterizedTest
    @EnumSource(value = Bug.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    @Tag("storm")
    void findsEachPlantedBug(Bug bug) {
        System.out.println(bug + ": " + find(bug));
    }

    private static String find(Bug bug) {
        AtomicReference<String> found = new AtomicReference<>();
        LongStream.range(0, TRIES)
                .parallel()
                .filter(seed -> found.get() == null)
                .forEach(seed -> {
                    try {
                        Simulation.run(seed, bug);
                    } catch (Judge.Violation e) {
                        // It is found only where the fault makes the difference.
                        Simulation.run(seed, Bug.NONE);
                        found.compareAndSet(null, e.getMessage());
                    }
                });
        assertThat(found.get()).as(bug + " in " + TRIES + " histories").isNotNull();
        return found.get();
    }
}
