package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.keys.Caller;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import org.junit.jupiter.api.Test;

/** The test of a proxy that README shows. */
@LlmDbTest
class TenLinesTest {

    private static final BigDecimal PRICE = new BigDecimal("0.40");

    @Test
    void aTeamStopsAtItsBudget(LlmDb db, TestDatabase database) {
        World world = World.in(db)
                .team("research", BudgetTerms.of("1.00", "1d"))
                .members(1)
                .keys(1)
                .create();
        Caller caller = db.authenticator().authenticate(world.rawKey());
        for (int i = 0; i < 2; i++) {
            Admission admission = db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(PRICE));
            admission.settle(admission.event().cost(PRICE).tokens(900, 120).build());
        }
        assertThatThrownBy(() -> db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(PRICE)))
                .isInstanceOf(BudgetExceededException.class);
        db.close();
        assertThat(database.books()).agree().stayWithinLimits().haveRequests(2).haveSpend(new BigDecimal("0.80"));
    }
}
