package io.llmdb.usage;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was spent and used. Safe for use by several threads.
 *
 * <p>Reports come from daily totals, which are exact and stay when the log is dropped, and never read the log from end
 * to end.
 */
public final class Reports {

    private static final int TOP = 20;

    private final Db db;

    /** @param db the books */
    public Reports(Db db) {
        this.db = db;
    }

    /**
     * Sums usage up.
     *
     * <p>Any set of {@link UsageDimension#KEY}, {@code USER}, {@code TEAM}, {@code ORGANIZATION}, {@code MODEL},
     * {@code MODEL_GROUP} and {@code PROVIDER} may be told apart and asked for together; {@code END_USER} and
     * {@code TAG} each together with {@code MODEL} only.
     *
     * <p>Days of another zone than UTC are exact too. They are days of UTC, corrected by sums by hours and, where the
     * zone's offset is no whole hour, by quarters of an hour; these know everything together, or one of team,
     * organization, model and provider, or one key, user or end user, whose few requests of a quarter are read from the
     * log. A key, user or end user together with something else is read from the log through its index. All of that
     * needs the spend log; where it was dropped, what was summed up before stays. It takes several statements in one
     * snapshot; a transaction of the caller had better be at REPEATABLE READ too.
     *
     * @param query what is asked
     * @return the rows, at most as many as asked for
     * @throws InvalidArgumentException where this cannot be told apart together, or not in this zone, or not any more
     */
    public List<UsageRow> usage(UsageQuery query) {
        if (UsageStatement.isUtc(query)) {
            return db.single(tx -> run(tx.connection(), query));
        }
        return db.transaction(tx -> {
            if (!db.isJoined()) {
                try (Statement statement = tx.connection().createStatement()) {
                    statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
                }
            }
            return run(tx.connection(), query);
        });
    }

    private List<UsageRow> run(Connection connection, UsageQuery query) throws SQLException {
        return UsageStatement.of(db.sql(), connection, query).run(connection);
    }

    /**
     * Sums up all usage that a query asks for.
     *
     * @param query what is asked
     * @return one sum
     */
    public UsageTotals total(UsageQuery query) {
        UsageQuery all = new UsageQuery(
                query.from(), query.to(), query.zone(), false, Set.of(), query.of(), UsageQuery.Order.DAY, 1);
        List<UsageRow> rows = usage(all);
        return rows.isEmpty() ? UsageTotals.ZERO : rows.get(0).totals();
    }

    /**
     * Who spent most.
     *
     * @param dimension the keys, users, models, ...
     * @param from the first day, of UTC
     * @param to the last day
     * @param limit how many at most
     * @return the most expensive first
     */
    public List<UsageRow> topBySpend(UsageDimension dimension, LocalDate from, LocalDate to, int limit) {
        return usage(UsageQuery.of(from, to).by(dimension).top(UsageQuery.Order.SPEND, limit));
    }

    /**
     * All about one key, user, team or organization.
     *
     * @param dimension which of the four
     * @param id the id; of a key its hash
     * @param from the first day, of UTC
     * @param to the last day
     * @return the report
     * @throws InvalidArgumentException where the dimension is another
     */
    public UsageReport of(UsageDimension dimension, String id, LocalDate from, LocalDate to) {
        if (dimension.ordinal() > UsageDimension.ORGANIZATION.ordinal()) {
            throw new InvalidArgumentException("a report of one " + dimension.kind()
                    + ": use usage(...) for this, a key, user, team or organization for the whole report");
        }
        UsageQuery one = UsageQuery.of(from, to).only(dimension, id);
        List<UsageRow> byDay = usage(one.daily());
        Map<UsageDimension, List<UsageRow>> top = new EnumMap<>(UsageDimension.class);
        for (UsageDimension other : new UsageDimension[] {
            UsageDimension.MODEL, UsageDimension.PROVIDER, UsageDimension.KEY, UsageDimension.USER, UsageDimension.TEAM
        }) {
            if (other != dimension) {
                top.put(other, usage(one.by(other).top(UsageQuery.Order.SPEND, TOP)));
            }
        }
        UsageTotals total = byDay.stream().map(UsageRow::totals).reduce(UsageTotals.ZERO, UsageTotals::plus);
        return new UsageReport(dimension, id, total, byDay, top);
    }

    /**
     * Failed requests by model and what went wrong.
     *
     * @param from the first day, of UTC
     * @param to the last day
     * @param limit how many rows at most
     * @return the most frequent first
     */
    public List<ErrorTotals> errors(LocalDate from, LocalDate to, int limit) {
        return db.single(tx -> ErrorTotals.read(tx.connection(), db.sql(), from, to, limit));
    }

    /**
     * Writes a report as CSV: days, ids, sums, with a first line of names. Texts that a spreadsheet would take for a
     * formula are disarmed by an apostrophe.
     *
     * @param query what is asked
     * @param to takes the text, UTF-8 if it is asked; not closed
     * @return how many rows were written
     * @throws UncheckedIOException where it cannot be written to
     */
    public long exportUsage(UsageQuery query, Appendable to) {
        List<UsageRow> rows = usage(query);
        CsvWriter csv = new CsvWriter(to);
        try {
            List<String> names = new ArrayList<>();
            if (query.byDay()) {
                names.add("day");
            }
            query.byInOrder().forEach(dimension -> names.add(dimension.kind()));
            names.addAll(List.of(
                    "spend",
                    "prompt_tokens",
                    "completion_tokens",
                    "requests",
                    "successful_requests",
                    "failed_requests"));
            csv.names(names);
            for (UsageRow row : rows) {
                if (row.day() != null) {
                    csv.plain(row.day().toString());
                }
                for (UsageDimension dimension : query.byInOrder()) {
                    csv.text(row.id(dimension));
                }
                UsageTotals totals = row.totals();
                csv.plain(totals.spend().toPlainString())
                        .plain(Long.toString(totals.promptTokens()))
                        .plain(Long.toString(totals.completionTokens()))
                        .plain(Long.toString(totals.requests()))
                        .plain(Long.toString(totals.successfulRequests()))
                        .plain(Long.toString(totals.failedRequests()))
                        .endRow();
            }
            return rows.size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
