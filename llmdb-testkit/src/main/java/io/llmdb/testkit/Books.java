package io.llmdb.testkit;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.assertj.core.api.AssertProvider;
import org.jspecify.annotations.Nullable;

/**
 * All that a database says of spend, read in one snapshot: the counters, the log, the daily totals, past windows,
 * leases. Reads the tables by SQL of its own, so that it can judge the library.
 *
 * <p>{@code assertThat(database.books()).agree()} is AssertJ's own {@code assertThat}. Printed, it is a table for
 * people. Immutable.
 */
public final class Books implements AssertProvider<BooksAssert> {

    private final String place;
    private final Summary summary;
    private final List<Counter> counters;
    private final List<String> dailyDifferences;
    private final @Nullable Long deadlocks;

    Books(
            String place,
            Summary summary,
            List<Counter> counters,
            List<String> dailyDifferences,
            @Nullable Long deadlocks) {
        this.place = place;
        this.summary = summary;
        this.counters = List.copyOf(counters);
        this.dailyDifferences = List.copyOf(dailyDifferences);
        this.deadlocks = deadlocks;
    }

    /**
     * Reads the books of a test database.
     *
     * @param database the database
     * @return its books as they are now
     */
    public static Books of(TestDatabase database) {
        return BooksReader.read(database.dataSource(), database.schema(), database.toString(), database.deadlocks());
    }

    /**
     * Reads the books of any database. Deadlocks are not counted, because it may be used by others.
     *
     * @param dataSource gives connections to the database
     * @param schema the schema's name, unquoted
     * @return its books as they are now
     */
    public static Books of(DataSource dataSource, String schema) {
        return BooksReader.read(dataSource, schema, "schema " + schema, null);
    }

    /** @return what the books hold in all */
    public Summary summary() {
        return summary;
    }

    /** @return every counter, and every scope that the log or the daily totals name without one */
    public List<Counter> counters() {
        return counters;
    }

    /**
     * One counter.
     *
     * @param scope the scope's name, such as {@code key}, {@code team}, {@code team_member}
     * @param id its id; of a member the user
     * @param parentId the team or organization of a member; else empty
     * @return the main counter
     * @throws AssertionError where there is none
     */
    public Counter counter(String scope, String id, String parentId) {
        return counters.stream()
                .filter(counter -> counter.isMain()
                        && counter.scope().equals(scope)
                        && counter.id().equals(id)
                        && counter.parentId().equals(parentId))
                .findFirst()
                .orElseThrow(() -> new AssertionError("No counter of " + scope + " \"" + id + "\" in\n" + this));
    }

    /** @return what disagrees between counters, log and daily totals, in words; empty where all agrees */
    public List<String> differences() {
        List<String> all = new ArrayList<>();
        for (Counter counter : counters) {
            counter.differences(summary.logIsKept()).forEach(difference -> all.add(counter.name() + ": " + difference));
        }
        all.addAll(dailyDifferences);
        if (summary.logIsKept() && summary.logRows() != summary.dailyRequests()) {
            all.add("the log has " + summary.logRows() + " requests, the daily totals have " + summary.dailyRequests());
        } else if (!summary.logIsKept() && summary.receipts() != summary.dailyRequests()) {
            all.add(summary.receipts() + " requests were booked without a log, the daily totals have "
                    + summary.dailyRequests());
        }
        return all;
    }

    /** @return counters of which more is spent and reserved than they may spend, in words */
    public List<String> overspent() {
        return counters.stream()
                .filter(Counter::isOverspent)
                .map(counter -> counter.name() + ": spent " + BooksReport.money(counter.spend()) + " and reserved "
                        + BooksReport.money(counter.reserved()) + " of " + BooksReport.money(counter.limit()))
                .toList();
    }

    /** @return counters of which something is reserved, in words */
    public List<String> reserved() {
        return counters.stream()
                .filter(counter -> counter.reserved().signum() > 0)
                .map(counter -> counter.name() + ": reserved " + BooksReport.money(counter.reserved()))
                .toList();
    }

    /** @return the deadlocks that PostgreSQL resolved on the database, or null where they were not counted */
    public @Nullable Long deadlocks() {
        return deadlocks;
    }

    @Override
    public BooksAssert assertThat() {
        return new BooksAssert(this);
    }

    /** @return a table for people: totals, then every counter, those that disagree first */
    @Override
    public String toString() {
        return BooksReport.of(place, this);
    }

    /**
     * What the books hold in all.
     *
     * @param logRows requests in the log
     * @param failedLogRows how many of them failed
     * @param logSpend what they cost
     * @param errorRows rows of the error log
     * @param receipts requests that were booked without a log row
     * @param dailyRequests requests in the daily totals
     * @param dailySpend what they cost
     * @param deadLetters events set aside that were not replayed
     */
    public record Summary(
            long logRows,
            long failedLogRows,
            BigDecimal logSpend,
            long errorRows,
            long receipts,
            long dailyRequests,
            BigDecimal dailySpend,
            long deadLetters) {

        /** @return whether log rows are kept, so that counters can be held against them */
        public boolean logIsKept() {
            return receipts == 0;
        }
    }

    /**
     * What is known of one counter.
     *
     * @param scope the scope's name in the tables
     * @param id its id
     * @param parentId the team or organization of a member; else empty
     * @param model the model that it is limited to; empty: all
     * @param duration the length of a further window; empty: the main counter
     * @param isThere false where the log, the daily totals or an adjustment name it and there is no row
     * @param spend what the current window has spent
     * @param totalSpend what was ever spent
     * @param logSpend what the log says was ever spent
     * @param logRows how many rows say so
     * @param logWindowSpend what the log says of the current window
     * @param dailySpend what the daily totals say; of a main counter only
     * @param pastSpend what past windows had spent
     * @param windowAdjusted what adjustments add to the current window: corrections by hand, imports, overspend carried
     *     over
     * @param totalAdjusted what they add to the total
     * @param adjustments how many there are
     * @param reserved leases that have not ended
     * @param limit what a window may spend; null: unlimited, or said elsewhere
     */
    public record Counter(
            String scope,
            String id,
            String parentId,
            String model,
            String duration,
            boolean isThere,
            BigDecimal spend,
            BigDecimal totalSpend,
            BigDecimal logSpend,
            long logRows,
            BigDecimal logWindowSpend,
            BigDecimal dailySpend,
            BigDecimal pastSpend,
            BigDecimal windowAdjusted,
            BigDecimal totalAdjusted,
            long adjustments,
            BigDecimal reserved,
            @Nullable BigDecimal limit) {

        /** @return whether it counts all requests of its scope */
        public boolean isMain() {
            return model.isEmpty() && duration.isEmpty();
        }

        boolean isOverspent() {
            return limit != null && spend.add(reserved).compareTo(limit) > 0;
        }

        String name() {
            return scope.replace('_', ' ')
                    + (id.isEmpty() ? "" : " \"" + BooksReport.shortened(id) + "\"")
                    + (parentId.isEmpty() ? "" : " of \"" + parentId + "\"")
                    + (model.isEmpty() ? "" : " for " + model)
                    + (duration.isEmpty() ? "" : " per " + duration);
        }

        List<String> differences(boolean logIsKept) {
            List<String> all = new ArrayList<>();
            if (logIsKept) {
                compare(all, "total_spend", totalSpend, "log and adjustments", logSpend.add(totalAdjusted));
                if (isThere) {
                    compare(
                            all,
                            "spend",
                            spend,
                            "log of the window and adjustments",
                            logWindowSpend.add(windowAdjusted));
                }
                if (isMain()) {
                    compare(all, "daily totals", dailySpend, "log", logSpend);
                }
            } else if (isMain()) {
                compare(all, "total_spend", totalSpend, "daily totals and adjustments", dailySpend.add(totalAdjusted));
            }
            // An adjustment may lie in a window that is over, or go with a row that was renamed.
            if (adjustments == 0) {
                compare(all, "spend and past windows", spend.add(pastSpend), "total_spend", totalSpend);
            }
            if (!isThere && !all.isEmpty()) {
                all.add("there is no such counter");
            }
            return all;
        }

        private static void compare(
                List<String> all, String oneName, BigDecimal one, String otherName, BigDecimal other) {
            if (one.compareTo(other) != 0) {
                all.add(oneName + " " + BooksReport.money(one) + ", " + otherName + " " + BooksReport.money(other)
                        + ", difference " + BooksReport.money(one.subtract(other)));
            }
        }
    }
}
