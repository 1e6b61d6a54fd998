package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET_ALERT;
import static io.llmdb.schema.jooq.Tables.SPEND_COUNTER;

import io.llmdb.internal.Tx;
import java.util.List;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * What budgets keep about a scope outside of its own row: counters of models and further windows, alerts. It goes with
 * the scope.
 */
final class Leftovers {

    private Leftovers() {}

    /**
     * Deletes what is kept for objects of a scope; of members, for the users with these ids in all teams or
     * organizations.
     */
    static void forget(Tx tx, String scope, List<String> ids) {
        delete(tx, scope, ids, DSL.noCondition(), DSL.noCondition());
    }

    /** Deletes what is kept for some members of one team or organization. */
    static void forgetMembers(Tx tx, String scope, List<String> userIds, String parentId) {
        delete(tx, scope, userIds, SPEND_COUNTER.PARENT_ID.eq(parentId), BUDGET_ALERT.PARENT_ID.eq(parentId));
    }

    private static void delete(Tx tx, String scope, List<String> ids, Condition ofCounters, Condition ofAlerts) {
        if (ids.isEmpty()) {
            return;
        }
        String[] scopeIds = ids.toArray(new String[0]);
        tx.dsl()
                .deleteFrom(SPEND_COUNTER)
                .where(SPEND_COUNTER.SCOPE.eq(scope))
                .and(SPEND_COUNTER.SCOPE_ID.eq(DSL.any(scopeIds)))
                .and(ofCounters)
                .execute();
        tx.dsl()
                .deleteFrom(BUDGET_ALERT)
                .where(BUDGET_ALERT.SCOPE.eq(scope))
                .and(BUDGET_ALERT.SCOPE_ID.eq(DSL.any(scopeIds)))
                .and(ofAlerts)
                .execute();
    }
}
