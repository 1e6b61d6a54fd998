package io.llmdb.spend;

import io.llmdb.common.BudgetDuration;
import io.llmdb.windows.BudgetCalendar;
import io.llmdb.windows.Window;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a counter whose window does not hold all of the spend that is to be booked on it.
 *
 * <p>A pure function, so that a model can judge it: given the counter as it stands and the spend by instant, the
 * counter as it shall stand, and the past windows with what they gain.
 *
 * @param spend what the current window has spent afterwards
 * @param windowStart since when {@code spend} counts; null: since the counter was made
 * @param resetAt the end of the current window; null: no windows
 * @param carried how much of {@code spend} is overspend of the window before
 * @param past spend to add to windows that are over, oldest first
 */
public record WindowRoll(
        BigDecimal spend,
        @Nullable Instant windowStart,
        @Nullable Instant resetAt,
        BigDecimal carried,
        List<PastWindow> past) {

    /**
     * By so much an instance's idea of the database's clock may be ahead of it; less than a call waits for an answer.
     */
    private static final Duration AHEAD = Duration.ofMillis(250);

    /**
     * Spend of a window that is over.
     *
     * @param start its first instant
     * @param end the first instant of the next
     * @param spend what to add to it
     */
    public record PastWindow(Instant start, Instant end, BigDecimal spend) {}

    /**
     * A counter as it stands.
     *
     * @param spend what the current window has spent
     * @param windowStart since when {@code spend} counts; null: since the counter was made
     * @param resetAt its end, or null
     * @param duration how long its windows are now; null: one window for ever
     * @param maxBudget what a window may spend; null: unlimited
     */
    public record Counter(
            BigDecimal spend,
            @Nullable Instant windowStart,
            @Nullable Instant resetAt,
            @Nullable BudgetDuration duration,
            @Nullable BigDecimal maxBudget) {}

    /**
     * Some spend.
     *
     * @param at when its request was admitted
     * @param amount how much
     */
    public record Spent(Instant at, BigDecimal amount) {}

    /**
     * Adds spend and moves the counter on to the window of {@code now} or of the latest spend, whichever is later, as
     * long as that is a moment ahead only. What is further ahead counts in the window that is current now: if the
     * counter went there, nobody could be admitted on it until that window begins. Nothing is lost: what the counter
     * held goes to the window that it was counted in, and spend of windows that are over goes to them.
     *
     * @param calendar the calendar
     * @param counter the counter as it stands
     * @param now the present, by the database's clock
     * @param added what to add
     * @param rollover whether what a window has spent above its maximum is carried into the next
     * @return the counter as it shall stand
     */
    public static WindowRoll of(
            BudgetCalendar calendar, Counter counter, Instant now, List<Spent> added, boolean rollover) {
        Instant latest = latest(now, added);
        BigDecimal sum = added.stream().map(Spent::amount).reduce(BigDecimal.ZERO, BigDecimal::add);
        BudgetDuration duration = counter.duration();
        Instant anchor = counter.windowStart();
        if (duration == null) {
            return new WindowRoll(counter.spend().add(sum), anchor, null, BigDecimal.ZERO, List.of());
        }
        Instant reset = counter.resetAt();
        if (reset == null) {
            // Windows begin now; what was spent so far counts in the first, so its start stays what it was.
            Window first = calendar.windowAt(duration, anchor, latest);
            return new WindowRoll(counter.spend().add(sum), anchor, first.end(), BigDecimal.ZERO, List.of());
        }
        Instant start = anchor == null ? Instant.MIN : anchor;
        boolean over = !latest.isBefore(reset);
        // Boundaries go on from the end of the window that is over, so a length that was changed meanwhile applies from
        // there.
        Window current = over ? calendar.windowAt(duration, reset, latest) : new Window(start, reset);
        Map<Instant, PastWindow> past = new TreeMap<>();
        BigDecimal spend = over ? BigDecimal.ZERO : counter.spend();
        if (over && counter.spend().signum() != 0) {
            Window last = anchor == null
                    ? calendar.windowAt(duration, reset, reset.minusNanos(1))
                    : new Window(anchor, reset);
            add(past, last, counter.spend());
        }
        for (Spent spent : added) {
            Instant at = spent.at();
            if (!at.isBefore(current.start())) {
                spend = spend.add(spent.amount());
            } else if (over && !at.isBefore(start) && at.isBefore(reset)) {
                add(
                        past,
                        anchor == null
                                ? calendar.windowAt(duration, reset, reset.minusNanos(1))
                                : new Window(anchor, reset),
                        spent.amount());
            } else {
                add(past, calendar.windowAt(duration, over ? reset : start, at), spent.amount());
            }
        }
        BigDecimal carried = over && rollover
                ? carried(calendar, duration, overspend(counter.maxBudget(), past, reset), counter, reset, current)
                : BigDecimal.ZERO;
        return new WindowRoll(
                spend.add(carried),
                over ? current.start() : anchor,
                current.end(),
                carried,
                new ArrayList<>(past.values()));
    }

    private static Instant latest(Instant now, List<Spent> added) {
        Instant most = now.plus(AHEAD);
        Instant latest = now;
        for (Spent spent : added) {
            latest = spent.at().isAfter(latest) && !spent.at().isAfter(most) ? spent.at() : latest;
        }
        return latest;
    }

    /**
     * A window that was missed would have been filled by what was carried into it, and would have carried on the rest.
     */
    private static BigDecimal carried(
            BudgetCalendar calendar,
            BudgetDuration duration,
            BigDecimal overspend,
            Counter counter,
            Instant reset,
            Window current) {
        BigDecimal most = counter.maxBudget();
        BigDecimal carried = overspend;
        Instant at = reset;
        while (most != null && most.signum() > 0 && carried.signum() > 0 && at.isBefore(current.start())) {
            carried = carried.subtract(most).max(BigDecimal.ZERO);
            at = calendar.windowAt(duration, reset, at).end();
        }
        return carried;
    }

    /**
     * Carries what spend that came late has added to the overspend of the window just before the current one. What
     * comes late for windows further back is not carried.
     *
     * @param before the counter as it stood
     * @param spent what a window in {@link #past} has spent in all, late spend included
     * @return the counter as it shall stand; this, where it was moved on, since nothing was late then
     */
    WindowRoll withLateOverspend(Counter before, Function<PastWindow, BigDecimal> spent) {
        BigDecimal most = before.maxBudget();
        if (most == null || resetAt == null || !resetAt.equals(before.resetAt())) {
            return this;
        }
        BigDecimal late = BigDecimal.ZERO;
        for (PastWindow window : past) {
            if (window.end().equals(windowStart)) {
                BigDecimal all = spent.apply(window);
                BigDecimal overspent = all.subtract(most).max(BigDecimal.ZERO);
                late = late.add(overspent.min(window.spend()));
            }
        }
        return late.signum() == 0
                ? this
                : new WindowRoll(spend.add(late), windowStart, resetAt, carried.add(late), past);
    }

    /** What the window that ended at the reset had spent above its maximum. */
    private static BigDecimal overspend(@Nullable BigDecimal maxBudget, Map<Instant, PastWindow> past, Instant reset) {
        if (maxBudget == null) {
            return BigDecimal.ZERO;
        }
        return past.values().stream()
                .filter(window -> window.end().equals(reset))
                .map(window -> window.spend().subtract(maxBudget).max(BigDecimal.ZERO))
                .reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    private static void add(Map<Instant, PastWindow> past, Window window, BigDecimal amount) {
        past.merge(
                window.start(),
                new PastWindow(window.start(), window.end(), amount),
                (one, other) ->
                        new PastWindow(one.start(), one.end(), one.spend().add(other.spend())));
    }
}
