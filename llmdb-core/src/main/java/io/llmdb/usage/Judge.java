package io.llmdb.usage;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Says of cells in which log and daily totals differ which of the two is wrong, so that one wrong row is told once and
 * not on every counter above it. The witnesses are the counters: if they agree with the daily totals, the log is wrong.
 *
 * <p>A pure function of the cells and counters. Where no witness helps, the log is believed.
 */
final class Judge {

    /** Of more cells, not every combination is tried. */
    private static final int MAX_COMBINED = 12;

    private final List<DailyCell> cells;
    private final Map<CounterId, CounterState> counters;
    private final Set<DailyCell> wrongInLog = new HashSet<>();
    private final Set<DailyCell> wrongInTotals = new LinkedHashSet<>();

    private final Map<String, List<DailyCell>> byDayAndModel = new HashMap<>();

    private Judge(List<DailyCell> cells, Map<CounterId, CounterState> counters) {
        this.cells = cells;
        this.counters = counters;
        for (DailyCell cell : cells) {
            byDayAndModel
                    .computeIfAbsent(dayAndModel(cell), any -> new ArrayList<>())
                    .add(cell);
        }
    }

    /**
     * Judges, and lets the counters expect what the daily totals lack.
     *
     * @param cells cells that differ
     * @param counters all counters that these count on, and others that differ
     * @return the judgement
     */
    static Judge judge(List<DailyCell> cells, Map<CounterId, CounterState> counters) {
        Judge judge = new Judge(cells, counters);
        judge.byWitness();
        judge.byLikeness(cells);
        judge.wrongInTotals.forEach(judge::expectMore);
        return judge;
    }

    List<Difference> differences() {
        List<Difference> differences = new ArrayList<>();
        for (DailyCell cell : cells) {
            if (wrongInTotals.contains(cell)) {
                differences.add(cell.difference(cell.book().kind(), cell.log(), cell.booked()));
            } else if (!isToldByAnother(cell)) {
                differences.add(cell.difference(Difference.Kind.SPEND_LOG, cell.booked(), cell.log()));
            }
        }
        return differences;
    }

    /** Rows of daily totals that are to be set to what the log says. */
    Set<DailyCell> wrongInTotals() {
        return wrongInTotals;
    }

    /**
     * Each counter above a cell says which of the cells below it lack what it holds. The log is blamed where more of
     * them say so than not.
     */
    private void byWitness() {
        Map<DailyCell, Integer> forTheLog = new HashMap<>();
        for (ScopeBooks scope : ScopeBooks.values()) {
            Map<CounterState, List<DailyCell>> byWitness = new LinkedHashMap<>();
            for (DailyCell cell : cells) {
                CounterState witness = witness(scope, cell);
                if (witness != null && cell.missing().spend().signum() != 0) {
                    byWitness.computeIfAbsent(witness, any -> new ArrayList<>()).add(cell);
                }
            }
            byWitness.forEach((witness, below) -> {
                List<DailyCell> lacking = lacking(below, witness.excess());
                if (lacking != null) {
                    below.forEach(cell -> forTheLog.merge(cell, lacking.contains(cell) ? 1 : -1, Integer::sum));
                }
            });
        }
        for (DailyCell cell : cells) {
            if (cell.missing().spend().signum() != 0) {
                (forTheLog.getOrDefault(cell, 0) < 0 ? wrongInLog : wrongInTotals).add(cell);
            }
        }
    }

    private @Nullable CounterState witness(ScopeBooks scope, DailyCell cell) {
        return scope.daily() == cell.book() ? counters.get(scope.counterOf(cell)) : null;
    }

    /** The cells that together lack the amount; null where no combination does. */
    private static @Nullable List<DailyCell> lacking(List<DailyCell> group, BigDecimal amount) {
        if (sum(group).compareTo(amount) == 0) {
            return group;
        }
        if (amount.signum() == 0) {
            return List.of();
        }
        if (group.size() > MAX_COMBINED) {
            return null;
        }
        for (int chosen = 1; chosen < 1 << group.size(); chosen++) {
            List<DailyCell> cells = new ArrayList<>();
            for (int i = 0; i < group.size(); i++) {
                if ((chosen & 1 << i) != 0) {
                    cells.add(group.get(i));
                }
            }
            if (sum(cells).compareTo(amount) == 0) {
                return cells;
            }
        }
        return null;
    }

    private static BigDecimal sum(List<DailyCell> cells) {
        return cells.stream().map(cell -> cell.missing().spend()).reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    /** No counter counts tokens and requests. But where two tables lack the same, it is the log that is wrong. */
    private void byLikeness(List<DailyCell> cells) {
        for (DailyCell cell : cells) {
            if (cell.missing().spend().signum() == 0) {
                boolean alike = alike(cell).stream()
                        .anyMatch(other ->
                                other.book() != cell.book() && other.missing().sameAs(cell.missing()));
                (alike ? wrongInLog : wrongInTotals).add(cell);
            }
        }
    }

    /** Whether the wrong log rows behind this cell are told where they show in {@code "LLM_DailySpend"}. */
    private boolean isToldByAnother(DailyCell cell) {
        if (cell.book() == DailyBook.SPEND) {
            return false;
        }
        Sums all = Sums.NONE;
        for (DailyCell other : alike(cell)) {
            if (other.book() == DailyBook.SPEND && wrongInLog.contains(other)) {
                if (other.missing().sameAs(cell.missing())) {
                    return true;
                }
                all = all.plus(other.missing());
            }
        }
        return !all.sameAs(Sums.NONE) && all.sameAs(cell.missing());
    }

    private List<DailyCell> alike(DailyCell cell) {
        return byDayAndModel.getOrDefault(dayAndModel(cell), List.of());
    }

    private static String dayAndModel(DailyCell cell) {
        return cell.day() + " " + cell.model();
    }

    private void expectMore(DailyCell cell) {
        for (ScopeBooks scope : ScopeBooks.values()) {
            CounterState counter = witness(scope, cell);
            if (counter != null) {
                counter.expectMore(cell.day(), cell.missing().spend());
            }
        }
    }
}
