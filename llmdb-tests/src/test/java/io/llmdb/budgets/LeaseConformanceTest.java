package io.llmdb.budgets;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.LeaseShare;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The simulated database gives the answers of the real one: the same random questions, bookings and clock, step by
 * step.
 */
@LlmDbTest
class LeaseConformanceTest {

    private static final LeasePolicy POLICY = new LeasePolicy(
            Duration.ofSeconds(4), Duration.ofSeconds(6), Duration.ofSeconds(1), Duration.ofSeconds(30));

    private static final List<String> KEYS = List.of("for-ever", "ten-seconds", "minute");

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void answersAlike(long seed, TestDatabase database) {
        new Comparison(seed, database).run(150);
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16})
    @Tag("storm")
    void answersAlikeForLong(long seed, TestDatabase database) {
        new Comparison(seed, database).run(1_500);
    }

    private static final class Comparison {
        private final SplittableRandom dice;
        private final TestDatabase database;
        private final SimDatabase simulated;
        private final List<UUID> holders = List.of(new UUID(0, 1), new UUID(0, 2), new UUID(0, 3));
        private final List<DbLeaseStore> stores = new ArrayList<>();
        private final SpendRecorder recorder;
        private Instant now;
        private long turn = 100;
        private int events;

        Comparison(long seed, TestDatabase database) {
            this.dice = new SplittableRandom(seed);
            this.database = database;
            this.now = database.clock().now().truncatedTo(ChronoUnit.MILLIS);
            this.simulated = new SimDatabase(() -> now, POLICY.leaseTime());
            Db db = new Db(database.dataSource(), database.schema());
            DbClock clock = new DbClock(db.sql());
            BookingPolicy booking = new BookingPolicy(
                    true, true, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
            for (UUID holder : holders) {
                stores.add(
                        new DbLeaseStore(db, clock, holder, POLICY, new CounterWindows(db, booking), BudgetRules.NONE));
            }
            recorder = new SpendRecorder(db, clock, booking, DeliveryPolicy.booked(), List.of());
            freeze();
            List<@Nullable String> lengths = new ArrayList<>(List.of("", "10s", "1m"));
            for (int i = 0; i < KEYS.size(); i++) {
                String length = lengths.get(i);
                SimDatabase.Counter counter = new SimDatabase.Counter();
                counter.limit = new BigDecimal("1.5");
                counter.duration = length.isEmpty() ? null : BudgetDuration.parse("length", length);
                simulated.counters.put(CounterId.of(Scope.KEY, KEYS.get(i)), counter);
                database.execute(
                        "INSERT INTO ${llmdb}.\"LLM_VerificationToken\" (token, max_budget, budget_duration)"
                                + " VALUES (?, 1.5, nullif(?, ''))",
                        KEYS.get(i),
                        length);
            }
        }

        private void freeze() {
            database.clock().freeze(now);
        }

        void run(int steps) {
            for (int i = 0; i < steps; i++) {
                step("step " + i);
            }
            recorder.close();
        }

        private void step(String name) {
            int holder = dice.nextInt(holders.size());
            switch (dice.nextInt(10)) {
                case 0, 1 -> {
                    now = now.plusMillis(dice.nextLong(dice.nextInt(5) == 0 ? 5_000 : 300));
                    freeze();
                }
                case 2 ->
                    assertThat(sorted(simulated.renew(holders.get(holder))))
                            .as(name + ": renewed")
                            .isEqualTo(sorted(stores.get(holder).renew()));
                case 3 ->
                    assertThat(sorted(simulated.recalled(holders.get(holder))))
                            .as(name + ": recalled")
                            .isEqualTo(sorted(stores.get(holder).recalled()));
                case 4, 5 -> book(holder);
                default -> ask(name, holder);
            }
            compareLeases(name);
        }

        private void ask(String name, int holder) {
            List<Question> questions = new ArrayList<>();
            for (String key : KEYS) {
                if (dice.nextInt(2) == 0) {
                    questions.add(question(CounterId.of(Scope.KEY, key)));
                }
            }
            if (questions.isEmpty()) {
                return;
            }
            turn++;
            List<String> expected = simulated.grant(holders.get(holder), turn, questions).stream()
                    .map(Comparison::words)
                    .toList();
            List<String> real = stores.get(holder).grant(turn, questions).stream()
                    .map(Comparison::words)
                    .toList();
            assertThat(expected).as(name + ": " + questions).isEqualTo(real);
        }

        private Question question(CounterId counter) {
            BigDecimal least = cents(dice.nextInt(20));
            SimDatabase.Counter state = simulated.counter(counter);
            return new Question(
                    counter,
                    dice.nextInt(3),
                    dice.nextInt(4) == 0 ? now.minusSeconds(dice.nextInt(20)) : state.resetAt,
                    cents(dice.nextInt(40)),
                    dice.nextInt(4) == 0 ? null : cents(dice.nextInt(30)),
                    least,
                    least.add(cents(least.signum() == 0 ? 0 : dice.nextInt(30))),
                    cents(dice.nextInt(60)),
                    null);
        }

        private void book(int holder) {
            Instant start = now.minusMillis(dice.nextLong(dice.nextInt(4) == 0 ? 15_000 : 500));
            CounterId counter = CounterId.of(Scope.KEY, KEYS.get(dice.nextInt(KEYS.size())));
            BigDecimal cost = cents(dice.nextInt(8));
            List<LeaseShare> shares = List.of(new LeaseShare(counter, dice.nextInt(3), cents(dice.nextInt(8))));
            recorder.record(SpendEvent.builder(start)
                    .keyHash(counter.id())
                    .model("m")
                    .cost(cost)
                    .leases(holders.get(holder), shares)
                    .build());
            simulated.book(new SimDatabase.Event(++events, start, cost, List.of(counter), holders.get(holder), shares));
        }

        private void compareLeases(String name) {
            List<String> expected = new ArrayList<>();
            simulated.leases.forEach((key, lease) -> expected.add(key.holder() + " "
                    + key.counter().id() + " "
                    + plain(lease.amount) + " " + lease.expiresAt.toEpochMilli() + " " + lease.turn + " " + lease.epoch
                    + " " + lease.recalled + " " + (lease.refusedAt == null ? "" : lease.refusedAt.toEpochMilli())));
            List<String> real = database
                    .rows(
                            "SELECT holder, scope_id, amount, expires_at, turn, epoch, recalled, refused_at FROM ${llmdb}.\"LLM_Lease\"")
                    .stream()
                    .map(row -> row.get("holder") + " " + row.get("scope_id") + " "
                            + plain((BigDecimal) java.util.Objects.requireNonNull(row.get("amount"))) + " "
                            + millis(row.get("expires_at")) + " " + row.get("turn") + " " + row.get("epoch") + " "
                            + row.get("recalled") + " " + millis(row.get("refused_at")))
                    .collect(Collectors.toCollection(ArrayList::new));
            assertThat(new TreeSet<>(expected)).as(name).isEqualTo(new TreeSet<>(real));
        }

        private static String millis(@Nullable Object time) {
            return time == null ? "" : Long.toString(((java.sql.Timestamp) time).getTime());
        }

        private static String words(@Nullable Answer answer) {
            if (answer == null) {
                return "outdated";
            }
            BigDecimal granted = answer.granted();
            return answer.status() + " " + (granted == null ? "all" : plain(granted)) + " " + answer.kept() + " "
                    + answer.epoch() + " " + plain(answer.state().spent()) + " "
                    + plain(answer.state().reserved()) + " " + answer.state().resetAt() + " " + answer.othersSetAt()
                    + " " + answer.windowStart() + " " + answer.answeredAt();
        }

        private static Set<String> sorted(Set<CounterId> counters) {
            return counters.stream().map(CounterId::toString).collect(Collectors.toCollection(TreeSet::new));
        }

        private static String plain(BigDecimal amount) {
            return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
        }

        private static BigDecimal cents(int cents) {
            return BigDecimal.valueOf(cents, 2);
        }
    }
}
