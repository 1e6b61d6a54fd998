package io.llmdb.tests.limits;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.keys.Caller;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.settings.LlmDbSettings;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** An instance in a process of its own: calls without end and tells each admission. */
public final class LimitCaller {

    private LimitCaller() {}

    /** Arguments: the database's URL, the schema, the raw key, the number of threads, and whether calls ever end. */
    public static void main(String[] args) throws InterruptedException {
        boolean ends = Boolean.parseBoolean(args[4]);
        LlmDb db = LlmDb.open(LlmDbSettings.builder()
                .environment(Map.of())
                .connection(connection ->
                        connection.databaseUrl(args[0]).schema(args[1]).poolLimit(3))
                .budgets(budgets -> budgets.leaseTime(Duration.ofSeconds(3)))
                .build());
        Caller caller = db.authenticate(args[2]);
        System.out.println("ready");
        int threads = Integer.parseInt(args[3]);
        for (int i = 0; i < threads; i++) {
            new Thread(() -> call(db, caller, ends)).start();
        }
        Thread.currentThread().join();
    }

    private static void call(LlmDb db, Caller caller, boolean ends) {
        Call call = Call.of("gpt-4o").withEstimate(BigDecimal.ZERO).withEstimatedTokens(10);
        while (true) {
            try {
                Admission admission = db.budgets().admit(caller, call);
                System.out.println("admitted " + admission.startTime());
                if (ends) {
                    admission.settle(admission
                            .event()
                            .tokens(ThreadLocalRandom.current().nextInt(10), 0)
                            .cost(BigDecimal.ZERO)
                            .build());
                }
            } catch (RateLimitedException e) {
                System.out.println("refused");
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
