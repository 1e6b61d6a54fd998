package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.LeaseDesk.Step;
import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.SimDatabase.Event;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Ticks;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.LeaseShare;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One process: the library's desk, driven by the simulation, and a recorder with a queue. */
final class SimInstance {

    private static final long MILLI = 1_000_000L;
    private static final long SECOND = 1_000 * MILLI;

    private final Simulation world;
    private final Bug bug;
    private final UUID holder;
    private final LeaseDesk desk;
    private final DatabaseTime clock = new DatabaseTime();
    private final List<Settled> backlog = new ArrayList<>();
    private boolean dead;
    private boolean resting = true;
    private boolean booking;
    private long pausedUntil;
    private long slept;
    private long wallStep;
    private long unluckyUntil;
    private boolean sleeps;
    private boolean setBack;

    /** A call that is over and not booked. */
    record Settled(Event event, List<Hold> holds, List<Judge.Hold> modelled) {}

    SimInstance(Simulation world, Bug bug) {
        this.world = world;
        this.bug = bug;
        this.holder = new UUID(1, world.nextEvent());
        Ticks ticks = new Ticks() {
            @Override
            public long nanos() {
                return world.nanos() - slept;
            }

            @Override
            public long wallMillis() {
                return 1_700_000_000_000L + world.nanos() / MILLI + wallStep;
            }
        };
        clock.observe(world.databaseTime());
        this.desk = bug.desk(Simulation.POLICY, ticks, clock);
        poll();
        wake();
    }

    /** The database's time as the instance knows it. */
    private final class DatabaseTime extends Clock {
        private Instant answer = Instant.EPOCH;
        private long at;

        void observe(Instant instant) {
            answer = instant;
            at = world.nanos() - slept;
        }

        @Override
        public Instant instant() {
            return answer.plusNanos(world.nanos() - slept - at);
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

    // Faults.

    void crash() {
        dead = true;
        world.judge.crashed(holder);
    }

    /** Stands still; asleep, the machine's monotonic clock does too. */
    void pause(long time, boolean asleep) {
        pausedUntil = world.nanos() + time;
        if (asleep) {
            sleeps = true;
            lookAtClocks();
            here(pausedUntil, () -> {});
            long before = world.nanos();
            world.plan(pausedUntil, () -> slept += world.nanos() - before);
        }
    }

    void stepWallClock(long millis) {
        wallStep += millis;
        setBack |= millis < 0;
        lookAtClocks();
    }

    /**
     * Whose monotonic clock stood still and whose time of day was set back, both, cannot know how much time went by.
     */
    private void lookAtClocks() {
        if (sleeps && setBack) {
            world.judge.hasNoClock(holder);
        }
    }

    void beUnlucky(long until) {
        unluckyUntil = until;
    }

    /** Something that happens in this process, if it lives and runs. */
    private void here(long at, Runnable what) {
        world.plan(at, () -> {
            if (!dead) {
                if (world.nanos() < pausedUntil) {
                    here(pausedUntil + 1, what);
                } else {
                    what.run();
                }
            }
        });
    }

    private <T> void ask(Supplier<T> effect, Consumer<T> answered, Consumer<DatabaseUnavailableException> failed) {
        long there = 1 + world.dice.nextLong(10 * MILLI);
        long back = 1 + world.dice.nextLong(10 * MILLI);
        DatabaseUnavailableException lost = new DatabaseUnavailableException("simulated");
        Simulation.Fate fate = world.fate(world.nanos() < unluckyUntil);
        if (fate != Simulation.Fate.WELL) {
            world.trace(this + " " + fate);
        }
        switch (fate) {
            case WELL ->
                world.plan(world.nanos() + there, () -> {
                    T answer = effect.get();
                    Instant now = world.databaseTime();
                    here(world.nanos() + back, () -> {
                        clock.observe(now);
                        answered.accept(answer);
                    });
                });
            case REFUSED -> here(world.nanos() + there + back, () -> failed.accept(lost));
            case ANSWER_LOST ->
                world.plan(world.nanos() + there, () -> {
                    T unused = effect.get();
                    here(world.nanos() + back, () -> failed.accept(lost));
                });
            case APPLIED_LATE -> {
                here(world.nanos() + SECOND, () -> failed.accept(lost));
                world.plan(world.nanos() + world.dice.nextLong(8 * SECOND), () -> {
                    T unused = effect.get();
                });
            }
        }
    }

    /** As the change feed does. */
    private void poll() {
        here(world.nanos() + 250 * MILLI, () -> {
            if (!world.isOut()) {
                clock.observe(world.databaseTime());
            }
            poll();
        });
    }

    // What LeaseThread does.

    private void wake() {
        if (resting) {
            resting = false;
            here(world.nanos(), this::step);
        }
    }

    private void step() {
        Step step = desk.next();
        if (!(step instanceof Step.Rest) && !(step instanceof Step.LookForRecalls)) {
            world.trace(this + " " + step);
        }
        if (step instanceof Step.Grant grant) {
            ask(
                    () -> world.database.grant(holder, grant.turn(), grant.questions()),
                    answers -> {
                        List<Answer> all =
                                answers.stream().map(Objects::requireNonNull).toList();
                        desk.granted(grant, all);
                        step();
                    },
                    e -> failed(step, e));
        } else if (step instanceof Step.Renew renew) {
            ask(
                    () -> world.database.renew(holder),
                    renewed -> {
                        desk.renewed(renew, renewed);
                        step();
                    },
                    e -> failed(step, e));
        } else if (step instanceof Step.LookForRecalls) {
            ask(
                    () -> world.database.recalled(holder),
                    recalled -> {
                        desk.recalled(recalled);
                        step();
                    },
                    e -> failed(step, e));
        } else if (step instanceof Step.Rest rest) {
            resting = true;
            here(world.nanos() + Math.max(MILLI, Math.min(rest.nanos(), SECOND)), this::wake);
        }
    }

    private void failed(Step step, DatabaseUnavailableException e) {
        desk.failed(step, e);
        here(world.nanos() + 100 * MILLI, this::step);
    }

    // What BudgetService and the recorder do.

    void call(List<Need> needs, List<CounterId> counters, long cents) {
        here(world.nanos(), () -> {
            long amount = Units.up("estimate", BigDecimal.valueOf(cents, 2));
            Reservation at = desk.reserveHere(needs, amount);
            if (at != null) {
                admitted(null, at, counters, cents);
                return;
            }
            Judge.Waiting waiting = world.judge.waits(holder, counters, cents, world.databaseMillis());
            if (desk.refusedHere(needs, amount) != null) {
                world.judge.refused(waiting, world.databaseMillis());
                return;
            }
            // What a future's callback throws, nobody hears.
            var unused = desk.enqueue(needs, amount)
                    .whenComplete((reservation, failure) -> world.observe(() -> {
                        if (reservation != null) {
                            admitted(waiting, reservation, counters, cents);
                        } else if (failure instanceof BudgetExceededException
                                || failure instanceof CompletionException e
                                        && e.getCause() instanceof BudgetExceededException) {
                            world.judge.refused(waiting, world.databaseMillis());
                        } else {
                            world.judge.gaveUp(waiting);
                        }
                    }));
            wake();
        });
    }

    private void admitted(
            Judge.@Nullable Waiting waiting, Reservation reservation, List<CounterId> counters, long cents) {
        List<Judge.Hold> modelled = world.judge.admitted(
                waiting, holder, counters, cents, reservation.start().toEpochMilli(), world.databaseMillis());
        long lasts = world.dice.nextLong(world.dice.nextInt(4) == 0 ? 6 * SECOND : SECOND);
        int outcome = world.dice.nextInt(10);
        world.trace(this + " admits " + cents + " on " + counters + " from " + reservation.start());
        long cost = outcome == 0 ? cents + world.dice.nextLong(cents + 1) : world.dice.nextLong(cents + 1);
        here(world.nanos() + lasts, () -> {
            if (outcome >= 8) {
                reservation.release();
                world.judge.released(modelled, world.databaseMillis());
            } else {
                settle(reservation, modelled, counters, cost, outcome >= 6);
            }
        });
    }

    /** A caller who waits for the commit is told of an error, and gives up or tries again. */
    private void settle(
            Reservation reservation, List<Judge.Hold> modelled, List<CounterId> counters, long cents, boolean waits) {
        BigDecimal cost = BigDecimal.valueOf(cents, 2);
        settle(
                new Event(world.nextEvent(), reservation.start(), cost, counters, holder, List.of()),
                reservation,
                modelled,
                waits);
    }

    private void settle(Event plain, Reservation reservation, List<Judge.Hold> modelled, boolean waits) {
        List<LeaseShare> shares = new ArrayList<>();
        for (Hold hold : reservation.holds()) {
            LeaseShare share = hold.slice().settle(hold, Units.up("cost", plain.cost()));
            if (share != null) {
                shares.add(share);
            }
        }
        world.judge.settled(modelled, plain.cost().movePointRight(2).longValueExact(), world.databaseMillis());
        Event event = new Event(plain.id(), plain.start(), plain.cost(), plain.counters(), holder, shares);
        Settled settled = new Settled(event, reservation.holds(), modelled);
        world.noteSettled(settled);
        if (!waits) {
            backlog.add(settled);
            book();
            return;
        }
        ask(
                () -> {
                    bug.book(world.database, event);
                    return true;
                },
                done -> booked(settled),
                e -> {
                    reservation.holds().forEach(hold -> bug.unsettle(hold));
                    if (world.dice.nextBoolean()) {
                        here(
                                world.nanos() + world.dice.nextLong(SECOND),
                                () -> settle(plain, reservation, modelled, true));
                    } else {
                        // Whether it is booked, or will be, the caller does not wait to hear.
                        reservation.release();
                        world.judge.released(modelled, world.databaseMillis());
                    }
                });
    }

    @Override
    public String toString() {
        return Simulation.name(holder);
    }

    private void booked(Settled settled) {
        settled.holds().forEach(hold -> hold.slice().booked(hold));
    }

    private void book() {
        if (booking || backlog.isEmpty()) {
            return;
        }
        booking = true;
        List<Settled> batch = List.copyOf(backlog);
        ask(
                () -> {
                    batch.forEach(one -> bug.book(world.database, one.event()));
                    return true;
                },
                done -> {
                    batch.forEach(this::booked);
                    backlog.removeAll(batch);
                    booking = false;
                    book();
                },
                e -> {
                    booking = false;
                    here(world.nanos() + 50 * MILLI, this::book);
                });
    }
}
