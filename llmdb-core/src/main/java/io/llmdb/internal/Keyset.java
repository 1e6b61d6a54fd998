package io.llmdb.internal;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Result;
import org.jooq.SortField;
import org.jooq.Table;
import org.jooq.exception.DataTypeException;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * One order of a list, and the page that begins behind a given row. The fields together are unique and never null, and
 * all go one way, so that one row comparison, which an index can answer, says what comes next.
 */
public final class Keyset {

    private final String name;
    private final boolean descending;
    private final List<Field<?>> fields;

    private Keyset(String name, boolean descending, List<Field<?>> fields) {
        this.name = name;
        this.descending = descending;
        this.fields = fields;
    }

    /**
     * @param name what the order is called; a page of another order is refused
     * @param fields what to order by; together unique, none null
     * @return the order, lowest first
     */
    public static Keyset ascending(String name, Field<?>... fields) {
        return new Keyset(name, false, List.of(fields));
    }

    /**
     * @param name what the order is called; a page of another order is refused
     * @param fields what to order by; together unique, none null
     * @return the order, highest first
     */
    public static Keyset descending(String name, Field<?>... fields) {
        return new Keyset(name, true, List.of(fields));
    }

    /**
     * Reads one page.
     *
     * @param dsl an open transaction
     * @param table what to list
     * @param where which rows
     * @param page which page
     * @param read makes an item of a row
     * @param <R> the rows
     * @param <X> the items
     * @return the page
     * @throws InvalidArgumentException where the page is none of this order
     */
    public <R extends Record, X> Page<X> page(
            DSLContext dsl, Table<R> table, Condition where, PageRequest page, Function<R, X> read) {
        Condition behind = page.after() == null ? DSL.noCondition() : behind(page.after());
        // One more than asked for tells whether there is a next page.
        Result<Record> rows = dsl.select(table.fields())
                .select(keyFields())
                .from(table)
                .where(where)
                .and(behind)
                .orderBy(order())
                .limit(page.size() + 1)
                .fetch();
        List<X> items = new ArrayList<>();
        for (Record row : rows.subList(0, Math.min(rows.size(), page.size()))) {
            items.add(read.apply(row.into(table)));
        }
        return new Page<>(items, rows.size() > page.size() ? cursor(rows.get(page.size() - 1)) : null);
    }

    private List<SortField<?>> order() {
        List<SortField<?>> order = new ArrayList<>();
        for (Field<?> field : fields) {
            order.add(descending ? field.desc() : field.asc());
        }
        return order;
    }

    private List<Field<?>> keyFields() {
        List<Field<?>> keys = new ArrayList<>();
        for (int i = 0; i < fields.size(); i++) {
            keys.add(fields.get(i).as("keyset_" + i));
        }
        return keys;
    }

    private String cursor(Record row) {
        List<String> values = new ArrayList<>();
        for (int i = 0; i < fields.size(); i++) {
            values.add(String.valueOf(row.get("keyset_" + i)));
        }
        String json = Json.write(Map.of("order", name, "behind", values));
        return Base64.getUrlEncoder().withoutPadding().encodeToString(json.getBytes(StandardCharsets.UTF_8));
    }

    private Condition behind(String cursor) {
        List<Field<?>> values = new ArrayList<>();
        try {
            byte[] json = Base64.getUrlDecoder().decode(cursor);
            Map<String, Object> members = Json.object(new String(json, StandardCharsets.UTF_8));
            if (!name.equals(members.get("order"))
                    || !(members.get("behind") instanceof List<?> texts)
                    || texts.size() != fields.size()) {
                throw notOurs(cursor, null);
            }
            for (int i = 0; i < fields.size(); i++) {
                values.add(value(fields.get(i), texts.get(i)));
            }
        } catch (IllegalArgumentException | DataTypeException e) {
            throw notOurs(cursor, e);
        } catch (InvalidArgumentException e) {
            throw notOurs(cursor, e);
        }
        return descending
                ? DSL.row(fields).lessThan(DSL.row(values))
                : DSL.row(fields).greaterThan(DSL.row(values));
    }

    private static <T> Field<T> value(Field<T> field, @Nullable Object text) {
        T value = field.getDataType().convert(text);
        if (value == null || !(text instanceof String string) || string.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a value is missing");
        }
        return DSL.val(value, field.getDataType());
    }

    private static InvalidArgumentException notOurs(String cursor, @Nullable Throwable cause) {
        return new InvalidArgumentException(
                "page \"" + cursor + "\" belongs to no list in this order: pass Page.next() of the page before", cause);
    }
}
