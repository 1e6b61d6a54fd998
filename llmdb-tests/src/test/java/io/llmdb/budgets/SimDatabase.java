package io.llmdb.budgets;

import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.LeaseStore.Status;
import io.llmdb.common.BudgetDuration;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.LeaseShare;
import io.llmdb.spend.WindowRoll;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What {@code llmdb_grant}, the renewal and booking do, on maps. {@code LeaseConformanceTest} holds it to the real
 * ones, answer by answer. Its small methods are what planted bugs replace.
 */
class SimDatabase {

    /** One booking. */
    record Event(
            int id, Instant start, BigDecimal cost, List<CounterId> counters, UUID holder, List<LeaseShare> shares) {}

    static final class Counter {
        BigDecimal spend = BigDecimal.ZERO;

        @Nullable
        BigDecimal limit;

        @Nullable
        BudgetDuration duration;

        @Nullable
        Instant windowStart;

        /** When the first window ended of which the counter knows. */
        @Nullable
        Instant firstReset;

        @Nullable
        Instant resetAt;

        final Map<Instant, BigDecimal> past = new TreeMap<>();
    }

    record LeaseKey(CounterId counter, UUID holder) {}

    static final class Lease {
        BigDecimal amount = BigDecimal.ZERO;

        @Nullable
        Instant windowEnd;

        Instant expiresAt = Instant.MIN;
        Instant setAt = Instant.MIN;
        boolean recalled;

        @Nullable
        Instant refusedAt;

        long turn;
        long epoch;
    }

    /** Hears of what takes effect. */
    interface Watcher {
        default void granted(UUID holder, CounterId counter, Answer answer) {}

        default void renewed(UUID holder, CounterId counter) {}

        default void booked(Event event) {}
    }

    final Map<CounterId, Counter> counters = new LinkedHashMap<>();
    final Map<LeaseKey, Lease> leases = new LinkedHashMap<>();
    private final BudgetCalendar calendar = BudgetCalendar.in(ZoneOffset.UTC);
    private final Set<Integer> known = new HashSet<>();
    private final Supplier<Instant> clock;
    private final Duration leaseTime;
    Watcher watcher = new Watcher() {};

    SimDatabase(Supplier<Instant> clock, Duration leaseTime) {
        this.clock = clock;
        this.leaseTime = leaseTime;
    }

    final Instant now() {
        return clock.get();
    }

    final Counter counter(CounterId id) {
        return Objects.requireNonNull(counters.get(id), () -> "no " + id);
    }

    boolean lives(Lease lease) {
        return lease.expiresAt.isAfter(now()) && (lease.windowEnd == null || lease.windowEnd.isAfter(now()));
    }

    boolean isOutdated(Lease lease, long turn) {
        return lease.turn > turn;
    }

    boolean isOver(Counter counter) {
        return counter.resetAt == null ? counter.duration != null : !now().isBefore(counter.resetAt);
    }

    boolean isOfThisWindow(Question question, Counter counter) {
        return question.windowEnd() == null
                || counter.windowStart == null
                || counter.windowStart.isBefore(question.windowEnd());
    }

    boolean hasRoomAgain(BigDecimal inUse, BigDecimal room) {
        return inUse.compareTo(room.max(BigDecimal.ZERO)) <= 0;
    }

    boolean takes(Lease lease, LeaseShare share) {
        return lease.epoch == share.epoch();
    }

    boolean isKnown(Event event) {
        return !known.add(event.id());
    }

    boolean isRenewed(Lease lease) {
        return lease.expiresAt.isAfter(now());
    }

    /** What other holders have. */
    BigDecimal reserved(CounterId counter, UUID holder) {
        return others(counter, holder).stream().map(lease -> lease.amount).reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    final List<Lease> others(CounterId counter, UUID holder) {
        List<Lease> others = new ArrayList<>();
        leases.forEach((key, lease) -> {
            if (key.counter().equals(counter) && !key.holder().equals(holder) && lives(lease)) {
                others.add(lease);
            }
        });
        return others;
    }

    /** Null where it came behind a later question. */
    final List<@Nullable Answer> grant(UUID holder, long turn, List<Question> questions) {
        List<@Nullable Answer> answers = new ArrayList<>();
        for (Question question : questions) {
            Answer answer = grant(holder, turn, question);
            answers.add(answer);
            if (answer != null) {
                watcher.granted(holder, question.counter(), answer);
            }
        }
        return answers;
    }

    private @Nullable Answer grant(UUID holder, long turn, Question asked) {
        Counter counter = counters.get(asked.counter());
        if (counter == null) {
            return new Answer(
                    Status.GONE,
                    null,
                    true,
                    asked.epoch(),
                    new BudgetState(asked.counter(), BigDecimal.ZERO, BigDecimal.ZERO, null, null),
                    null,
                    null,
                    null,
                    now());
        }
        if (isOver(counter)) {
            roll(counter, List.of());
        }
        LeaseKey key = new LeaseKey(asked.counter(), holder);
        Lease own = leases.get(key);
        if (own != null && isOutdated(own, turn)) {
            return null;
        }
        BigDecimal reserved = reserved(asked.counter(), holder);
        Instant othersSetAt = others(asked.counter(), holder).stream()
                .filter(lease -> lease.amount.signum() > 0)
                .map(lease -> lease.setAt)
                .min(Instant::compareTo)
                .orElse(null);
        boolean othersLack = others(asked.counter(), holder).stream()
                .anyMatch(lease -> lease.refusedAt != null && lease.refusedAt.isAfter(now().minusSeconds(1)));
        Status status = Status.GRANTED;
        BigDecimal granted = null;
        BigDecimal inUse = BigDecimal.ZERO;
        boolean kept = true;
        long epoch = asked.epoch();
        if (counter.limit != null) {
            BigDecimal room = counter.limit.subtract(counter.spend).subtract(reserved);
            boolean sameWindow = isOfThisWindow(asked, counter);
            boolean ownLives = own != null && lives(own);
            if (ownLives && sameWindow && own.epoch <= asked.epoch()) {
                BigDecimal idle = asked.idle() == null ? BigDecimal.ZERO : asked.idle();
                inUse = asked.inUse().min(own.amount.subtract(idle).max(BigDecimal.ZERO));
            } else if (sameWindow && hasRoomAgain(asked.inUse(), room) && (own == null || own.epoch <= asked.epoch())) {
                inUse = asked.inUse();
            } else {
                kept = false;
                epoch = Math.max(asked.epoch(), own == null ? 0 : own.epoch) + 1;
            }
            room = room.subtract(inUse);
            if (room.compareTo(asked.need()) >= 0) {
                BigDecimal part = room.subtract(asked.need())
                        .divide(BigDecimal.valueOf(othersSetAt == null ? 2 : 4), 12, RoundingMode.DOWN);
                granted = asked.need()
                        .add(
                                othersLack || ownLives && own.recalled
                                        ? BigDecimal.ZERO
                                        : asked.extra().min(part));
            } else {
                status = Status.REFUSED;
                granted = asked.least().signum() > 0 && room.compareTo(asked.least()) >= 0
                        ? room.setScale(12, RoundingMode.DOWN)
                        : BigDecimal.ZERO;
                if (asked.need().signum() > 0) {
                    others(asked.counter(), holder).stream()
                            .filter(lease -> lease.amount.signum() > 0)
                            .forEach(lease -> lease.recalled = true);
                }
            }
        }
        boolean lacks = status == Status.REFUSED && asked.need().signum() > 0;
        set(key, inUse.add(granted == null ? BigDecimal.ZERO : granted), counter, turn, epoch, asked, lacks);
        return new Answer(
                status,
                granted,
                kept,
                epoch,
                new BudgetState(asked.counter(), counter.spend, reserved, counter.limit, counter.resetAt),
                othersSetAt,
                counter.windowStart,
                null,
                now());
    }

    private void set(
            LeaseKey key, BigDecimal amount, Counter counter, long turn, long epoch, Question asked, boolean lacks) {
        if (amount.signum() == 0 && !lacks) {
            leases.remove(key);
            return;
        }
        Lease lease = leases.computeIfAbsent(key, k -> new Lease());
        lease.amount = amount;
        lease.windowEnd = counter.resetAt;
        lease.expiresAt = now().plus(leaseTime);
        lease.setAt = now();
        if (asked.need().signum() > 0) {
            lease.refusedAt = lacks ? now() : null;
        }
        lease.recalled = false;
        lease.turn = turn;
        lease.epoch = epoch;
    }

    final Set<CounterId> renew(UUID holder) {
        Set<CounterId> renewed = new LinkedHashSet<>();
        leases.forEach((key, lease) -> {
            if (key.holder().equals(holder) && isRenewed(lease)) {
                lease.expiresAt = now().plus(leaseTime);
                renewed.add(key.counter());
                watcher.renewed(holder, key.counter());
            }
        });
        return renewed;
    }

    final Set<CounterId> recalled(UUID holder) {
        Set<CounterId> recalled = new LinkedHashSet<>();
        leases.forEach((key, lease) -> {
            if (key.holder().equals(holder) && lease.recalled) {
                recalled.add(key.counter());
            }
        });
        return recalled;
    }

    final void returnAll(UUID holder) {
        leases.keySet().removeIf(key -> key.holder().equals(holder));
    }

    final void book(Event event) {
        if (isKnown(event)) {
            return;
        }
        for (CounterId id : event.counters()) {
            Counter counter = counter(id);
            boolean fits = (counter.windowStart == null || !event.start().isBefore(counter.windowStart))
                    && (counter.resetAt == null
                            ? counter.duration == null
                            : event.start().isBefore(counter.resetAt));
            if (fits) {
                counter.spend = counter.spend.add(event.cost());
            } else {
                roll(counter, List.of(new WindowRoll.Spent(event.start(), event.cost())));
            }
        }
        for (LeaseShare share : event.shares()) {
            Lease lease = leases.get(new LeaseKey(share.counter(), event.holder()));
            if (lease != null && takes(lease, share)) {
                lease.amount = lease.amount.subtract(share.amount()).max(BigDecimal.ZERO);
            }
        }
        watcher.booked(event);
    }

    /** The library's own window code. */
    void roll(Counter counter, List<WindowRoll.Spent> added) {
        WindowRoll roll = WindowRoll.of(
                calendar,
                new WindowRoll.Counter(
                        counter.spend, counter.windowStart, counter.resetAt, counter.duration, counter.limit),
                now(),
                added,
                false);
        counter.spend = roll.spend();
        counter.windowStart = roll.windowStart();
        counter.resetAt = roll.resetAt();
        if (counter.firstReset == null) {
            counter.firstReset = counter.resetAt;
        }
        roll.past().forEach(window -> counter.past.merge(window.start(), window.spend(), BigDecimal::add));
    }
}
