package io.llmdb.usage;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A counter beside what it should be. */
final class CounterState {

    private final CounterId counter;
    private final @Nullable LocalDate sinceDay;
    private final boolean withinDay;
    private final boolean windowUnknown;
    private final BigDecimal totalSpend;
    private final BigDecimal spend;
    private BigDecimal expectedTotalSpend;
    private BigDecimal expectedSpend;

    /**
     * @param sinceDay the UTC day in which its window began; null: it counts everything
     * @param withinDay whether the window began later than that day
     * @param windowUnknown whether the books do not tell what its window has spent
     */
    CounterState(
            CounterId counter,
            @Nullable LocalDate sinceDay,
            boolean withinDay,
            boolean windowUnknown,
            BigDecimal expectedTotalSpend,
            BigDecimal totalSpend,
            BigDecimal expectedSpend,
            BigDecimal spend) {
        this.counter = counter;
        this.sinceDay = sinceDay;
        this.withinDay = withinDay;
        this.windowUnknown = windowUnknown;
        this.expectedTotalSpend = expectedTotalSpend;
        this.totalSpend = totalSpend;
        this.expectedSpend = expectedSpend;
        this.spend = spend;
    }

    CounterId counter() {
        return counter;
    }

    BigDecimal expectedTotalSpend() {
        return expectedTotalSpend;
    }

    BigDecimal expectedSpend() {
        return expectedSpend;
    }

    boolean isWindowUnknown() {
        return windowUnknown;
    }

    /** How much more the counter holds than it should. */
    BigDecimal excess() {
        return totalSpend.subtract(expectedTotalSpend);
    }

    /** More is expected of a day than was known; what a window has of its first day is known from elsewhere. */
    void expectMore(LocalDate day, BigDecimal amount) {
        expectedTotalSpend = expectedTotalSpend.add(amount);
        if (sinceDay == null || day.isAfter(sinceDay) || day.equals(sinceDay) && !withinDay) {
            expectedSpend = expectedSpend.add(amount);
        }
    }

    List<Difference> differences() {
        List<Difference> differences = new ArrayList<>(2);
        if (totalSpend.compareTo(expectedTotalSpend) != 0) {
            differences.add(new Difference(
                    Difference.Kind.TOTAL_SPEND,
                    counter,
                    null,
                    counter.toString(),
                    "total_spend",
                    expectedTotalSpend,
                    totalSpend));
        }
        if (!windowUnknown && spend.compareTo(expectedSpend) != 0) {
            differences.add(new Difference(
                    Difference.Kind.WINDOW_SPEND, counter, null, counter.toString(), "spend", expectedSpend, spend));
        }
        return differences;
    }
}
