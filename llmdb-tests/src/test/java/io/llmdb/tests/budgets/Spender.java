package io.llmdb.tests.budgets;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetDuration;
import io.llmdb.error.LlmDbException;
import io.llmdb.keys.Caller;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.DeliveryMode;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * A process that spends, with many threads, until it is killed or its time is over. Arguments: URL, schema, seconds,
 * threads, seed, then raw keys. Each call ends at random in success, failure, abort, or time-out.
 */
final class Spender {

    private static final LongAdder ADMITTED = new LongAdder();
    private static final Map<String, LongAdder> REFUSED = new ConcurrentSkipListMap<>();
    private static final LongAdder UNAVAILABLE = new LongAdder();

    private Spender() {}

    static LlmDbSettings settings(String url, String schema, DeliveryMode mode) {
        return LlmDbSettings.builder()
                .connection(connection -> connection
                        .databaseUrl(url)
                        .schema(schema)
                        .poolLimit(4)
                        .connectionTimeout(Duration.ofSeconds(20)))
                .delivery(delivery -> delivery.mode(mode))
                .budgets(budgets -> budgets.maxBudget(new BigDecimal("14"))
                        .budgetDuration(BudgetDuration.parse("length", "10s"))
                        .endUserBudgetId("tier")
                        .countUserBudgetOnTeamKeys(true)
                        .leaseTime(Duration.ofSeconds(5))
                        .reservationTime(Duration.ofSeconds(3)))
                .build();
    }

    public static void main(String[] args) throws InterruptedException {
        long seconds = Long.parseLong(args[2]);
        int threads = Integer.parseInt(args[3]);
        SplittableRandom seeds = new SplittableRandom(Long.parseLong(args[4]));
        List<String> keys = List.of(args).subList(5, args.length);
        try (LlmDb db = LlmDb.open(settings(args[0], args[1], DeliveryMode.MEMORY))) {
            System.out.println("spending");
            long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                SplittableRandom dice = seeds.split();
                Thread thread = new Thread(() -> spend(db, keys, dice, end));
                thread.start();
                running.add(thread);
            }
            for (Thread thread : running) {
                thread.join();
            }
        }
        System.out.println("done " + ADMITTED + " admitted " + UNAVAILABLE + " unavailable, refused by " + REFUSED);
    }

    private static void spend(LlmDb db, List<String> keys, SplittableRandom dice, long end) {
        while (System.nanoTime() - end < 0) {
            try {
                Caller caller = db.authenticator().authenticate(keys.get(dice.nextInt(keys.size())));
                BigDecimal estimate = BigDecimal.valueOf(1 + dice.nextInt(9), 3);
                Admission admission = db.budgets()
                        .admit(
                                caller,
                                Call.of(dice.nextBoolean() ? "gpt-4o" : "small")
                                        .withEstimate(estimate)
                                        .withEndUser("customer-" + dice.nextInt(20))
                                        .withTags(List.of("tag-" + dice.nextInt(3))));
                ADMITTED.increment();
                LockSupport.parkNanos(dice.nextInt(80_000_000));
                end(admission, estimate, dice);
            } catch (BudgetExceededException e) {
                refused(e);
                LockSupport.parkNanos(20_000_000);
            } catch (LlmDbException e) {
                UNAVAILABLE.increment();
                LockSupport.parkNanos(50_000_000);
            }
        }
    }

    /** Some keys have more than enough: whoever says that they have not says it loudly. */
    private static void refused(BudgetExceededException refusal) {
        CounterId counter = refusal.counter();
        BigDecimal limit = refusal.state().limit();
        if (limit != null && limit.compareTo(new BigDecimal("1000")) > 0) {
            System.out.println("FALSE " + refusal.getMessage());
        }
        String kind = counter.scope().sqlName()
                + (counter.model().isEmpty() ? "" : " per model")
                + (counter.duration().isEmpty() ? "" : " per " + counter.duration());
        REFUSED.computeIfAbsent(kind, unused -> new LongAdder()).increment();
    }

    private static void end(Admission admission, BigDecimal estimate, SplittableRandom dice) {
        int outcome = dice.nextInt(20);
        BigDecimal cost = estimate.multiply(BigDecimal.valueOf(dice.nextInt(101), 2));
        if (outcome < 14) {
            admission.settle(admission.event().tokens(10, 5).cost(cost).build());
        } else if (outcome < 16) {
            admission.settle(admission
                    .event()
                    .tokens(10, 0)
                    .cost(cost)
                    .error(io.llmdb.spend.RequestError.of("Timeout", "the provider gave up", 504))
                    .build());
        } else if (outcome < 19) {
            admission.close();
        }
        // The others are forgotten: their reservation ends by itself.
    }
}
