package io.llmdb.usage;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.LocalDate;
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
 * not on every counter above it. The witness is a counter: if it agrees with the daily totals, the log is wrong.
 *
 * <p>A pure function of the cells and counters. Where no witness helps, the log is believed.
 */
final class Judge {

    /** Whom to ask, the most particular first. */
    private static final List<ScopeBooks> WITNESSES = List.of(
            ScopeBooks.KEY,
            ScopeBooks.TEAM_MEMBER,
            ScopeBooks.ORGANIZATION_MEMBER,
            ScopeBooks.USER,
            ScopeBooks.TEAM,
            ScopeBooks.ORGANIZATION,
            ScopeBooks.END_USER,
            ScopeBooks.TAG,
            ScopeBooks.PROXY);

    /** Of more cells, not every combination is tried. */
    private static final int MAX_COMBINED = 12;

    private final Map<CounterId, CounterState> counters;
    private final Set<DailyCell> wrongInLog = new HashSet<>();
    private final Set<DailyCell> wrongInTotals = new HashSet<>();

    /** What the wrong totals lack of each counter's spend. */
    private final Map<CounterState, BigDecimal> explained = new HashMap<>();

    private final Map<String, List<DailyCell>> byDayAndModel = new HashMap<>();

    private Judge(List<DailyCell> cells, Map<CounterId, CounterState> counters) {
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
     * @param ruined days whose daily totals the counters were not compared with
     * @param counters all counters that these count on, and others that differ
     * @return the differences to tell
     */
    static List<Difference> judge(List<DailyCell> cells, Set<LocalDate> ruined, Map<CounterId, CounterState> counters) {
        List<DailyCell> judged =
                cells.stream().filter(cell -> !ruined.contains(cell.day())).toList();
        Judge judge = new Judge(judged, counters);
        judge.byWitness(judged);
        judge.byLikeness(judged);
        judge.wrongInTotals.forEach(judge::expectMore);
        List<Difference> differences = new ArrayList<>();
        for (DailyCell cell : cells) {
            if (ruined.contains(cell.day()) || judge.wrongInTotals.contains(cell)) {
                differences.add(difference(cell.book().kind(), cell, cell.log(), cell.booked()));
            } else if (!judge.isToldByAnother(cell)) {
                differences.add(difference(Difference.Kind.SPEND_LOG, cell, cell.booked(), cell.log()));
            }
        }
        return differences;
    }

    private void byWitness(List<DailyCell> cells) {
        Set<DailyCell> open = new LinkedHashSet<>(cells);
        open.removeIf(cell -> cell.missing().spend().signum() == 0);
        for (ScopeBooks scope : WITNESSES) {
            Map<CounterState, List<DailyCell>> byWitness = new LinkedHashMap<>();
            for (DailyCell cell : open) {
                CounterState witness = witness(scope, cell);
                if (witness != null) {
                    byWitness.computeIfAbsent(witness, any -> new ArrayList<>()).add(cell);
                }
            }
            byWitness.forEach((witness, group) -> {
                BigDecimal excess = witness.excess().subtract(explained.getOrDefault(witness, BigDecimal.ZERO));
                List<DailyCell> lacking = lacking(group, excess);
                if (lacking != null) {
                    lacking.forEach(this::blameTotals);
                    group.stream().filter(cell -> !lacking.contains(cell)).forEach(wrongInLog::add);
                    group.forEach(open::remove);
                }
            });
        }
        open.forEach(this::blameTotals);
    }

    private @Nullable CounterState witness(ScopeBooks scope, DailyCell cell) {
        return scope.daily() == cell.book() ? counters.get(scope.counterOf(cell)) : null;
    }

    private void blameTotals(DailyCell cell) {
        wrongInTotals.add(cell);
        for (ScopeBooks scope : WITNESSES) {
            CounterState witness = witness(scope, cell);
            if (witness != null) {
                explained.merge(witness, cell.missing().spend(), BigDecimal::add);
            }
        }
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
        for (ScopeBooks scope : WITNESSES) {
            CounterState counter = witness(scope, cell);
            if (counter != null) {
                counter.expectMore(cell.day(), cell.missing().spend());
            }
        }
    }

    /** Tells of the first column that differs; the others follow in words. */
    private static Difference difference(Difference.Kind kind, DailyCell cell, Sums expected, Sums found) {
        StringBuilder where = new StringBuilder();
        if (kind == Difference.Kind.SPEND_LOG) {
            where.append("log rows of ");
        } else if (found.sameAs(Sums.NONE)) {
            where.append("missing row of ");
        }
        where.append(cell.book().words(cell));
        List<BigDecimal> expectedValues = expected.values();
        List<BigDecimal> foundValues = found.values();
        int first = -1;
        for (int i = 0; i < expectedValues.size(); i++) {
            if (expectedValues.get(i).compareTo(foundValues.get(i)) == 0) {
                continue;
            }
            if (first < 0) {
                first = i;
                continue;
            }
            where.append(", ")
                    .append(Sums.COLUMNS.get(i))
                    .append(' ')
                    .append(foundValues.get(i).toPlainString())
                    .append(" instead of ")
                    .append(expectedValues.get(i).toPlainString());
        }
        return new Difference(
                kind,
                null,
                cell.day(),
                where.toString(),
                Sums.COLUMNS.get(first),
                expectedValues.get(first),
                foundValues.get(first));
    }
}
