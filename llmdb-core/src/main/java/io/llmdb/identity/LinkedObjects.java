package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.END_USER;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TAG;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Tx;
import io.llmdb.windows.Window;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.SortField;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.UniqueKey;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** The objects that link budget rows, table by table in the order of locks. */
final class LinkedObjects {

    private record Linked(Table<?> table, String words) {}

    private static final List<Linked> TABLES = List.of(
            new Linked(VIRTUAL_KEY, "virtual keys"),
            new Linked(TEAM_MEMBERSHIP, "team memberships"),
            new Linked(ORGANIZATION, "organizations"),
            new Linked(ORGANIZATION_MEMBERSHIP, "organization memberships"),
            new Linked(END_USER, "end users"),
            new Linked(TAG, "tags"));

    private LinkedObjects() {}

    /** What links a budget row, in words, such as {@code 2 organizations (acme, ...)}; empty: nothing does. */
    static String describe(Tx tx, String budgetId) {
        List<String> found = new ArrayList<>();
        for (Linked linked : TABLES) {
            Condition link = budgetId(linked.table()).eq(budgetId);
            int count = tx.dsl().fetchCount(linked.table(), link);
            if (count > 0) {
                String first = tx.dsl()
                        .select(id(linked.table()))
                        .from(linked.table())
                        .where(link)
                        .limit(1)
                        .fetchSingle()
                        .value1();
                found.add(count + " " + linked.words() + " (" + (count == 1 ? first : first + ", ...") + ")");
            }
        }
        return String.join(", ", found);
    }

    /** Those of some budget rows that any object links. */
    static Set<String> linkedAmong(Tx tx, List<String> budgetIds) {
        String[] ids = budgetIds.toArray(new String[0]);
        Set<String> linked = new HashSet<>();
        for (Linked table : TABLES) {
            linked.addAll(tx.dsl()
                    .selectDistinct(budgetId(table.table()))
                    .from(table.table())
                    .where(budgetId(table.table()).eq(DSL.any(ids)))
                    .fetch(0, String.class));
        }
        return linked;
    }

    /** Locks all counters that a budget row's windows apply to; says which they are. */
    static Set<String> lockCounters(Tx tx, String budgetId) {
        Set<String> locked = new HashSet<>();
        for (Linked linked : TABLES) {
            locked.addAll(tx.dsl()
                    .select(counterName(linked))
                    .from(linked.table())
                    .where(counts(linked.table(), budgetId))
                    .orderBy(byteOrder(linked.table()))
                    .forNoKeyUpdate()
                    .fetch(0, String.class));
        }
        return locked;
    }

    /** The counters that a budget row's windows apply to, as {@link #lockCounters} names them. */
    static Set<String> counters(Tx tx, String budgetId) {
        Set<String> names = new HashSet<>();
        for (Linked linked : TABLES) {
            names.addAll(tx.dsl()
                    .select(counterName(linked))
                    .from(linked.table())
                    .where(counts(linked.table(), budgetId))
                    .fetch(0, String.class));
        }
        return names;
    }

    /** Moves the ends of the windows of all locked counters, by the rules of {@link CounterWindows#change}. */
    static void changeDuration(
            Tx tx, CounterWindows windows, String budgetId, @Nullable BudgetDuration duration, Instant now) {
        OffsetDateTime start = null;
        OffsetDateTime end = null;
        if (duration != null) {
            Window window = windows.first(duration, now);
            start = BudgetColumns.time(window.start());
            end = BudgetColumns.time(window.end());
        }
        for (Linked linked : TABLES) {
            Field<OffsetDateTime> windowStart = own(linked.table(), BudgetColumns.SPEND_WINDOW_START);
            Field<OffsetDateTime> resetAt = own(linked.table(), BudgetColumns.BUDGET_RESET_AT);
            var update = tx.dsl().update(linked.table()).set(resetAt, end);
            if (start == null) {
                update.set(windowStart, start)
                        .where(counts(linked.table(), budgetId))
                        .execute();
            } else {
                update.set(windowStart, DSL.coalesce(windowStart, start))
                        .where(counts(linked.table(), budgetId))
                        .and(resetAt.isNull().or(resetAt.gt(BudgetColumns.time(now))))
                        .execute();
            }
        }
    }

    /** A key with a maximum of its own does not count by the row that it links. */
    private static Condition counts(Table<?> table, String budgetId) {
        Condition links = budgetId(table).eq(budgetId);
        return table.equals(VIRTUAL_KEY) ? links.and(VIRTUAL_KEY.MAX_BUDGET.isNull()) : links;
    }

    private static Field<String> counterName(Linked linked) {
        return DSL.concat(DSL.inline(linked.words() + " "), id(linked.table()));
    }

    private static Field<String> id(Table<?> table) {
        Field<?>[] parts = key(table).stream()
                .flatMap(field -> java.util.stream.Stream.of(DSL.inline("/"), field))
                .skip(1)
                .toArray(Field<?>[]::new);
        return parts.length == 1 ? parts[0].coerce(String.class) : DSL.concat(parts);
    }

    private static List<SortField<?>> byteOrder(Table<?> table) {
        List<SortField<?>> order = new ArrayList<>();
        key(table)
                .forEach(field ->
                        order.add(field.coerce(String.class).collate("C").asc()));
        return order;
    }

    private static List<? extends TableField<?, ?>> key(Table<?> table) {
        UniqueKey<?> key = Objects.requireNonNull(table.getPrimaryKey(), "primary key");
        return key.getFields();
    }

    private static Field<String> budgetId(Table<?> table) {
        return own(table, BudgetColumns.BUDGET_ID);
    }

    private static <T> Field<T> own(Table<?> table, Field<T> common) {
        return Objects.requireNonNull(table.field(common), common.getName());
    }
}
