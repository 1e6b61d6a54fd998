package io.llmdb.spend;

import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a batch adds to the rows of one table of daily totals. */
final class DailyTotals {

    private final int keyColumns;
    private final boolean errorsOnly;
    private final Map<Key, Sum> sums = new HashMap<>();

    private DailyTotals(int keyColumns, boolean errorsOnly) {
        this.keyColumns = keyColumns;
        this.errorsOnly = errorsOnly;
    }

    /** The tables that daily totals are kept in. */
    enum Table {
        SPEND("llmdb_add_daily_spend", 7, false) {
            @Override
            List<List<String>> keys(SpendEvent event) {
                return List.of(List.of(
                        event.keyHash(),
                        event.userId(),
                        event.teamId(),
                        event.organizationId(),
                        event.model(),
                        event.modelGroup(),
                        event.provider()));
            }
        },
        END_USER_SPEND("llmdb_add_daily_end_user_spend", 2, false) {
            @Override
            List<List<String>> keys(SpendEvent event) {
                return event.endUser().isEmpty() ? List.of() : List.of(List.of(event.endUser(), event.model()));
            }
        },
        TAG_SPEND("llmdb_add_daily_tag_spend", 2, false) {
            @Override
            List<List<String>> keys(SpendEvent event) {
                return tagsOf(event).stream()
                        .map(tag -> List.of(tag, event.model()))
                        .toList();
            }
        },
        ERRORS("llmdb_add_daily_errors", 4, true) {
            @Override
            List<List<String>> keys(SpendEvent event) {
                RequestError error = event.error();
                return error == null
                        ? List.of()
                        : List.of(List.of(event.model(), event.modelGroup(), error.type(), error.statusCode()));
            }
        };

        private final String function;
        private final int keyColumns;
        private final boolean errorsOnly;

        Table(String function, int keyColumns, boolean errorsOnly) {
            this.function = function;
            this.keyColumns = keyColumns;
            this.errorsOnly = errorsOnly;
        }

        /** The rows that an event adds to, each as the values of its key columns behind the day. */
        abstract List<List<String>> keys(SpendEvent event);

        /** The statement that {@link DailyTotals#bind} has the arguments of. */
        String sql() {
            return "SELECT ${llmdb}." + function + "(?::date[]" + ", ?::text[]".repeat(keyColumns)
                    + (errorsOnly
                            ? ", ?::bigint[])"
                            : ", ?::numeric[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])");
        }
    }

    static DailyTotals of(Table table, Collection<SpendEvent> events) {
        DailyTotals totals = new DailyTotals(table.keyColumns, table.errorsOnly);
        for (SpendEvent event : events) {
            for (List<String> key : table.keys(event)) {
                LocalDate day = LocalDate.ofInstant(event.startTime(), ZoneOffset.UTC);
                totals.sums.computeIfAbsent(new Key(day, key), any -> new Sum()).add(event);
            }
        }
        return totals;
    }

    /** A request's tags, each once; the empty one is none. */
    static List<String> tagsOf(SpendEvent event) {
        return event.tags().stream().filter(tag -> !tag.isEmpty()).distinct().toList();
    }

    boolean isEmpty() {
        return sums.isEmpty();
    }

    void bind(SqlArrays arguments) throws SQLException {
        List<Map.Entry<Key, Sum>> rows = new ArrayList<>(sums.entrySet());
        arguments.add(
                "date", rows.stream().map(row -> row.getKey().day.toString()).toArray());
        for (int column = 0; column < keyColumns; column++) {
            int index = column;
            arguments.texts(rows, row -> row.getKey().values.get(index));
        }
        if (errorsOnly) {
            arguments.numbers(rows, row -> row.getValue().requests);
            return;
        }
        arguments
                .amounts(rows, row -> row.getValue().spend)
                .numbers(rows, row -> row.getValue().prompt)
                .numbers(rows, row -> row.getValue().completion)
                .numbers(rows, row -> row.getValue().requests)
                .numbers(rows, row -> row.getValue().succeeded);
    }

    private record Key(LocalDate day, List<String> values) {}

    private static final class Sum {
        private BigDecimal spend = BigDecimal.ZERO;
        private long prompt;
        private long completion;
        private long requests;
        private long succeeded;

        private void add(SpendEvent event) {
            spend = spend.add(event.cost());
            prompt = Math.addExact(prompt, event.promptTokens());
            completion = Math.addExact(completion, event.completionTokens());
            requests++;
            succeeded += event.isSuccess() ? 1 : 0;
        }
    }
}
