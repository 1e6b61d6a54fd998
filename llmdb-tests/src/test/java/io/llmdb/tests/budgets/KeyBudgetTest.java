package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.keys.Caller;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

@LlmDbTest
class KeyBudgetTest {

    private static final BigDecimal PRICE = new BigDecimal("0.01");

    private static void insertKey(TestDatabase database, String hash, String maxBudget) {
        database.execute(
                "INSERT INTO \"" + database.schema()
                        + "\".\"LLM_VerificationToken\" (token, max_budget) VALUES (?, ?::numeric)",
                hash,
                maxBudget);
    }

    private static BigDecimal spend(TestDatabase database, String hash) {
        return database.value(
                BigDecimal.class,
                "SELECT spend FROM \"" + database.schema() + "\".\"LLM_VerificationToken\" WHERE token = ?",
                hash);
    }

    private static BigDecimal leased(TestDatabase database) {
        return database.value(
                BigDecimal.class, "SELECT coalesce(sum(amount), 0) FROM \"" + database.schema() + "\".\"LLM_Lease\"");
    }

    @Test
    void settlesWhatWasAdmitted(TestDatabase database) {
        insertKey(database, "k", "1");
        try (Instance instance = new Instance(database, DeliveryMode.BOOKED)) {
            Caller caller = Instance.keyCaller("k", "1");
            Admission admission =
                    instance.budgets.admit(caller, Call.of("gpt-4o").withEstimate(PRICE));
            assertThat(admission.isReserved()).isTrue();
            admission.settle(admission
                    .event()
                    .tokens(10, 5)
                    .cost(new BigDecimal("0.0070000001"))
                    .build());
            assertThat(spend(database, "k")).isEqualByComparingTo("0.0070000001");
        }
        assertThat(leased(database)).isEqualByComparingTo("0");
        assertThat(database.count("LLM_SpendLogs")).isEqualTo(1);
        assertThat(database.count("LLM_DailySpend")).isEqualTo(1);
    }

    /** Repeated, because what is left over between instances falls differently each time. */
    @RepeatedTest(10)
    void admitsExactlyAThousandCallsFromFourInstances(TestDatabase database) throws Exception {
        insertKey(database, "k", "10");
        Caller caller = Instance.keyCaller("k", "10");
        AtomicInteger admitted = new AtomicInteger();
        List<Instance> instances = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(40);
        try {
            for (int i = 0; i < 4; i++) {
                instances.add(new Instance(database, DeliveryMode.MEMORY));
            }
            List<Future<?>> callers = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                Instance instance = instances.get(i % 4);
                callers.add(threads.submit(() -> {
                    while (true) {
                        try {
                            Admission admission =
                                    instance.budgets.admit(caller, Call.of("m").withEstimate(PRICE));
                            admitted.incrementAndGet();
                            admission.settle(
                                    admission.event().tokens(1, 1).cost(PRICE).build());
                        } catch (BudgetExceededException e) {
                            return;
                        }
                    }
                }));
            }
            for (Future<?> future : callers) {
                future.get();
            }
            for (Instance instance : instances) {
                assertThat(instance.recorder.flush(Duration.ofSeconds(10))).isTrue();
            }
            assertThat(admitted).hasValue(1000);
            assertThat(spend(database, "k")).isEqualByComparingTo("10");
            assertThatThrownBy(() ->
                            instances.get(0).budgets.admit(caller, Call.of("m").withEstimate(PRICE)))
                    .isInstanceOf(BudgetExceededException.class)
                    .hasMessageContaining("spent 10, reserved 0, limit 10");
        } finally {
            threads.shutdownNow();
            instances.forEach(Instance::close);
        }
        assertThat(leased(database)).isEqualByComparingTo("0");
        assertThat(database.deadlocks()).isZero();
    }
}
