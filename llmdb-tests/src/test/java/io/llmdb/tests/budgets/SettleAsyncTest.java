package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.keys.Caller;
import io.llmdb.spend.BacklogFullException;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.WhenFull;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Settling without waiting keeps every promise of settling. */
@LlmDbTest
class SettleAsyncTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final BigDecimal ONE = BigDecimal.ONE;

    private static SpendEvent event(Admission admission) {
        return admission.event().tokens(1, 1).cost(ONE).build();
    }

    private static Caller caller(LlmDb db, String budget) {
        World world = World.in(db)
                .users(1, BudgetTerms.UNLIMITED)
                .keys(1, BudgetTerms.of(budget, "1d"))
                .create();
        return db.authenticator().authenticate(world.rawKey());
    }

    @ParameterizedTest
    @EnumSource
    void oneThreadSpendsABudgetToItsLastCent(DeliveryMode mode, TestDatabase database, @TempDir Path directory)
            throws Exception {
        // No midnight gives the budget anew.
        database.clock().set(Instant.parse("2031-03-04T12:00:00Z"));
        try (LlmDb db = LlmDb.builder(database.settings()
                        .delivery(delivery ->
                                delivery.mode(mode).journalDirectory(mode == DeliveryMode.JOURNAL ? directory : null))
                        .build())
                .dataSource(database.dataSource())
                .open()) {
            Caller caller = caller(db, "100");
            List<CompletableFuture<Void>> answers = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                Admission admission = db.budgets().admit(caller, Call.of("m").withEstimate(ONE));
                answers.add(admission.settleAsync(event(admission)));
            }
            assertThatThrownBy(() -> db.budgets().admit(caller, Call.of("m").withEstimate(ONE)))
                    .isInstanceOf(BudgetExceededException.class);
            CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(db.spend().flush(SOON)).isTrue();
            assertThat(db.budgets().standing(caller))
                    .singleElement()
                    .satisfies(state -> assertThat(state.spent()).isEqualByComparingTo("100"));
        }
        assertThat(database.books()).agree().reserveNothing();
    }

    /** The answer comes late and says no. */
    @Test
    void whatTheDatabaseCouldNotTakeIsSettledAgainOrReleased(TestDatabase database, TcpProxy proxy) throws Exception {
        try (LlmDb db = LlmDb.builder(database.settings()
                        .delivery(delivery -> delivery.mode(DeliveryMode.BOOKED))
                        .build())
                .dataSource(proxy.dataSource())
                .open()) {
            Caller caller = caller(db, "2");
            Admission again = db.budgets().admit(caller, Call.of("m").withEstimate(ONE));
            Admission never = db.budgets().admit(caller, Call.of("m").withEstimate(ONE));
            SpendEvent event = event(again);
            proxy.refuseNew();
            proxy.cutAll();
            assertThatThrownBy(() -> again.settleAsync(event).join())
                    .hasCauseInstanceOf(DatabaseUnavailableException.class);
            assertThatThrownBy(() -> never.settleAsync(event(never)).join())
                    .hasCauseInstanceOf(DatabaseUnavailableException.class);
            proxy.heal();
            again.settleAsync(event).get(SOON.toSeconds(), TimeUnit.SECONDS);
            never.release();
        }
        assertThat(database.books()).agree().reserveNothing().haveRequests(1);
    }

    @Test
    void whatWasRefusedIsSettledAgainWithTheSameEvent(TestDatabase database, TcpProxy proxy) throws Exception {
        try (LlmDb db = LlmDb.builder(database.settings()
                        .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY)
                                .maxQueuedRows(1)
                                .fullQueuePolicy(WhenFull.REFUSE))
                        .build())
                .dataSource(proxy.dataSource())
                .open()) {
            Caller caller = caller(db, "10");
            Admission first = db.budgets().admit(caller, Call.of("m").withEstimate(ONE));
            Admission second = db.budgets().admit(caller, Call.of("m").withEstimate(ONE));
            proxy.refuseNew();
            proxy.cutAll();
            first.settleAsync(event(first)).get(SOON.toSeconds(), TimeUnit.SECONDS);
            SpendEvent event = event(second);
            assertThatThrownBy(() -> second.settleAsync(event).join()).hasCauseInstanceOf(BacklogFullException.class);
            proxy.heal();
            assertThat(db.spend().flush(SOON)).isTrue();
            second.settleAsync(event).get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(db.spend().flush(SOON)).isTrue();
            // Once more changes nothing.
            second.settleAsync(event).get(SOON.toSeconds(), TimeUnit.SECONDS);
            second.release();
            assertThat(db.spend().flush(SOON)).isTrue();
        }
        assertThat(database.books()).agree().reserveNothing();
        assertThat(database.count("LLM_SpendLogs")).isEqualTo(2);
    }
}
