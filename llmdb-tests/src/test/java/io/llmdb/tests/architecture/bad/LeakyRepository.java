package io.llmdb.tests.architecture.bad;

import io.llmdb.schema.jooq.Tables;
import io.llmdb.schema.jooq.tables.Budget;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import java.util.List;
import java.util.Map;

/** Breaks the rules that have conditions of their own, so that a test can see them noticed. */
@SuppressWarnings("unused")
public class LeakyRepository {

    public static final Budget ROWS = Tables.BUDGET;

    private final double maxBudget = 1.0;

    public BudgetRow find(String id) {
        throw new UnsupportedOperationException(id);
    }

    public Map<String, List<? extends BudgetRow[]>> all() {
        throw new UnsupportedOperationException();
    }

    float totalSpend() {
        return 0;
    }

    void add(String id, double cost) {}
}
