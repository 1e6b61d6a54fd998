package io.llmdb.windows;

import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetDuration.Unit;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAdjusters;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Says which budget window an instant belongs to.
 *
 * <p>A window is a function of its length, the zone and, where the calendar has no boundary of that length, of an
 * anchor: the start of any window of the same chain. No job has to run on time for it.
 *
 * <table>
 * <caption>Boundaries by length</caption>
 * <tr><th>length</th><th>boundaries</th></tr>
 * <tr><td>1d, 24h</td><td>every day's reset time (midnight)</td></tr>
 * <tr><td>7d, 1w</td><td>Mondays</td></tr>
 * <tr><td>30d, 1mo</td><td>the first of every month</td></tr>
 * <tr><td>other days and weeks</td><td>every so many days from the anchor's day</td></tr>
 * <tr><td>other months</td><td>the first of every so many months from the anchor's month</td></tr>
 * <tr><td>hours, minutes, seconds that divide a day, an hour, a minute</td><td>their multiples in local time</td></tr>
 * <tr><td>other hours, minutes, seconds</td><td>the anchor and every so much time from it</td></tr>
 * </table>
 *
 * <p>A day of 23 or 25 hours is one day. Instances are immutable.
 */
public final class BudgetCalendar {

    private static final long DAY_SECONDS = 86_400;

    private final ZoneId zone;
    private final LocalTime resetTime;
    private final List<LocalDate> leftOut;

    /**
     * @param zone the zone whose calendar counts
     * @param resetTime the time of day at which days, weeks and months begin
     */
    public BudgetCalendar(ZoneId zone, LocalTime resetTime) {
        this.zone = Objects.requireNonNull(zone, "zone");
        this.resetTime = Objects.requireNonNull(resetTime, "resetTime");
        this.leftOut = daysLeftOut();
    }

    /**
     * @param zone the zone whose calendar counts
     * @return a calendar whose days begin at midnight
     */
    public static BudgetCalendar in(ZoneId zone) {
        return new BudgetCalendar(zone, LocalTime.MIDNIGHT);
    }

    /**
     * The window of an instant.
     *
     * @param duration the length of a window
     * @param anchor the start of any window of the same chain; null: the chain begins with the window asked for
     * @param at the instant
     * @return the window that contains it
     */
    public Window windowAt(BudgetDuration duration, @Nullable Instant anchor, Instant at) {
        long amount = duration.amount();
        return switch (duration.unit()) {
            case SECOND -> clockWindow(amount, 60, anchor, at);
            case MINUTE -> clockWindow(amount * 60, 3_600, anchor, at);
            case HOUR -> amount == 24 ? dayWindow(1, at, at) : clockWindow(amount * 3_600, DAY_SECONDS, anchor, at);
            case DAY, WEEK -> daysWindow(duration.unit() == Unit.WEEK ? amount * 7 : amount, anchor, at);
            case MONTH -> monthWindow(amount, anchor, at);
        };
    }

    private Window daysWindow(long days, @Nullable Instant anchor, Instant at) {
        if (days == 7) {
            LocalDate monday = dayOf(at).with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
            return new Window(startOf(monday), startOf(monday.plusWeeks(1)));
        }
        return days == 30 ? monthWindow(1, anchor, at) : dayWindow(days, anchor == null ? at : anchor, at);
    }

    private Window dayWindow(long days, Instant anchor, Instant at) {
        long first = numberOf(dayOf(anchor));
        long windows = Math.floorDiv(numberOf(dayOf(at)) - first, days);
        long start = first + windows * days;
        return new Window(startOf(dayNumbered(start)), startOf(dayNumbered(start + days)));
    }

    /** Counts the days that there were: a day that the zone left out begins when the next one does, and is none. */
    private long numberOf(LocalDate day) {
        return day.toEpochDay()
                - leftOut.stream().filter(none -> none.isBefore(day)).count();
    }

    private LocalDate dayNumbered(long number) {
        LocalDate day = LocalDate.ofEpochDay(number);
        for (LocalDate none : leftOut) {
            day = none.isAfter(day) ? day : day.plusDays(1);
        }
        return day;
    }

    /** Zones have done so when they changed sides of the date line, the last ones in 2011. */
    private List<LocalDate> daysLeftOut() {
        List<LocalDate> days = new ArrayList<>();
        for (ZoneOffsetTransition transition : zone.getRules().getTransitions()) {
            if (transition.getDuration().compareTo(Duration.ofHours(20)) > 0) {
                LocalDate before = transition.getDateTimeBefore().toLocalDate().minusDays(1);
                for (LocalDate day = before; day.isBefore(before.plusDays(4)); day = day.plusDays(1)) {
                    if (startOf(day).equals(startOf(day.plusDays(1)))) {
                        days.add(day);
                    }
                }
            }
        }
        return List.copyOf(days);
    }

    private Window monthWindow(long months, @Nullable Instant anchor, Instant at) {
        LocalDate month = dayOf(at).withDayOfMonth(1);
        LocalDate first = anchor == null ? month : dayOf(anchor).withDayOfMonth(1);
        long windows = Math.floorDiv(ChronoUnit.MONTHS.between(first, month), months);
        LocalDate start = first.plusMonths(windows * months);
        return new Window(startOf(start), startOf(start.plusMonths(months)));
    }

    private Window clockWindow(long seconds, long cycle, @Nullable Instant anchor, Instant at) {
        if (cycle % seconds == 0) {
            return new Window(lastMultiple(seconds, at), nextMultiple(seconds, at));
        }
        Instant first = anchor == null ? at : anchor;
        int nanosBehindAnchor = at.getNano() - first.getNano();
        long whole = at.getEpochSecond() - first.getEpochSecond() - (nanosBehindAnchor < 0 ? 1 : 0);
        Instant start = first.plusSeconds(Math.floorDiv(whole, seconds) * seconds);
        return new Window(start, start.plusSeconds(seconds));
    }

    /** The boundaries are the instants whose local time is a multiple, each by the offset that holds there. */
    private Instant lastMultiple(long seconds, Instant at) {
        ZoneRules rules = zone.getRules();
        Instant candidate = floor(seconds, at, rules.getOffset(at));
        Instant upTo = at;
        while (true) {
            ZoneOffsetTransition transition = rules.previousTransition(upTo.plusNanos(1));
            if (transition == null || !transition.getInstant().isAfter(candidate)) {
                return candidate;
            }
            upTo = transition.getInstant().minusNanos(1);
            candidate = floor(seconds, upTo, transition.getOffsetBefore());
        }
    }

    private Instant nextMultiple(long seconds, Instant at) {
        ZoneRules rules = zone.getRules();
        Instant candidate = floor(seconds, at, rules.getOffset(at)).plusSeconds(seconds);
        Instant from = at;
        while (true) {
            ZoneOffsetTransition transition = rules.nextTransition(from);
            if (transition == null || transition.getInstant().isAfter(candidate)) {
                return candidate;
            }
            from = transition.getInstant();
            Instant floor = floor(seconds, from, transition.getOffsetAfter());
            candidate = floor.equals(from) ? from : floor.plusSeconds(seconds);
            if (candidate.equals(from)) {
                return candidate;
            }
        }
    }

    private static Instant floor(long seconds, Instant at, ZoneOffset offset) {
        long local = at.getEpochSecond() + offset.getTotalSeconds();
        return Instant.ofEpochSecond(at.getEpochSecond() - Math.floorMod(local, seconds));
    }

    /** The day that an instant counts to: it begins at the reset time, not at midnight. */
    private LocalDate dayOf(Instant at) {
        LocalDate date = at.atZone(zone).toLocalDate();
        // A start that falls into a gap of the clock comes after it, maybe on the next date; where the clock goes back
        // over midnight, the next day's start may have passed already; and a zone may leave out a whole day.
        while (at.isBefore(startOf(date))) {
            date = date.minusDays(1);
        }
        for (LocalDate next = date.plusDays(1); !at.isBefore(startOf(next)); next = date.plusDays(1)) {
            date = next;
        }
        return date;
    }

    private Instant startOf(LocalDate day) {
        return resetTime.equals(LocalTime.MIDNIGHT)
                ? day.atStartOfDay(zone).toInstant()
                : day.atTime(resetTime).atZone(zone).toInstant();
    }
}
