package io.llmdb.budgets;

import io.llmdb.budgets.BudgetScopes.Applying;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.CallInterruptedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Ticks;
import io.llmdb.keys.Caller;
import io.llmdb.limits.LimitHold;
import io.llmdb.limits.LimitService;
import io.llmdb.limits.LimitedCall;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.CounterWindows;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
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

    private final UUID instance = UUID.randomUUID();
    private final Db db;
    private final DbClock databaseClock;
    private final SpendRecorder recorder;
    private final BudgetScopes scopes;
    private final BudgetRules rules;
    private final LeasePolicy policy;
    private final CounterWindows windows;
    private final LeaseDesk desk;
    private final LeaseThread leases;
    private final @Nullable LimitService limits;
    private final BudgetReader reader;
    private final BudgetAlerts alerts;
    private final PastWindows pastWindows;
    private final WindowTidying tidying;
    private final Map<UUID, Admission> open = new ConcurrentHashMap<>();
    private final Settlements settlements;
    private final ScheduledExecutorService sweeper;
    private volatile Runnable guard = () -> {};

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
            DbClock databaseClock,
            SpendRecorder recorder,
            BookingPolicy booking,
            BudgetDirectory directory,
            BudgetRules rules,
            LeasePolicy policy) {
        this(db, databaseClock, recorder, booking, directory, rules, policy, null);
    }

    /**
     * The same with limits on requests, tokens and parallel requests, which each request then has to fit into too.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param recorder where settled requests go
     * @param booking says where budget windows begin
     * @param directory finds end users and tags
     * @param rules what the settings say
     * @param policy how long holds last
     * @param limits the limits, to be closed after this; null: there are none
     */
    public BudgetService(
            Db db,
            DbClock databaseClock,
            SpendRecorder recorder,
            BookingPolicy booking,
            BudgetDirectory directory,
            BudgetRules rules,
            LeasePolicy policy,
            @Nullable LimitService limits) {
        this.limits = limits;
        this.db = db;
        this.databaseClock = databaseClock;
        this.recorder = recorder;
        this.scopes = new BudgetScopes(directory, rules);
        this.rules = rules;
        this.policy = policy;
        this.reader = new BudgetReader(db, rules.defaultEndUserBudgetId());
        this.alerts = new BudgetAlerts(db, rules);
        this.pastWindows = new PastWindows(db);
        this.windows = new CounterWindows(db, booking);
        this.tidying = new WindowTidying(db, windows, rules);
        this.desk = new LeaseDesk(policy, Ticks.SYSTEM, databaseClock);
        this.leases = new LeaseThread(desk, new DbLeaseStore(db, databaseClock, instance, policy, windows, rules));
        this.settlements = new Settlements(instance, recorder, alerts);
        this.sweeper = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "llmdb-reservations");
            thread.setDaemon(true);
            return thread;
        });
        Future<?> unused = sweeper.scheduleWithFixedDelay(this::sweep, 1, 1, TimeUnit.SECONDS);
    }

    /**
     * Sets what each admission asks first.
     *
     * @param check throws where nobody is admitted; replaces the one before
     */
    public void guardedBy(Runnable check) {
        guard = check;
    }

    /** @return the id under which this instance holds slices of budgets */
    public UUID holder() {
        return instance;
    }

    /**
     * Hands back what another instance holds here: one that closed, of a database that has moved here with its slices.
     *
     * @param holder that instance's {@link #holder()}
     */
    public void releaseHolder(UUID holder) {
        new DbLeaseStore(db, databaseClock, holder, policy, windows, rules).returnAll();
    }

    /**
     * Admits a request where its estimate fits into every budget that applies, and the request into every limit, and
     * reserves it there.
     *
     * @param caller who calls
     * @param call the request
     * @return the admission, to be settled or released
     * @throws io.llmdb.limits.RateLimitedException where it does not fit into a limit on requests or tokens per minute
     *     or on parallel requests
     * @throws BudgetExceededException where it does not fit; the first budget in the way is named
     * @throws UnknownPriceException where the call has no estimate, a budget applies and the settings refuse such calls
     * @throws DatabaseUnavailableException where the database has to be asked, cannot be reached, and the settings do
     *     not let the call pass
     * @throws io.llmdb.keys.EndUserBlockedException where the end user that the call names is blocked
     * @throws CallInterruptedException where the thread is interrupted while it waits; nothing is reserved
     * @throws io.llmdb.error.DatabaseMovedException where the database has moved to another server, or a move into it
     *     is not finished
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
     * @return the admission, to be settled or released
     * @throws io.llmdb.limits.RateLimitedException where it does not fit into a limit
     * @throws BudgetExceededException where it does not fit into a budget
     * @throws UnknownPriceException where the call has no estimate, a budget applies and the settings refuse such calls
     * @throws DatabaseUnavailableException where the database has to be asked, cannot be reached, and
     *     {@code allowWhenUnavailable} is false
     * @throws io.llmdb.keys.EndUserBlockedException where the end user that the call names is blocked
     * @throws io.llmdb.error.DatabaseMovedException where the database has moved to another server, or a move into it
     *     is not finished
     */
    public Admission admit(Caller caller, Call call, boolean allowWhenUnavailable) {
        guard.run();
        if (limits == null) {
            return admitOnBudgets(caller, call, allowWhenUnavailable);
        }
        LimitHold hold = limits.admit(
                caller,
                new LimitedCall(call.model(), call.estimatedTokens(), call.endUser(), call.tags()),
                allowWhenUnavailable);
        boolean admitted = false;
        try {
            Admission admission = admitOnBudgets(caller, call, allowWhenUnavailable);
            admission.attach(hold);
            if (!hold.isEmpty()) {
                open.put(admission.id(), admission);
            }
            admitted = true;
            return admission;
        } finally {
            if (!admitted) {
                hold.release();
            }
        }
    }

    private Admission admitOnBudgets(Caller caller, Call call, boolean allowWhenUnavailable) {
        BigDecimal estimate = call.estimate();
        // A model priced 0 needs no budget; its requests count all the same.
        boolean free = estimate != null && estimate.signum() == 0;
        Applying applying;
        try {
            applying = scopes.of(caller, call);
        } catch (DatabaseUnavailableException e) {
            if (allowWhenUnavailable || free) {
                return admitted(caller, call, scopes.ofCallerAlone(caller, call), null);
            }
            throw e;
        }
        if (free || applying.needs().isEmpty()) {
            return admitted(caller, call, applying, null);
        }
        BigDecimal toReserve = estimate == null ? priceOfUnknown(call) : estimate;
        if (toReserve == null || toReserve.signum() == 0) {
            return admitted(caller, call, applying, null);
        }
        long amount = Units.up("estimate", toReserve);
        Reservation reservation = desk.reserveHere(applying.needs(), amount);
        if (reservation == null) {
            BudgetState refusal = desk.refusedHere(applying.needs(), amount);
            if (refusal != null) {
                throw new BudgetExceededException(refusal, Units.money(amount));
            }
            try {
                reservation = await(leases.enqueue(applying.needs(), amount));
            } catch (DatabaseUnavailableException e) {
                if (allowWhenUnavailable) {
                    return admitted(caller, call, applying, null);
                }
                throw e;
            }
        }
        return admitted(caller, call, applying, reservation);
    }

    private Reservation await(CompletableFuture<Reservation> answer) {
        long patience = policy.answerWait().plus(policy.recallWait()).toNanos();
        try {
            return answer.get(patience, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            giveUp(
                    answer,
                    new DatabaseUnavailableException(
                            "The database has not answered for "
                                    + policy.answerWait().plus(policy.recallWait()),
                            e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            giveUp(answer, new CallInterruptedException("Interrupted while waiting to be admitted", e));
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
        return answer.join();
    }

    /** Whoever completes the answer first has the last word. */
    private static void giveUp(CompletableFuture<Reservation> answer, RuntimeException reason) {
        if (answer.completeExceptionally(reason)) {
            throw reason;
        }
    }

    /**
     * Moves on the windows that are over of budgets on which nobody spends, so that the tables read right. Nothing
     * depends on it; a job does it now and then.
     *
     * @return how many were moved on
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public int tidyWindows() {
        return tidyWindows(() -> true);
    }

    /**
     * Like {@link #tidyWindows()}, and stops early where it shall.
     *
     * @param mayGoOn asked between steps
     * @return how many were moved on
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public int tidyWindows(BooleanSupplier mayGoOn) {
        return tidying.tidy(mayGoOn);
    }

    /**
     * How the budgets stand that a request would have to fit into; nothing is reserved.
     *
     * @param caller who calls
     * @param call the request
     * @return the budgets; empty where none applies. The request would be admitted where each
     *     {@linkplain BudgetState#hasRoomFor has room for its estimate}; what other instances hold idle counts as
     *     reserved here, and is handed over when it is asked for in earnest
     * @throws io.llmdb.keys.EndUserBlockedException where the end user that the call names is blocked
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public List<BudgetState> dryRun(Caller caller, Call call) {
        return reader.read(scopes.of(caller, call).needs(), desk::idle);
    }

    /**
     * How all budgets of a caller stand, for an admin page: of all models and windows, soft budgets without a maximum
     * too. End users and tags, which requests bring, are not among them.
     *
     * @param caller who calls
     * @return the budgets, in one snapshot
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public List<BudgetState> standing(Caller caller) {
        return reader.read(scopes.all(caller), desk::idle);
    }

    /**
     * The windows of a budget that are over, the newest first.
     *
     * @param counter whose budget
     * @param page which page
     * @return what each has spent; late bookings are in it
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public Page<PastWindow> history(CounterId counter, PageRequest page) {
        return pastWindows.list(counter, page);
    }

    /**
     * The marks that a budget has passed, the newest window first.
     *
     * @param counter whose budget
     * @return what was raised
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public List<BudgetAlert> alerts(CounterId counter) {
        return alerts.raised(counter);
    }

    /** @param listener hears of budgets that pass a mark, from now on */
    public void addListener(BudgetListener listener) {
        alerts.add(listener);
    }

    /** @param listener hears no more */
    public void removeListener(BudgetListener listener) {
        alerts.remove(listener);
    }

    /**
     * Has what this instance holds of some budgets checked with the database before it is used again, because their
     * limits may have changed.
     *
     * @param which tells the counters
     */
    public void recheck(Predicate<CounterId> which) {
        desk.recheck(which);
    }

    /** @return how many admissions that hold something of a budget or a limit are neither settled nor released */
    public int openAdmissions() {
        return open.size();
    }

    /** Hands back what this instance holds; call it when the recorder is closed. */
    @Override
    public void close() {
        sweeper.shutdown();
        try {
            if (!sweeper.awaitTermination(policy.answerWait().toMillis(), TimeUnit.MILLISECONDS)) {
                sweeper.shutdownNow();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        alerts.look();
        leases.close();
    }

    Instant now() {
        return databaseClock.instant();
    }

    void settle(Admission admission, SpendEvent event, List<Hold> holds) {
        settlements.settle(event, holds, admission.applying().watched());
        forget(admission);
    }

    /** @param ended told, before the answer is there, why the event was not taken, or null */
    CompletableFuture<Void> settleAsync(
            Admission admission, SpendEvent event, List<Hold> holds, Consumer<@Nullable Throwable> ended) {
        return settlements.settleAsync(event, holds, admission.applying().watched(), failure -> {
            if (failure == null) {
                forget(admission);
            }
            ended.accept(failure);
        });
    }

    void recordAgain(SpendEvent event) {
        recorder.record(event);
    }

    CompletableFuture<Void> recordAgainAsync(SpendEvent event) {
        return recorder.recordAsync(event);
    }

    void forget(Admission admission) {
        open.remove(admission.id());
    }

    private Admission admitted(Caller caller, Call call, Applying applying, @Nullable Reservation reservation) {
        Instant start =
                reservation == null ? databaseClock.instant().truncatedTo(ChronoUnit.MILLIS) : reservation.start();
        Admission admission = new Admission(
                this,
                Ids.at(start),
                start,
                caller,
                call,
                reservation == null ? List.of() : reservation.holds(),
                applying,
                reservation != null,
                System.nanoTime() + policy.reservationTime().toNanos());
        if (reservation != null) {
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

    private void sweep() {
        try {
            long nanos = System.nanoTime();
            open.values().removeIf(admission -> admission.expireIfOver(nanos));
        } catch (RuntimeException e) {
            // A failure that left this method would end the schedule.
            LOG.error("Forgotten reservations could not be ended; the next second tries again", e);
        }
        try {
            alerts.look();
        } catch (RuntimeException e) {
            LOG.error("Passed marks could not be raised; the next second tries again", e);
        }
    }
}
