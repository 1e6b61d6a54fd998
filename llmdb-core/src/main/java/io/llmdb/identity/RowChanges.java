package io.llmdb.identity;

import io.llmdb.internal.Json;
import java.math.BigDecimal;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;

/** Which columns an UPDATE has to name: those with a new value alone, because triggers look at which it names. */
final class RowChanges {

    private RowChanges() {}

    /**
     * @param before a row
     * @param after an edited copy
     * @return the columns whose values mean something else, with the new values
     */
    static Map<Field<?>, Object> between(Record before, Record after) {
        Map<Field<?>, Object> changes = new LinkedHashMap<>();
        for (Field<?> field : after.fields()) {
            if (!same(before.get(field), after.get(field))) {
                put(changes, field, after.get(field));
            }
        }
        return changes;
    }

    /**
     * @param row a row to be written
     * @param but columns that are written already
     * @return the columns that were set, with their values
     */
    static Map<Field<?>, Object> set(Record row, Collection<? extends Field<?>> but) {
        Map<Field<?>, Object> values = new LinkedHashMap<>();
        for (Field<?> field : row.fields()) {
            if (row.changed(field) && !but.contains(field)) {
                put(values, field, row.get(field));
            }
        }
        return values;
    }

    // A null is an ordinary value of a column, which the type Object cannot say.
    @SuppressWarnings("NullAway")
    private static void put(Map<Field<?>, Object> changes, Field<?> field, @Nullable Object value) {
        changes.put(field, value);
    }

    private static boolean same(@Nullable Object one, @Nullable Object other) {
        if (one == null || other == null) {
            return one == other;
        }
        if (one instanceof Object[] array) {
            return Arrays.equals(array, (Object[]) other);
        }
        if (one instanceof JSONB json) {
            return Objects.equals(Json.value(json.data()), Json.value(((JSONB) other).data()));
        }
        if (one instanceof BigDecimal number) {
            return number.compareTo((BigDecimal) other) == 0;
        }
        if (one instanceof OffsetDateTime time) {
            return time.isEqual((OffsetDateTime) other);
        }
        return one.equals(other);
    }
}
