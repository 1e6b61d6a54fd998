package io.llmdb.usage;

import static io.llmdb.schema.jooq.Tables.END_USER;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.SPEND_COUNTER;
import static io.llmdb.schema.jooq.Tables.TAG;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditTrail;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * The rows that hold counters: which table, and by which columns one is named.
 *
 * @param scope whose counters; null: {@code "LLM_SpendCounter"} with those of several
 * @param columns the columns that name a counter
 * @param values what a counter has in them
 */
record CounterRows(
        @Nullable Scope scope, Table<?> table, List<Field<String>> columns, Function<CounterId, List<String>> values) {

    static final CounterRows GENERIC = new CounterRows(
            null,
            SPEND_COUNTER,
            List.of(
                    SPEND_COUNTER.SCOPE,
                    SPEND_COUNTER.SCOPE_ID,
                    SPEND_COUNTER.PARENT_ID,
                    SPEND_COUNTER.MODEL,
                    SPEND_COUNTER.BUDGET_DURATION),
            counter -> List.of(
                    counter.scope().sqlName(), counter.id(), counter.parentId(), counter.model(), counter.duration()));

    /** Where a scope's main counters stand. */
    static CounterRows of(Scope scope) {
        return switch (scope) {
            case KEY -> single(scope, VIRTUAL_KEY, VIRTUAL_KEY.TOKEN);
            case USER -> single(scope, USER, USER.USER_ID);
            case TEAM -> single(scope, TEAM, TEAM.TEAM_ID);
            case TEAM_MEMBER -> member(scope, TEAM_MEMBERSHIP, TEAM_MEMBERSHIP.USER_ID, TEAM_MEMBERSHIP.TEAM_ID);
            case ORGANIZATION -> single(scope, ORGANIZATION, ORGANIZATION.ORGANIZATION_ID);
            case ORGANIZATION_MEMBER ->
                member(
                        scope,
                        ORGANIZATION_MEMBERSHIP,
                        ORGANIZATION_MEMBERSHIP.USER_ID,
                        ORGANIZATION_MEMBERSHIP.ORGANIZATION_ID);
            case END_USER -> single(scope, END_USER, END_USER.USER_ID);
            case TAG -> single(scope, TAG, TAG.TAG_NAME);
            case PROXY -> GENERIC;
        };
    }

    private static CounterRows single(Scope scope, Table<?> table, Field<String> id) {
        return new CounterRows(scope, table, List.of(id), counter -> List.of(counter.id()));
    }

    private static CounterRows member(Scope scope, Table<?> table, Field<String> id, Field<String> parent) {
        return new CounterRows(scope, table, List.of(id, parent), counter -> List.of(counter.id(), counter.parentId()));
    }

    /** Locks rows in the order in which everybody does. */
    List<? extends Record> lock(DSLContext dsl, Collection<CounterId> counters) {
        Field<?>[] names = columns.toArray(Field[]::new);
        List<Field<String[]>> arrays = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            int column = i;
            arrays.add(DSL.val(counters.stream()
                    .map(counter -> values.apply(counter).get(column))
                    .toArray(String[]::new)));
        }
        Condition wanted = DSL.condition(
                "({0}) IN (SELECT * FROM unnest({1}))", DSL.list(names), DSL.list(arrays.toArray(Field[]::new)));
        return dsl.selectFrom(table)
                .where(wanted)
                .orderBy(columns.stream().map(column -> column.collate("C")).toList())
                .forNoKeyUpdate()
                .fetch();
    }

    /** The counter that a row holds. */
    CounterId counter(Record row) {
        List<String> key = columns.stream().map(row::get).toList();
        if (scope == null) {
            return new CounterId(Scope.ofSqlName(key.get(0)), key.get(1), key.get(2), key.get(3), key.get(4));
        }
        return new CounterId(scope, key.get(0), key.size() > 1 ? key.get(1) : "", "", "");
    }

    String objectId(CounterId counter) {
        return AuditTrail.objectId(values.apply(counter).toArray(String[]::new));
    }

    @Nullable
    Record read(DSLContext dsl, CounterId counter) {
        return dsl.selectFrom(table).where(is(counter)).fetchOne();
    }

    /** @param spend null: it stays */
    void set(DSLContext dsl, CounterId counter, BigDecimal totalSpend, @Nullable BigDecimal spend) {
        var update = dsl.update(table).set(money("total_spend"), totalSpend);
        if (spend != null) {
            update = update.set(money("spend"), spend);
        }
        update.where(is(counter)).execute();
    }

    private Condition is(CounterId counter) {
        List<String> key = values.apply(counter);
        Condition condition = DSL.noCondition();
        for (int i = 0; i < columns.size(); i++) {
            condition = condition.and(columns.get(i).eq(key.get(i)));
        }
        return condition;
    }

    private Field<BigDecimal> money(String column) {
        return Objects.requireNonNull(table.field(column, BigDecimal.class));
    }
}
