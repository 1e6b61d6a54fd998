package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.SimDatabase.Counter;
import io.llmdb.budgets.SimDatabase.Event;
import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One history, made of a seed: a few instances with the library's own desk and slices, a simulated database, calls, and
 * faults, on a clock that only the history's events move. No threads, no sleep, no database. The {@link Judge} looks
 * on.
 */
class Simulation {

    static final LeasePolicy POLICY =
            new LeasePolicy(Duration.ofSeconds(4), Duration.ofSeconds(6), Duration.ofSeconds(1), Duration.ofSeconds(1));

    private static final Instant BEGIN = Instant.parse("2026-03-01T11:59:53Z");
    private static final boolean TRACE = System.getProperty("llmdb.simulation.trace") != null;

    private static final long MILLI = 1_000_000L;
    private static final long SECOND = 1_000 * MILLI;

    /** Faults happen so long, then all is well again. */
    private static final long FAULTS_UNTIL = 10 * SECOND;

    private static final long CALLS_UNTIL = 17 * SECOND;

    /** Time enough for everything that is held to go back. */
    private static final long END = 36 * SECOND;

    final SplittableRandom dice;
    final SimDatabase database;
    final Judge judge;
    private final PriorityQueue<Planned> plan = new PriorityQueue<>();
    private final Bug bug;
    private final List<SimInstance> instances = new ArrayList<>();
    private final boolean faulty;
    private long nanos;
    private long planned;
    private long databaseStep;
    private long outageUntil;
    private int events;
    private Judge.@Nullable Violation violation;

    private record Planned(long at, long number, Runnable what) implements Comparable<Planned> {
        @Override
        public int compareTo(Planned other) {
            int byTime = Long.compare(at, other.at);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    private Simulation(long seed, Bug bug) {
        this.dice = new SplittableRandom(seed);
        this.bug = bug;
        this.faulty = dice.nextInt(10) < 7;
        this.database = bug.database(this::databaseTime, POLICY.leaseTime());
        Map<CounterId, Judge.Terms> terms = new LinkedHashMap<>();
        int counters = 1 + dice.nextInt(3);
        for (int i = 0; i < counters; i++) {
            CounterId id =
                    CounterId.of(List.of(Scope.KEY, Scope.TEAM, Scope.USER).get(i), "c" + i);
            long limit = 20L + dice.nextInt(dice.nextBoolean() ? 100 : 1_000);
            int window = List.of(0, 0, 10, 20).get(dice.nextInt(4));
            terms.put(id, new Judge.Terms(limit, window * 1_000L));
            Counter counter = new Counter();
            counter.limit = BigDecimal.valueOf(limit, 2);
            counter.duration = window == 0 ? null : BudgetDuration.parse("window", window + "s");
            database.counters.put(id, counter);
        }
        this.judge = new Judge(terms, POLICY.leaseTime().toMillis());
        database.watcher = new SimDatabase.Watcher() {
            @Override
            public void granted(UUID holder, CounterId counter, LeaseStore.Answer answer) {
                noteGrant(holder, counter, answer);
            }

            @Override
            public void renewed(UUID holder, CounterId counter) {
                judge.touched(holder, counter, databaseMillis());
            }

            @Override
            public void booked(Event event) {
                noteBooked(event);
            }
        };
    }

    /** Runs one history. Throws {@link Judge.Violation} where a promise was broken. */
    static void run(long seed, Bug bug) {
        Simulation simulation = new Simulation(seed, bug);
        try {
            simulation.run();
        } catch (Judge.Violation e) {
            throw new Judge.Violation(
                    "history " + seed + ", after " + simulation.nanos / MILLI + " ms: " + e.getMessage());
        }
    }

    private void run() {
        int count = 1 + dice.nextInt(3);
        for (int i = 0; i < count; i++) {
            instances.add(new SimInstance(this, bug));
        }
        int calls = 20 + dice.nextInt(60);
        for (int i = 0; i < calls; i++) {
            plan(dice.nextLong(CALLS_UNTIL), this::call);
        }
        if (faulty) {
            for (int i = dice.nextInt(5); i >= 0; i--) {
                plan(dice.nextLong(FAULTS_UNTIL), this::disturb);
            }
        }
        while (!plan.isEmpty() && nanos < END) {
            Planned next = plan.poll();
            nanos = Math.max(nanos, next.at);
            next.what.run();
            if (violation != null) {
                throw violation;
            }
        }
        checkEnd();
    }

    /**
     * Tells what happens, where the seed of a failed history is run by itself with {@code -Dllmdb.simulation.trace}.
     */
    void trace(String what) {
        if (TRACE) {
            System.out.printf("%7.1f ms  %s%n", nanos / 1e6, what);
        }
    }

    // Time.

    long nanos() {
        return nanos;
    }

    Instant databaseTime() {
        return BEGIN.plusNanos(nanos + databaseStep);
    }

    long databaseMillis() {
        return databaseTime().toEpochMilli();
    }

    void plan(long at, Runnable what) {
        plan.add(new Planned(Math.max(at, nanos), planned++, what));
    }

    void observe(Runnable what) {
        try {
            what.run();
        } catch (Judge.Violation e) {
            violation = e;
        }
    }

    // Faults.

    private void disturb() {
        judge.disturbed(databaseMillis() + POLICY.leaseTime().toMillis() + 3_000);
        SimInstance victim = instances.get(dice.nextInt(instances.size()));
        int what = dice.nextInt(6);
        trace("disturbance " + what + " of " + victim);
        switch (what) {
            case 0 -> outageUntil = nanos + dice.nextLong(6 * SECOND);
            case 1 -> victim.pause(dice.nextLong(8 * SECOND), dice.nextBoolean());
            case 2 -> {
                victim.crash();
                instances.remove(victim);
                instances.add(new SimInstance(this, bug));
            }
            case 3 -> victim.stepWallClock((dice.nextInt(3) - 1) * 3_600_000L);
            case 4 -> databaseStep += dice.nextLong(SECOND) - SECOND / 2;
            default -> victim.beUnlucky(nanos + dice.nextLong(4 * SECOND));
        }
    }

    /** Whether the database can be reached. */
    boolean isOut() {
        return nanos < outageUntil;
    }

    /** What can go wrong with one question to the database. */
    enum Fate {
        WELL,
        REFUSED,
        ANSWER_LOST,
        APPLIED_LATE
    }

    Fate fate(boolean unlucky) {
        if (isOut()) {
            return Fate.REFUSED;
        }
        if (!faulty || nanos > FAULTS_UNTIL || dice.nextInt(100) >= (unlucky ? 60 : 2)) {
            return Fate.WELL;
        }
        judge.disturbed(databaseMillis() + POLICY.leaseTime().toMillis() + 9_000);
        return List.of(Fate.REFUSED, Fate.ANSWER_LOST, Fate.APPLIED_LATE).get(dice.nextInt(3));
    }

    // Calls.

    private void call() {
        List<CounterId> wanted = new ArrayList<>();
        for (CounterId id : database.counters.keySet()) {
            if (wanted.isEmpty() || dice.nextInt(3) > 0) {
                wanted.add(id);
            }
        }
        List<Need> needs = wanted.stream().map(id -> new Need(id, null)).toList();
        long amount = 1L + dice.nextInt(dice.nextInt(4) == 0 ? 40 : 8);
        instances.get(dice.nextInt(instances.size())).call(needs, wanted, amount);
    }

    static String name(UUID holder) {
        return "instance " + holder.getLeastSignificantBits();
    }

    int nextEvent() {
        return ++events;
    }

    private void noteGrant(UUID holder, CounterId id, LeaseStore.Answer answer) {
        Counter counter = database.counter(id);
        long now = databaseMillis();
        trace(name(holder) + " gets " + answer);
        if (!answer.kept()) {
            judge.ended(holder, id, judge.wasLapsed(holder, id, now), now);
        }
        judge.touched(holder, id, now);
        BigDecimal granted = answer.granted();
        if (granted != null && granted.signum() > 0) {
            BigDecimal leased = database.others(id, new UUID(0, 0)).stream()
                    .map(lease -> lease.amount)
                    .reduce(counter.spend, BigDecimal::add);
            judge.granted(
                    id,
                    leased.movePointRight(2)
                            .setScale(0, java.math.RoundingMode.CEILING)
                            .longValueExact());
        }
    }

    private final Map<Integer, SimInstance.Settled> settled = new HashMap<>();

    void noteSettled(SimInstance.Settled one) {
        settled.put(one.event().id(), one);
    }

    private void noteBooked(Event event) {
        trace(name(event.holder()) + " has booked " + event);
        SimInstance.Settled one = settled.remove(event.id());
        judge.booked(
                one == null ? List.of() : one.modelled(),
                event.counters(),
                event.start().toEpochMilli(),
                // What the call has cost, whatever of it the database took in.
                (one == null ? event : one.event()).cost().movePointRight(2).longValueExact(),
                databaseMillis());
    }

    // The end.

    private void checkEnd() {
        if (!judge.isQuiet()) {
            throw new Judge.Violation("stuck: a call was neither admitted nor refused");
        }
        database.leases.forEach((key, lease) -> {
            if (lease.amount.signum() != 0 && database.lives(lease)) {
                throw new Judge.Violation(
                        "leak: when all is quiet " + lease.amount + " is reserved on " + key.counter());
            }
        });
        for (CounterId id : database.counters.keySet()) {
            Counter counter = database.counter(id);
            Map<Long, Long> windows = new HashMap<>();
            counter.past.forEach((start, amount) -> windows.merge(
                    judge.window(id, start.toEpochMilli()),
                    amount.movePointRight(2).longValueExact(),
                    Long::sum));
            Instant inWindow = counter.resetAt == null ? databaseTime() : counter.resetAt.minusMillis(1);
            windows.merge(
                    judge.window(id, inWindow.toEpochMilli()),
                    counter.spend.movePointRight(2).longValueExact(),
                    Long::sum);
            windows.values().removeIf(amount -> amount == 0);
            Instant first = counter.firstReset;
            judge.compare(id, windows, first == null ? Long.MIN_VALUE : judge.window(id, first.toEpochMilli() - 1));
        }
    }
}
