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
        String row = "ROW(" + Names.list(columns) + ")::text";
        List<@Nullable String[]> rows = session.rows("SELECT count(*), coalesce(sum(('x' || substr(md5(" + row
                + "), 1, 15))::bit(60)::bigint), 0)::text FROM " + from);
        @Nullable String[] answer = rows.get(0);
        return new Checksum(
                Long.parseLong(Objects.requireNonNull(answer[0])), new BigDecimal(Objects.requireNonNull(answer[1])));
    }

    Checksum plus(Checksum other) {
        return new Checksum(rows + other.rows, sum.add(other.sum));
    }

    boolean agrees(Checksum other) {
        return rows == other.rows && sum.compareTo(other.sum) == 0;
    }
}
