package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.keys.Caller;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Budgets that hold: a request is admitted on every budget that applies or on none, with any number of threads and
 * instances.
 *
 * <p>At each admission spent + reserved &lt;= limit, on every scope. Only what a request costs above its own estimate
 * can pass a limit; it is booked in full and blocks the next request. Safe for use by several threads.
 */
public final class BudgetService implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(BudgetService.class);

    private static final BigDecimal NOTHING = BigDecimal.ZERO;

    private final UUID instance = UUID.randomUUID();
    private final Clock databaseClock;
    private final SpendRecorder recorder;
    private final BudgetScopes scopes;
    private final BudgetRules rules;
    private final LeasePolicy policy;
    private final LeaseDesk desk;
    private final Map<UUID, Admission> open = new ConcurrentHashMap<>();
    private final Map<UUID, List<Hold>> unbooked = new ConcurrentHashMap<>();
    private final ScheduledExecutorService sweeper;

    /**
     * Starts the threads that keep leases alive and end forgotten reservations.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param recorder where settled requests go
     * @param booking says where budget windows begin
     * @param directory finds end users and tags
     * @param rules what the settings say
     * @param policy how long holds last
     */
    public BudgetService(
            Db db,
            Clock databaseClock,
            SpendRecorder recorder,
            BookingPolicy booking,
            BudgetDirectory directory,
            BudgetRules rules,
            LeasePolicy policy) {
        this.databaseClock = databaseClock;
        this.recorder = recorder;
        this.scopes = new BudgetScopes(directory, rules);
        this.rules = rules;
        this.policy = policy;
        this.desk = new LeaseDesk(
                new DbLeaseStore(
                        db,
                        instance,
                        policy.leaseTime(),
                        new CounterWindows(db, booking),
                        rules.defaultEndUserBudgetId(),
                        rules.proxyDuration()),
                policy,
                databaseClock);
        recorder.onBooked(this::booked);
        this.sweeper = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "llmdb-reservations");
            thread.setDaemon(true);
            return thread;
        });
        Future<?> unused = sweeper.scheduleWithFixedDelay(this::endForgotten, 1, 1, TimeUnit.SECONDS);
    }

    /**
     * Admits a request where its estimate fits into every budget that applies, and reserves it there.
     *
     * @param caller who calls
     * @param call the request
     * @return the admission, to be settled or released
     * @throws BudgetExceededException where it does not fit; the first budget in the way is named
     * @throws UnknownPriceException where the call has no estimate, a budget applies and the settings refuse such calls
     * @throws DatabaseUnavailableException where the database has to be asked, cannot be reached, and the settings do
     *     not let the call pass
     */
    public Admission admit(Caller caller, Call call) {
        return admit(caller, call, rules.allowWhenUnavailable());
    }

    /**
     * Admits a request as {@link #admit(Caller, Call)} does, with a word of its own on an unreachable database.
     *
     * @param caller who calls
     * @param call the request
     * @param allowWhenUnavailable whether the request passes with nothing reserved where the database cannot be reached
     * @return the admission
     */
    public Admission admit(Caller caller, Call call, boolean allowWhenUnavailable) {
        BigDecimal estimate = call.estimate();
        if (estimate != null && estimate.signum() == 0) {
            // A model priced 0 needs no budget; its requests count all the same.
            return admitted(caller, call, List.of(), List.of(), false);
        }
        List<Need> needs;
        try {
            needs = scopes.of(caller, call);
        } catch (DatabaseUnavailableException e) {
            if (allowWhenUnavailable) {
                return admitted(caller, call, List.of(), List.of(), false);
            }
            throw e;
        }
        if (needs.isEmpty()) {
            return admitted(caller, call, List.of(), List.of(), false);
        }
        List<CounterId> further = BudgetScopes.further(needs);
        BigDecimal toReserve = estimate == null ? priceOfUnknown(call) : estimate;
        if (toReserve == null) {
            return admitted(caller, call, List.of(), further, false);
        }
        long amount = Units.up("estimate", toReserve);
        List<Hold> holds = desk.reserveHere(needs, amount);
        if (holds == null) {
            try {
                holds = desk.reserve(needs, amount).join();
            } catch (CompletionException e) {
                if (e.getCause() instanceof DatabaseUnavailableException && allowWhenUnavailable) {
                    return admitted(caller, call, List.of(), further, false);
                }
                throw e.getCause() instanceof RuntimeException cause ? cause : e;
            }
        }
        return admitted(caller, call, holds, further, true);
    }

    /**
     * How the budgets stand that a request would have to fit into; nothing is reserved.
     *
     * @param caller who calls
     * @param call the request
     * @return the budgets; empty where none applies
     */
    public List<BudgetState> dryRun(Caller caller, Call call) {
        List<Question> questions = scopes.of(caller, call).stream()
                .map(need -> new Question(need.counter(), NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, need.limit()))
                .toList();
        return questions.isEmpty() ? List.of() : desk.store().read(questions);
    }

    /**
     * Has what this instance holds of some budgets checked with the database before it is used again, because their
     * limits may have changed.
     *
     * @param which tells the counters
     */
    public void recheck(java.util.function.Predicate<CounterId> which) {
        desk.markStale(which);
    }

    /** @return how many admissions are neither settled nor released */
    public int openAdmissions() {
        return open.size();
    }

    /** Hands back what this instance holds; call it when the recorder is closed. */
    @Override
    public void close() {
        sweeper.shutdownNow();
        desk.close();
    }

    Instant now() {
        return databaseClock.instant();
    }

    void settle(Admission admission, SpendEvent event, List<Hold> holds) {
        if (holds.isEmpty()) {
            recorder.record(event);
            forget(admission);
            return;
        }
        long cost = Units.up("cost", event.cost().min(BigDecimal.valueOf(1_000_000)));
        List<Long> reserved =
                holds.stream().map(hold -> hold.slice().settle(hold, cost)).toList();
        unbooked.put(event.id(), holds);
        try {
            recorder.record(event.toBuilder().leaseHolder(instance).build());
        } catch (RuntimeException e) {
            // Whether it was booked is not known, so the slices are compared with the database before they are used
            // again.
            unbooked.remove(event.id());
            for (int i = 0; i < holds.size(); i++) {
                Hold hold = holds.get(i);
                hold.slice().settle(hold, reserved.get(i));
                hold.slice().markUncertain();
            }
            throw e;
        }
        forget(admission);
    }

    void recordAgain(SpendEvent event) {
        recorder.record(event);
    }

    void forget(Admission admission) {
        open.remove(admission.id());
    }

    private Admission admitted(Caller caller, Call call, List<Hold> holds, List<CounterId> further, boolean reserved) {
        Instant start = databaseClock.instant().truncatedTo(ChronoUnit.MILLIS);
        Admission admission = new Admission(
                this,
                Ids.at(start),
                start,
                caller,
                call,
                holds,
                further,
                reserved,
                System.nanoTime() + policy.reservationTime().toNanos());
        if (reserved) {
            open.put(admission.id(), admission);
        }
        return admission;
    }

    private @Nullable BigDecimal priceOfUnknown(Call call) {
        return switch (rules.unknownPrice()) {
            case REFUSE -> throw new UnknownPriceException(call.model());
            case ALLOW -> null;
            case FIXED -> rules.fixedPrice();
        };
    }

    private void booked(List<SpendEvent> events) {
        for (SpendEvent event : events) {
            List<Hold> holds = unbooked.remove(event.id());
            if (holds != null) {
                holds.forEach(hold -> hold.slice().booked(hold));
            }
        }
    }

    private void endForgotten() {
        try {
            long nanos = System.nanoTime();
            open.values().removeIf(admission -> admission.expireIfOver(nanos));
        } catch (RuntimeException e) {
            // A failure that left this method would end the schedule.
            LOG.error("Forgotten reservations could not be ended; the next second tries again", e);
        }
    }
}
