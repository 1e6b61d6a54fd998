package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET_ALERT;
import static io.llmdb.schema.jooq.Tables.SPEND_COUNTER;

import io.llmdb.internal.Tx;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.SortField;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * What budgets keep about a scope outside of its own row: counters of models and further windows, alerts. It goes with
 * the scope.
 */
final class Leftovers {

    private static final List<Field<String>> KEY = List.of(
            SPEND_COUNTER.SCOPE,
            SPEND_COUNTER.SCOPE_ID,
            SPEND_COUNTER.PARENT_ID,
            SPEND_COUNTER.MODEL,
            SPEND_COUNTER.BUDGET_DURATION);

    private Leftovers() {}

    /**
     * Some objects of one scope that go away.
     *
     * @param scope the scope
     * @param ids their ids; of members, those of the users
     * @param parents of members, the teams or organizations that they leave; null: all
     */
    record Gone(
            String scope, Collection<String> ids, @Nullable Collection<String> parents) {

        static Gone of(String scope, Collection<String> ids) {
            return new Gone(scope, ids, null);
        }

        private Condition of(Field<String> scopeColumn, Field<String> idColumn, Field<String> parentColumn) {
            Condition gone = scopeColumn.eq(scope).and(idColumn.eq(DSL.any(ids.toArray(new String[0]))));
            return parents == null ? gone : gone.and(parentColumn.eq(DSL.any(parents.toArray(new String[0]))));
        }
    }

    /**
     * Deletes all that is kept for some objects, whose own rows are locked. All at once and before budget rows are
     * touched, because the counters are locked in the order in which leases are granted on them.
     */
    static void forget(Tx tx, List<Gone> objects) {
        List<Gone> some = objects.stream().filter(gone -> !gone.ids().isEmpty()).toList();
        if (some.isEmpty()) {
            return;
        }
        var locked = DSL.name("locked")
                .asMaterialized(DSL.select(KEY)
                        .from(SPEND_COUNTER)
                        .where(DSL.or(some.stream()
                                .map(gone ->
                                        gone.of(SPEND_COUNTER.SCOPE, SPEND_COUNTER.SCOPE_ID, SPEND_COUNTER.PARENT_ID))
                                .toList()))
                        .orderBy(byteOrder().toList())
                        .forUpdate());
        tx.dsl()
                .with(locked)
                .delete(SPEND_COUNTER)
                .using(locked)
                .where(DSL.and(
                        KEY.stream().map(field -> field.eq(locked.field(field))).toList()))
                .execute();
        tx.dsl()
                .deleteFrom(BUDGET_ALERT)
                .where(DSL.or(some.stream()
                        .map(gone -> gone.of(BUDGET_ALERT.SCOPE, BUDGET_ALERT.SCOPE_ID, BUDGET_ALERT.PARENT_ID))
                        .toList()))
                .execute();
    }

    private static Stream<SortField<String>> byteOrder() {
        return KEY.stream().map(field -> field.collate("C").asc());
    }
}
