package io.llmdb.move;

import java.math.BigDecimal;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How many rows there are and the sum of a hash of each, so that their order does not matter. The hash is that of the
 * row's text under settings that both sides share, so neither version nor platform matters.
 *
 * @param rows how many rows
 * @param sum the sum of their hashes
 */
record Checksum(long rows, BigDecimal sum) {

    static final Checksum NOTHING = new Checksum(0, BigDecimal.ZERO);

    static Checksum of(Session session, List<String> columns, String from) throws SQLException {
        List<@Nullable String[]> rows = session.rowsAsIs("SELECT " + aggregates(columns, "true") + " FROM " + from);
        return read(rows.get(0), 0);
    }

    /**
     * Two columns of a query: how many rows satisfy a condition, and the sum of their hashes as text.
     *
     * @param condition a condition in SQL; no row that fails it is hashed
     */
    static String aggregates(List<String> columns, String condition) {
        return "count(*) FILTER (WHERE " + condition + "), coalesce(sum(('x' || substr(md5(ROW(" + Names.list(columns)
                + ")::text), 1, 15))::bit(60)::bigint) FILTER (WHERE " + condition + "), 0)::text";
    }

    /** What a query with {@link #aggregates} answered from a column on. */
    static Checksum read(@Nullable String[] row, int first) {
        return new Checksum(
                Long.parseLong(Objects.requireNonNull(row[first])),
                new BigDecimal(Objects.requireNonNull(row[first + 1])));
    }

    Checksum plus(Checksum other) {
        return new Checksum(rows + other.rows, sum.add(other.sum));
    }

    boolean agrees(Checksum other) {
        return rows == other.rows && sum.compareTo(other.sum) == 0;
    }
}
