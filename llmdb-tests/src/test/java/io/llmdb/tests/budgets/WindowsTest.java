package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.WindowRoll;
import io.llmdb.windows.BudgetCalendar;
import io.llmdb.windows.Window;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;

/** Budget windows of all zones, and what becomes of spend at their ends, judged by sums. */
class WindowsTest {

    private static final long YEAR_1995 = 788_918_400L;
    private static final long YEAR_2045 = 2_366_841_600L;

    @Provide
    Arbitrary<ZoneId> zones() {
        return Arbitraries.of(ZoneId.getAvailableZoneIds().stream().sorted().toList())
                .map(ZoneId::of);
    }

    @Provide
    Arbitrary<BudgetDuration> lengths() {
        return Arbitraries.of(
                        "1d", "24h", "7d", "1w", "30d", "1mo", "3mo", "12mo", "2d", "10d", "2w", "1h", "6h", "8h",
                        "48h", "5h", "15m", "90m", "30s", "7s", "45s")
                .map(text -> BudgetDuration.parse("length", text));
    }

    @Provide
    Arbitrary<LocalTime> times() {
        return Arbitraries.of("00:00", "00:30", "02:30", "03:00", "12:00", "23:59:59")
                .map(LocalTime::parse);
    }

    /** Windows cover all time, without a gap and without an overlap, whatever the zone does with its clocks. */
    @Property(tries = 5_000)
    void windowsFollowEachOther(
            @ForAll("zones") ZoneId zone,
            @ForAll("times") LocalTime resetTime,
            @ForAll("lengths") BudgetDuration length,
            @ForAll @LongRange(min = YEAR_1995, max = YEAR_2045) long second,
            @ForAll boolean atChange) {
        Instant at = Instant.ofEpochSecond(second);
        if (atChange && zone.getRules().nextTransition(at) != null) {
            at = zone.getRules().nextTransition(at).getInstant().plusSeconds(second % 7_200 - 3_600);
        }
        BudgetCalendar calendar = new BudgetCalendar(zone, resetTime);
        Window window = calendar.windowAt(length, null, at);
        assertThat(window.contains(at)).as(window + " contains " + at).isTrue();
        for (int i = 0; i < 3; i++) {
            Window next = calendar.windowAt(length, window.start(), window.end());
            assertThat(next.start()).isEqualTo(window.end());
            assertThat(next.end()).isAfter(next.start());
            assertThat(calendar.windowAt(length, window.start(), window.end().minusNanos(1)))
                    .isEqualTo(window);
            window = next;
        }
    }

    /** Its reset time on the day that it left out comes with that of the next day. */
    @Example
    void aZoneThatLeavesOutADayHasOneLess() {
        BudgetCalendar calendar = new BudgetCalendar(ZoneId.of("Pacific/Fakaofo"), LocalTime.parse("23:59:59"));
        BudgetDuration twoDays = BudgetDuration.parse("length", "2d");
        Instant anchor = Instant.parse("2011-12-29T10:59:59Z");

        assertThat(calendar.windowAt(twoDays, anchor, anchor).end()).isEqualTo(Instant.parse("2011-12-31T10:59:59Z"));
        assertThat(calendar.windowAt(twoDays, anchor, Instant.parse("2011-12-31T10:59:59Z"))
                        .end())
                .isEqualTo(Instant.parse("2012-01-02T10:59:59Z"));
        windowsFollowEachOther(ZoneId.of("Pacific/Fakaofo"), LocalTime.parse("23:59:59"), twoDays, 788_918_564L, true);
    }

    /** Else nobody could be admitted until that window begins. */
    @Example
    void whatIsFarAheadDoesNotTakeTheCounterAlong() {
        BudgetCalendar calendar = BudgetCalendar.in(ZoneId.of("UTC"));
        BudgetDuration hour = BudgetDuration.parse("length", "1h");
        Instant now = Instant.parse("2031-03-04T12:56:00Z");
        Window current = calendar.windowAt(hour, null, now);
        WindowRoll.Counter counter =
                new WindowRoll.Counter(BigDecimal.ONE, current.start(), current.end(), hour, BigDecimal.TEN);

        WindowRoll roll = WindowRoll.of(
                calendar, counter, now, List.of(new WindowRoll.Spent(now.plusSeconds(290), BigDecimal.TEN)), false);

        assertThat(roll.windowStart()).isEqualTo(current.start());
        assertThat(roll.resetAt()).isEqualTo(current.end());
        assertThat(roll.spend()).isEqualByComparingTo("11");
    }

    /** Late, early, in any order, with windows missed: each amount counts once, in the window that it was spent in. */
    @Property(tries = 3_000)
    void noOrderOfBookingsLosesSpend(
            @ForAll("zones") ZoneId zone,
            @ForAll("lengths") BudgetDuration length,
            @ForAll @LongRange(min = YEAR_1995, max = YEAR_2045) long second,
            @ForAll @Size(min = 1, max = 12) List<@IntRange(min = -300, max = 300) Integer> offsets,
            @ForAll @IntRange(min = 0, max = 250) int behindMillis,
            @ForAll java.util.Random order) {
        BudgetCalendar calendar = BudgetCalendar.in(zone);
        Instant begin = Instant.ofEpochSecond(second);
        Window first = calendar.windowAt(length, null, begin);
        long step = Math.max(1, first.end().getEpochSecond() - first.start().getEpochSecond()) / 60 + 1;
        List<WindowRoll.Spent> all = new ArrayList<>();
        for (int offset : offsets) {
            all.add(new WindowRoll.Spent(begin.plusSeconds(offset * step), BigDecimal.valueOf(1 + Math.abs(offset))));
        }
        Collections.shuffle(all, order);
        WindowRoll.Counter counter = new WindowRoll.Counter(BigDecimal.ZERO, first.start(), first.end(), length, null);
        BigDecimal past = BigDecimal.ZERO;
        Instant latest = begin;
        for (WindowRoll.Spent spent : all) {
            latest = spent.at().isAfter(latest) ? spent.at() : latest;
            Instant now = latest.minusMillis(behindMillis);
            for (List<WindowRoll.Spent> added : List.of(List.of(spent), List.<WindowRoll.Spent>of())) {
                // The second one is the job, which comes twice.
                WindowRoll roll = WindowRoll.of(calendar, counter, now, added, false);
                for (WindowRoll.PastWindow window : roll.past()) {
                    past = past.add(window.spend());
                    assertThat(window.end()).isAfter(window.start());
                    assertThat(window.end()).isBeforeOrEqualTo(latest);
                }
                counter = new WindowRoll.Counter(roll.spend(), roll.windowStart(), roll.resetAt(), length, null);
            }
        }
        assertThat(latest).isBefore(counter.resetAt()).isAfterOrEqualTo(counter.windowStart());
        BigDecimal current = BigDecimal.ZERO;
        BigDecimal total = BigDecimal.ZERO;
        for (WindowRoll.Spent spent : all) {
            total = total.add(spent.amount());
            if (!spent.at().isBefore(counter.windowStart())) {
                current = current.add(spent.amount());
            }
        }
        assertThat(counter.spend()).isEqualByComparingTo(current);
        assertThat(past.add(counter.spend())).isEqualByComparingTo(total);
    }

    /** Overspend is carried from window to window as if each had been reset on time. */
    @Property(tries = 1_000)
    void aLateResetCarriesWhatPunctualOnesWould(
            @ForAll @IntRange(min = 0, max = 500) int spent,
            @ForAll @IntRange(min = 1, max = 60) int most,
            @ForAll @IntRange(min = 1, max = 12) int missed) {
        BudgetCalendar calendar = BudgetCalendar.in(ZoneId.of("UTC"));
        BudgetDuration day = BudgetDuration.parse("length", "1d");
        Window first = calendar.windowAt(day, null, Instant.parse("2026-03-01T12:00:00Z"));
        WindowRoll.Counter begin = new WindowRoll.Counter(
                BigDecimal.valueOf(spent), first.start(), first.end(), day, BigDecimal.valueOf(most));
        WindowRoll.Counter punctual = begin;
        Instant now = first.start();
        for (int i = 0; i < missed; i++) {
            now = now.plusSeconds(86_400);
            WindowRoll roll = WindowRoll.of(calendar, punctual, now, List.of(), true);
            punctual = new WindowRoll.Counter(
                    roll.spend(), roll.windowStart(), roll.resetAt(), day, BigDecimal.valueOf(most));
        }
        WindowRoll late = WindowRoll.of(calendar, begin, now, List.of(), true);
        assertThat(late.spend()).isEqualByComparingTo(punctual.spend());
        assertThat(late.windowStart()).isEqualTo(punctual.windowStart());
    }
}
