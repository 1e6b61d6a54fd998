package io.llmdb.usage;

import io.llmdb.internal.Sql;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compares the failed requests of {@code "LLM_DailyErrors"} with those of {@code "LLM_DailySpend"}. */
final class ErrorTotalsCheck {

    private static final String TOTALS = """
            SELECT day, model, model_group, sum(failed)::bigint, sum(told)::bigint
            FROM (
                SELECT day, model, model_group, failed_requests AS failed, 0 AS told
                FROM ${llmdb}."LLM_DailySpend" WHERE failed_requests <> 0
                UNION ALL
                SELECT day, model, model_group, 0, failed_requests FROM ${llmdb}."LLM_DailyErrors") t
            GROUP BY 1, 2, 3""";

    private ErrorTotalsCheck() {}

    /**
     * Compares.
     *
     * @param corrections rows of daily totals that should be something else
     * @param leftOut days of which nothing can be said
     */
    static List<Difference> differences(
            Connection connection, Sql sql, Collection<DailyCell> corrections, Set<LocalDate> leftOut)
            throws SQLException {
        Map<List<Object>, Long> missing = new HashMap<>();
        for (DailyCell cell : corrections) {
            if (cell.book() == DailyBook.SPEND) {
                missing.merge(
                        List.of(cell.day(), cell.model(), cell.keyOf("model_group")),
                        cell.missing().failed(),
                        Long::sum);
            }
        }
        List<Difference> differences = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql.of(TOTALS))) {
            while (rows.next()) {
                LocalDate day = rows.getObject(1, LocalDate.class);
                String model = rows.getString(2);
                String group = rows.getString(3);
                Long more = missing.remove(List.<Object>of(day, model, group));
                compare(
                        differences,
                        leftOut,
                        day,
                        model,
                        group,
                        rows.getLong(4) + (more == null ? 0 : more),
                        rows.getLong(5));
            }
        }
        missing.forEach((key, more) -> compare(
                differences, leftOut, (LocalDate) key.get(0), (String) key.get(1), (String) key.get(2), more, 0));
        return differences;
    }

    private static void compare(
            List<Difference> differences,
            Set<LocalDate> leftOut,
            LocalDate day,
            String model,
            String group,
            long expected,
            long found) {
        if (expected != found && !leftOut.contains(day)) {
            differences.add(new Difference(
                    Difference.Kind.DAILY_ERRORS,
                    null,
                    day,
                    day + " errors of model \"" + model + '"'
                            + (group.isEmpty() ? "" : " model group \"" + group + '"'),
                    "failed_requests",
                    BigDecimal.valueOf(expected),
                    BigDecimal.valueOf(found)));
        }
    }
}
