package io.llmdb.spend;

import io.llmdb.spend.BatchSums.ErrorKey;
import io.llmdb.spend.BatchSums.NamedKey;
import io.llmdb.spend.BatchSums.SpendKey;
import io.llmdb.spend.BatchSums.Sum;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The tables that daily totals are kept in, and what a batch adds to the rows of each. */
enum DailyTotals {
    SPEND("llmdb_add_daily_spend", 7, BatchSums::spend) {
        @Override
        void bind(BatchSums sums, SqlArrays arguments) throws SQLException {
            List<Map.Entry<SpendKey, Sum>> rows = days(sums.spend(), SpendKey::day, arguments);
            arguments
                    .texts(rows, row -> row.getKey().keyHash())
                    .texts(rows, row -> row.getKey().userId())
                    .texts(rows, row -> row.getKey().teamId())
                    .texts(rows, row -> row.getKey().organizationId())
                    .texts(rows, row -> row.getKey().model())
                    .texts(rows, row -> row.getKey().modelGroup())
                    .texts(rows, row -> row.getKey().provider());
            amounts(rows, arguments);
        }
    },
    END_USER_SPEND("llmdb_add_daily_end_user_spend", 2, BatchSums::endUsers) {
        @Override
        void bind(BatchSums sums, SqlArrays arguments) throws SQLException {
            named(sums.endUsers(), arguments);
        }
    },
    TAG_SPEND("llmdb_add_daily_tag_spend", 2, BatchSums::tags) {
        @Override
        void bind(BatchSums sums, SqlArrays arguments) throws SQLException {
            named(sums.tags(), arguments);
        }
    },
    ERRORS("llmdb_add_daily_errors", 4, BatchSums::errors) {
        @Override
        void bind(BatchSums sums, SqlArrays arguments) throws SQLException {
            List<Map.Entry<ErrorKey, Sum>> rows = days(sums.errors(), ErrorKey::day, arguments);
            arguments
                    .texts(rows, row -> row.getKey().model())
                    .texts(rows, row -> row.getKey().modelGroup())
                    .texts(rows, row -> row.getKey().type())
                    .texts(rows, row -> row.getKey().statusCode())
                    .numbers(rows, row -> row.getValue().requests());
        }

        @Override
        String amountTypes() {
            return ", ?::bigint[]";
        }
    };

    private final String function;
    private final int keyColumns;
    private final Function<BatchSums, Map<?, Sum>> rows;

    DailyTotals(String function, int keyColumns, Function<BatchSums, Map<?, Sum>> rows) {
        this.function = function;
        this.keyColumns = keyColumns;
        this.rows = rows;
    }

    boolean isEmpty(BatchSums sums) {
        return rows.apply(sums).isEmpty();
    }

    /** Sets the arguments of {@link #sql}. */
    abstract void bind(BatchSums sums, SqlArrays arguments) throws SQLException;

    /** The statement that {@link #bind} has the arguments of. */
    String sql() {
        return "SELECT ${llmdb}." + function + "(?::date[]" + ", ?::text[]".repeat(keyColumns) + amountTypes() + ")";
    }

    String amountTypes() {
        return ", ?::numeric[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]";
    }

    private static <K> List<Map.Entry<K, Sum>> days(Map<K, Sum> sums, Function<K, Long> day, SqlArrays arguments)
            throws SQLException {
        List<Map.Entry<K, Sum>> rows = new ArrayList<>(sums.entrySet());
        arguments.add(
                "date",
                rows.stream()
                        .map(row ->
                                LocalDate.ofEpochDay(day.apply(row.getKey())).toString())
                        .toArray());
        return rows;
    }

    private static void named(Map<NamedKey, Sum> sums, SqlArrays arguments) throws SQLException {
        List<Map.Entry<NamedKey, Sum>> rows = days(sums, NamedKey::day, arguments);
        arguments
                .texts(rows, row -> row.getKey().name())
                .texts(rows, row -> row.getKey().model());
        amounts(rows, arguments);
    }

    private static <K> void amounts(List<Map.Entry<K, Sum>> rows, SqlArrays arguments) throws SQLException {
        arguments
                .amounts(rows, row -> row.getValue().spend())
                .numbers(rows, row -> row.getValue().prompt())
                .numbers(rows, row -> row.getValue().completion())
                .numbers(rows, row -> row.getValue().requests())
                .numbers(rows, row -> row.getValue().succeeded());
    }
}
