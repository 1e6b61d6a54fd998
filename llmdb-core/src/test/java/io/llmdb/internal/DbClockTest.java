package io.llmdb.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class DbClockTest {

    private static final Instant NOON = Instant.parse("2031-03-04T12:00:00Z");
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private final DbClock clock = new DbClock(new Sql("llmdb"));
    private final long start = System.nanoTime();

    /** The database looked at its clock at the very end of the second for which it was waited for. */
    @Test
    void anAnswerThatTookLongDoesNotPutItAhead() {
        clock.observe(NOON, start - SECOND, start);

        assertIs(NOON);
    }

    @Test
    void aSlowerAnswerThatAgreesChangesNothing() {
        clock.observe(NOON, start - 1_000, start);
        clock.observe(NOON.minusMillis(400), start - SECOND, start);

        assertIs(NOON);
    }

    @Test
    void aFasterAnswerMakesItExact() {
        clock.observe(NOON, start - SECOND, start);
        clock.observe(NOON.plusMillis(400), start - 1_000, start);

        assertIs(NOON.plusMillis(400));
    }

    @Test
    void aDatabaseWhoseClockIsSetBackIsFollowed() {
        clock.observe(NOON, start - 1_000, start);
        clock.observe(NOON.minusSeconds(3_600), start - 1_000, start);

        assertIs(NOON.minusSeconds(3_600));
    }

    private void assertIs(Instant atStart) {
        Instant before = clock.instant();
        Instant most = atStart.plusNanos(System.nanoTime() - start);

        assertThat(before).isBetween(atStart, most);
    }
}
