package io.llmdb.usage;

import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** What the rows of a cell add up to: the six sums of a daily table. */
record Sums(BigDecimal spend, long requests, long succeeded, long failed, long promptTokens, long completionTokens) {

    static final Sums NONE = new Sums(BigDecimal.ZERO, 0, 0, 0, 0, 0);

    /** The columns of the daily tables, in the order of the components. */
    static final List<String> COLUMNS = List.of(
            "spend", "api_requests", "successful_requests", "failed_requests", "prompt_tokens", "completion_tokens");

    /** The same sums over rows of the log under the name {@code l}. */
    static final String OF_LOG = "sum(l.spend) AS spend, count(*) AS api_requests,\n"
            + "        count(*) FILTER (WHERE l.status IS DISTINCT FROM 'failure') AS successful_requests,\n"
            + "        count(*) FILTER (WHERE l.status = 'failure') AS failed_requests,\n"
            + "        sum(l.prompt_tokens) AS prompt_tokens, sum(l.completion_tokens) AS completion_tokens";

    static Sums read(ResultSet row, int from) throws SQLException {
        return new Sums(
                row.getBigDecimal(from),
                row.getLong(from + 1),
                row.getLong(from + 2),
                row.getLong(from + 3),
                row.getLong(from + 4),
                row.getLong(from + 5));
    }

    Sums plus(Sums other) {
        return new Sums(
                spend.add(other.spend),
                requests + other.requests,
                succeeded + other.succeeded,
                failed + other.failed,
                promptTokens + other.promptTokens,
                completionTokens + other.completionTokens);
    }

    Sums minus(Sums other) {
        return new Sums(
                spend.subtract(other.spend),
                requests - other.requests,
                succeeded - other.succeeded,
                failed - other.failed,
                promptTokens - other.promptTokens,
                completionTokens - other.completionTokens);
    }

    /** Equal as numbers, whatever the scale of the spend. */
    boolean sameAs(Sums other) {
        Sums rest = minus(other);
        return rest.spend.signum() == 0
                && (rest.requests | rest.succeeded | rest.failed | rest.promptTokens | rest.completionTokens) == 0;
    }

    /** In the order of {@link #COLUMNS}. */
    List<BigDecimal> values() {
        return List.of(
                spend,
                BigDecimal.valueOf(requests),
                BigDecimal.valueOf(succeeded),
                BigDecimal.valueOf(failed),
                BigDecimal.valueOf(promptTokens),
                BigDecimal.valueOf(completionTokens));
    }
}
