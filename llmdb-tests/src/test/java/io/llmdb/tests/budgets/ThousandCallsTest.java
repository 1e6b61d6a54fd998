package io.llmdb.tests.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.keys.Caller;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A budget of just a thousand calls, of which several processes have to make a thousand, no more and no fewer. */
@LlmDbTest
class ThousandCallsTest {

    private static final Duration LONG = Duration.ofMinutes(1);
    private static final BigDecimal PRICE = new BigDecimal("0.01");

    @Test
    void threeProcessesAreAdmittedJustAThousandTimes(LlmDb db, TestDatabase database, @TempDir Path folder)
            throws IOException {
        World world = world(db);
        List<ChildJvm> children = start(database, world, 3, folder.resolve("go"));
        try {
            int admitted = 0;
            for (ChildJvm child : children) {
                admitted += Integer.parseInt(child.awaitLine("done", LONG).substring("done ".length()));
                assertThat(child.awaitExit(LONG)).isZero();
            }
            assertThat(admitted).isEqualTo(1_000);
        } finally {
            children.forEach(ChildJvm::close);
        }
        booksHoldAThousand(db, database);
    }

    /** What those had in use who were killed is free when their leases lapse, and then just the rest is admitted. */
    @Test
    @Tag("storm")
    void killedOnesTakeNothingAlong(LlmDb db, TestDatabase database, @TempDir Path folder) throws IOException {
        World world = world(db);
        List<ChildJvm> children = start(database, world, 4, folder.resolve("go"));
        try {
            for (int i = 0; i < 2; i++) {
                children.get(i).awaitLine("admitted", LONG);
                children.get(i).kill();
            }
            for (ChildJvm child : children.subList(2, 4)) {
                child.awaitLine("done", LONG);
                assertThat(child.awaitExit(LONG)).isZero();
            }
        } finally {
            children.forEach(ChildJvm::close);
        }
        Await.until(
                "the leases of the dead have lapsed",
                LONG,
                () -> database.value(
                                Long.class,
                                "SELECT count(*) FROM ${llmdb}.\"LLM_Lease\" WHERE amount > 0 AND expires_at > ${llmdb}.llmdb_now()")
                        == 0);
        long left = 1_000 - database.count("LLM_SpendLogs");
        assertThat(spendAll(db, world.rawKey(), new AtomicInteger())).isEqualTo(left);
        booksHoldAThousand(db, database);
    }

    private static World world(LlmDb db) {
        return World.in(db)
                .team("research", BudgetTerms.of("10"))
                .members(1, BudgetTerms.of("100"))
                .keys(1, BudgetTerms.of("100"))
                .create();
    }

    private static List<ChildJvm> start(TestDatabase database, World world, int processes, Path go) throws IOException {
        List<ChildJvm> children = new ArrayList<>();
        for (int i = 0; i < processes; i++) {
            children.add(ChildJvm.of(Exhauster.class)
                    .arguments(database.databaseUrl(), database.schema(), world.rawKey(), go)
                    .jvmOptions("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                    .start());
        }
        // None begins before all are there.
        children.forEach(child -> child.awaitLine("ready", LONG));
        Files.createFile(go);
        return children;
    }

    private static void booksHoldAThousand(LlmDb db, TestDatabase database) {
        db.close();
        assertThat(database.books())
                .agree()
                .reserveNothing()
                .stayWithinLimits()
                .haveNoDeadlock()
                .haveRequests(1_000)
                .haveSpend(new BigDecimal("10"));
    }

    private static int spendAll(LlmDb db, String rawKey, AtomicInteger admitted) {
        Caller caller = db.authenticate(rawKey);
        while (true) {
            try {
                Admission admission = db.budgets().admit(caller, Call.of("m").withEstimate(PRICE));
                admission.settle(admission.event().tokens(1, 1).cost(PRICE).build());
                if (admitted.incrementAndGet() == 20) {
                    System.out.println("admitted");
                }
            } catch (BudgetExceededException e) {
                return admitted.get();
            }
        }
    }

    /** A process that spends with ten threads until each was refused. */
    static final class Exhauster {

        private Exhauster() {}

        public static void main(String[] args) throws InterruptedException {
            AtomicInteger admitted = new AtomicInteger();
            LlmDbSettings settings = LlmDbSettings.builder()
                    .environment(Map.of())
                    .connection(connection ->
                            connection.databaseUrl(args[0]).schema(args[1]).poolLimit(4))
                    .delivery(delivery -> delivery.mode(DeliveryMode.BOOKED))
                    .budgets(budgets -> budgets.leaseTime(Duration.ofSeconds(5)))
                    .build();
            try (LlmDb db = LlmDb.open(settings)) {
                db.authenticate(args[2]);
                System.out.println("ready");
                Await.until("all are there", LONG, () -> Files.exists(Path.of(args[3])));
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < 10; i++) {
                    Thread thread = new Thread(() -> spendAll(db, args[2], admitted));
                    thread.start();
                    threads.add(thread);
                }
                for (Thread thread : threads) {
                    thread.join();
                }
                System.out.println("done " + admitted);
            }
        }
    }
}
