package io.llmdb.limits;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Ticks;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Three instances, one database, a clock, and a judge who counts with maps and whole numbers. The instances run the
 * library's own code; time, faults and deaths are made up.
 */
final class LimitSimulation {

    private static final CounterId TEAM = CounterId.of(Scope.TEAM, "t");
    private static final LimitId REQUESTS = new LimitId(TEAM, LimitKind.REQUESTS);
    private static final LimitId TOKENS = new LimitId(TEAM, LimitKind.TOKENS);
    private static final LimitId PARALLEL = new LimitId(TEAM, LimitKind.PARALLEL);
    private static final List<LimitId> ALL = List.of(REQUESTS, TOKENS, PARALLEL);
    private static final Instant START = Instant.parse("2031-03-04T05:06:17.250Z");
    private static final Duration STEP = Duration.ofMillis(5);

    /** A beat, and a step. */
    private static final long TOLD_WITHIN_NANOS = 150_000_000L;

    private static final long FORWARD_NANOS = 6_000_000_000L;
    private static final long MOST_FORWARD = 15;
    private static final LimitPolicy POLICY = LimitPolicy.DEFAULT;

    /**
     * One thing that happens.
     *
     * @param what which
     * @param who the instance
     * @param which one of several
     * @param size how much
     */
    record Event(What what, int who, int which, int size) {}

    /** The things that happen. */
    enum What {
        CALL,
        BURST,
        SETTLE,
        RELEASE,
        PASS,
        CRASH,
        FAULT,
        LIMIT,
        CLOCK,
        PROBE
    }

    private final SimulatedDatabase database;
    private final LimitBug bug;
    private final List<Instance> instances = new ArrayList<>();
    private final List<Admitted> open = new ArrayList<>();
    private final Map<LimitId, Long> limits = new HashMap<>(Map.of(REQUESTS, 12L, TOKENS, 120L, PARALLEL, 4L));

    /** The judge's book: what was admitted in a minute, by its estimates, less what was given back in that minute. */
    private final Book admitted = new Book();

    /** What was used above estimates, in the minute in which it became known. */
    private final Book above = new Book();

    private final List<Above> recent = new ArrayList<>();

    /** Minutes that the database's clock has shown, left to the past, and shown again, or that are not judged else. */
    private final Set<Long> revisited = new HashSet<>();

    /**
     * Minutes in which a limit was changed: who has had no call since tells what was used above estimates beside the
     * limit as it was.
     */
    private final Set<Long> changed = new HashSet<>();

    private final List<UUID> dead = new ArrayList<>();

    /** The machines' monotonic clock, and how far the database's is from it. */
    private long nanos = 1_000_000_000L;

    private Duration offset = Duration.ZERO;
    private long presentMinute;
    private long latestMinute;
    private long disturbedAt;
    private long forward;
    private long forwardSince;
    private int calls;

    LimitSimulation(SimulatedDatabase database) {
        this(database, LimitBug.NONE);
    }

    LimitSimulation(SimulatedDatabase database, LimitBug bug) {
        this.database = database;
        this.bug = bug;
        for (int i = 0; i < 3; i++) {
            instances.add(new Instance());
        }
        tick(Duration.ZERO);
    }

    /** An instance: the desk as in production, but time and failures are ours. */
    private final class Instance extends Clock implements Ticks {
        private UUID holder = UUID.randomUUID();
        private FaultyStore store = new FaultyStore(bug.between(database.store(holder)));
        private LimitDesk desk = new LimitDesk(store, POLICY, this, this);

        void restart() {
            dead.add(holder);
            holder = UUID.randomUUID();
            store = new FaultyStore(bug.between(database.store(holder)));
            desk = new LimitDesk(store, POLICY, this, this);
        }

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long wallMillis() {
            return nanos / 1_000_000;
        }

        @Override
        public Instant instant() {
            return now();
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }

    /** Amounts by limit, minute and holder. */
    private static final class Book {
        private final Map<LimitId, Map<Long, Map<UUID, Long>>> amounts = new HashMap<>();

        void add(LimitId id, long minute, UUID holder, long amount) {
            amounts.computeIfAbsent(id, key -> new HashMap<>())
                    .computeIfAbsent(minute, key -> new HashMap<>())
                    .merge(holder, amount, Long::sum);
        }

        long sum(LimitId id, long minute, Predicate<UUID> of) {
            return amounts.getOrDefault(id, Map.of()).getOrDefault(minute, Map.of()).entrySet().stream()
                    .filter(entry -> of.test(entry.getKey()))
                    .mapToLong(Map.Entry::getValue)
                    .sum();
        }

        long sum(LimitId id, long minute) {
            return sum(id, minute, holder -> true);
        }
    }

    private record Above(long minute, UUID holder, long amount, long at) {}

    private record Admitted(UUID holder, LimitHold hold, long tokens, long minute, Set<LimitId> on) {}

    private record Asked(
            Instance instance,
            List<LimitNeed> needs,
            @Nullable CompletableFuture<LimitHold> answer) {}

    private Instant now() {
        return START.plusNanos(nanos).plus(offset);
    }

    private long minute() {
        return Minutes.of(now());
    }

    private void tick(Duration time) {
        nanos += time.toNanos();
        database.setTime(now());
        if (minute() != presentMinute) {
            presentMinute = minute();
            // What was used above an estimate just before is told in the minute that has just begun.
            if (recent.stream().anyMatch(one -> nanos - one.at < TOLD_WITHIN_NANOS)) {
                revisited.add(presentMinute);
            }
        }
        latestMinute = Math.max(latestMinute, minute());
    }

    int calls() {
        return calls;
    }

    void run(List<Event> events) {
        events.forEach(this::happen);
        probe(0, 1);
    }

    private void happen(Event event) {
        Instance instance = instances.get(event.who % instances.size());
        switch (event.what) {
            case CALL -> call(List.of(instance), event);
            case BURST ->
                call(List.of(instance, instances.get(0), instances.get(1), instances.get(2), instance), event);
            case SETTLE -> end(event.which, event.size);
            case RELEASE -> end(event.which, null);
            case PASS -> pass(List.of(10, 150, 400, 4_000, 20_000, 61_000).get(event.which % 6));
            case CRASH -> {
                // What it used above estimates and had not told yet dies with it.
                recent.stream()
                        .filter(one -> one.holder.equals(instance.holder) && nanos - one.at < 1_000_000_000L)
                        .forEach(one -> above.add(TOKENS, one.minute, one.holder, -one.amount));
                open.removeIf(call -> call.holder.equals(instance.holder));
                instance.restart();
            }
            case FAULT -> {
                instance.store.fail(event.which % 2 == 0, 1 + event.size % 2);
            }
            case LIMIT -> {
                LimitId id = ALL.get(event.which % 3);
                changed.add(minute());
                limits.put(id, (id.equals(TOKENS) ? 100L : id.equals(REQUESTS) ? 10L : 3L) + event.size % 7 - 3);
            }
            case CLOCK -> {
                offset = offset.plusSeconds(step(event.size % 91 - 75));
                LongStream.rangeClosed(minute(), latestMinute).forEach(revisited::add);
                tick(Duration.ZERO);
            }
            case PROBE -> probe(event.who, event.size);
        }
    }

    /** Between two renewals of slots the clock is set forward by less than they last. */
    private long step(long seconds) {
        if (nanos - forwardSince > FORWARD_NANOS) {
            forward = 0;
        }
        long step = Math.min(seconds, MOST_FORWARD - forward);
        if (step > 0) {
            forward += step;
            forwardSince = nanos;
        }
        return step;
    }

    private void pass(int millis) {
        for (int done = 0; done < millis; done += 50) {
            tick(Duration.ofMillis(Math.min(50, millis - done)));
            work();
        }
    }

    private void work() {
        for (Instance instance : instances) {
            try {
                instance.desk.work(Duration.ZERO);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private List<LimitNeed> needs(Set<LimitId> on, long tokens) {
        List<LimitNeed> needs = new ArrayList<>();
        for (LimitId id : ALL) {
            if (on.contains(id)) {
                needs.add(new LimitNeed(id, limits.getOrDefault(id, 0L), id.equals(TOKENS) ? tokens : 1));
            }
        }
        return needs;
    }

    private void call(List<Instance> by, Event event) {
        Set<LimitId> on = switch (event.which % 4) {
            case 0 -> Set.of(REQUESTS);
            case 1 -> Set.of(TOKENS);
            case 2 -> Set.of(PARALLEL);
            default -> Set.of(REQUESTS, TOKENS, PARALLEL);
        };
        List<Asked> asked = new ArrayList<>();
        for (Instance instance : by) {
            ask(instance, needs(on, 1 + event.size % 60)).ifOpen(asked);
        }
        await(asked);
    }

    /** What became of a call at once; otherwise it waits for the desk. */
    private record Outcome(@Nullable Asked waiting) {
        void ifOpen(List<Asked> asked) {
            if (waiting != null) {
                asked.add(waiting);
            }
        }
    }

    private Outcome ask(Instance instance, List<LimitNeed> needs) {
        calls++;
        try {
            LimitHold hold = instance.desk.reserveHere(needs);
            if (hold == null) {
                return new Outcome(new Asked(instance, needs, instance.desk.reserve(needs)));
            }
            judgeAdmitted(instance, needs, hold);
        } catch (RateLimitedException e) {
            judgeRefused(e);
        }
        return new Outcome(null);
    }

    private void await(List<Asked> asked) {
        List<Asked> left = new ArrayList<>(asked);
        for (int i = 0; !left.isEmpty(); i++) {
            check(i < 1000, "a call waits for ever");
            work();
            left.removeIf(this::isDone);
            tick(left.isEmpty() ? Duration.ZERO : STEP);
        }
    }

    private boolean isDone(Asked call) {
        CompletableFuture<LimitHold> answer = call.answer;
        if (answer == null || !answer.isDone()) {
            return false;
        }
        try {
            judgeAdmitted(call.instance, call.needs, answer.join());
        } catch (CompletionException e) {
            if (e.getCause() instanceof RateLimitedException refusal) {
                judgeRefused(refusal);
            } else if (!(e.getCause() instanceof DatabaseUnavailableException)) {
                throw e;
            }
        }
        return true;
    }

    private void judgeAdmitted(Instance instance, List<LimitNeed> needs, LimitHold hold) {
        long tokens = 0;
        for (LimitNeed need : needs) {
            long before;
            if (need.id().isPerMinute()) {
                before = admitted.sum(need.id(), minute());
                if (nanos - disturbedAt > 1_000_000_000L && !revisited.contains(minute())) {
                    before += above.sum(need.id(), minute());
                }
                admitted.add(need.id(), minute(), instance.holder, need.amount());
            } else {
                before = running();
            }
            tokens = need.id().equals(TOKENS) ? need.amount() : tokens;
            check(
                    before + need.amount() <= need.limit(),
                    need.id() + ": " + need.amount() + " admitted on " + before + " of " + need.limit());
        }
        open.add(new Admitted(
                instance.holder,
                hold,
                tokens,
                minute(),
                Set.copyOf(needs.stream().map(LimitNeed::id).toList())));
    }

    private void judgeRefused(RateLimitedException e) {
        boolean never = e.requested() > e.limit();
        Duration expected = never
                ? null
                : e.kind() == LimitKind.PARALLEL
                        ? Duration.ofSeconds(1)
                        : Duration.between(now(), Minutes.end(minute()));
        check(Objects.equals(e.retryAfter(), expected), "retry after " + e.retryAfter() + " instead of " + expected);
    }

    private void end(int which, @Nullable Integer tokens) {
        if (open.isEmpty()) {
            return;
        }
        Admitted call = open.remove(which % open.size());
        if (tokens == null) {
            bug.release(call.hold);
            giveBack(call, REQUESTS, 1);
            giveBack(call, TOKENS, call.tokens);
            return;
        }
        bug.settle(call.hold, call.tokens, tokens);
        if (call.on.contains(TOKENS)) {
            giveBack(call, TOKENS, Math.max(0, call.tokens - tokens));
            long more = Math.max(0, tokens - call.tokens);
            if (more > 0) {
                above.add(TOKENS, minute(), call.holder, more);
                recent.add(new Above(minute(), call.holder, more, nanos));
                disturbedAt = nanos;
                if (changed.contains(minute())) {
                    revisited.add(minute());
                }
            }
        }
        if (bug == LimitBug.NONE) {
            // Neither of them takes effect any more.
            call.hold.settle(tokens + 1000L);
            call.hold.release();
        }
    }

    private void giveBack(Admitted call, LimitId id, long amount) {
        if (call.on.contains(id)) {
            admitted.add(id, call.minute, call.holder, -amount);
        }
    }

    /** When all has been told, what is left is admitted, and what is not is refused. */
    private void probe(int who, int size) {
        instances.forEach(instance -> instance.store.fail(true, 0));
        pass(2_500);
        for (LimitId id : ALL) {
            Instance instance = instances.get(who % instances.size());
            if (revisited.contains(minute())) {
                // In a minute that comes back, what was idle may be lost, and slots that had lapsed come back too.
                continue;
            }
            long room = room(id);
            long amount = !id.equals(TOKENS) ? 1 : room > 0 ? 1 + size % room : 1;
            long before = id.isPerMinute() ? admitted.sum(id, minute()) : running();
            List<LimitNeed> needs = List.of(new LimitNeed(id, limits.getOrDefault(id, 0L), amount));
            List<Asked> asked = new ArrayList<>();
            ask(instance, needs).ifOpen(asked);
            await(asked);
            long after = id.isPerMinute() ? admitted.sum(id, minute()) : running();
            check(
                    // Slots of the dead may lapse meanwhile.
                    after > before ? amount <= Math.max(room, room(id) + amount) : amount > room,
                    id + ": " + amount + (after > before ? " admitted" : " refused") + " with " + room + " left of "
                            + limits.get(id));
        }
    }

    /** The limit, less what live instances' calls use, less what the dead hold. */
    private long room(LimitId id) {
        long used = dead.stream().mapToLong(holder -> database.held(id, holder)).sum();
        used += id.isPerMinute()
                ? admitted.sum(id, minute(), holder -> !dead.contains(holder))
                        + above.sum(id, minute(), holder -> !dead.contains(holder))
                : running();
        return limits.getOrDefault(id, 0L) - used;
    }

    private long running() {
        return open.stream().filter(call -> call.on.contains(PARALLEL)).count();
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    /** Lets calls fail: before they take effect, or after, so that only the answer is lost. */
    private final class FaultyStore implements LimitStore {
        private final LimitStore store;
        private int failures;
        private boolean before;

        FaultyStore(LimitStore store) {
            this.store = store;
        }

        void fail(boolean beforeTheyTakeEffect, int times) {
            before = beforeTheyTakeEffect;
            failures = times;
        }

        private <T> T call(Supplier<T> call) {
            if (failures-- <= 0) {
                return call.get();
            }
            disturbedAt = nanos;
            String lost = before ? "nothing" : String.valueOf(call.get());
            throw new DatabaseUnavailableException("Made up; what was lost is " + lost);
        }

        @Override
        public Reply grant(List<Question> questions) {
            return call(() -> store.grant(questions));
        }

        @Override
        public Set<LimitId> renew() {
            return call(store::renew);
        }

        @Override
        public Set<LimitId> recalled() {
            return call(store::recalled);
        }

        @Override
        public void returnSlots() {
            store.returnSlots();
        }

        @Override
        public void tidy() {
            store.tidy();
        }
    }
}
