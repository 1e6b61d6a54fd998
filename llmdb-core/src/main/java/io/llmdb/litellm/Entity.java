package io.llmdb.litellm;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A table whose rows come one to one.
 *
 * @param source the table there
 * @param target the table here
 * @param key the columns here that name a row, one or two
 * @param columns the columns here that are set, the key first; not those of the counter
 * @param counter the counter in the rows; null: none
 * @param references columns here that name rows of other tables
 * @param notCompared columns there that change without anybody changing the row
 * @param beside values that are looked up there beside the row: SQL by name
 * @param translator takes a row over
 */
record Entity(
        String source,
        String target,
        List<String> key,
        List<String> columns,
        @Nullable Counter counter,
        List<Reference> references,
        Set<String> notCompared,
        Map<String, String> beside,
        Translator translator) {

    /** Takes a row over. */
    interface Translator {
        void translate(Row row) throws SQLException;
    }

    /** What becomes of a row that names something that does not exist. */
    enum Missing {
        /** It names nothing. */
        CLEAR,
        /** It is not brought. */
        SKIP,
        /** A row with nothing but the id is made. */
        MAKE
    }

    /**
     * A column that names a row of another table.
     *
     * @param column the column here
     * @param sourceColumn the column there, for the report
     * @param table the table here
     * @param key its key
     */
    record Reference(String column, String sourceColumn, String table, String key, Missing missing) {}

    /** @return the columns here and those of the counter */
    List<String> written() {
        if (counter == null) {
            return columns;
        }
        return java.util.stream.Stream.concat(
                        columns.stream(),
                        java.util.stream.Stream.of("spend", "total_spend", "spend_window_start", "budget_reset_at"))
                .toList();
    }
}
