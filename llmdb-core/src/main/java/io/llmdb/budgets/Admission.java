package io.llmdb.budgets;

import io.llmdb.budgets.BudgetScopes.Applying;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.keys.Caller;
import io.llmdb.limits.LimitHold;
import io.llmdb.spend.ContradictingEventException;
import io.llmdb.spend.EventRefusedException;
import io.llmdb.spend.SpendEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A request that was admitted: what it is expected to cost is reserved on every budget that applies until it is settled
 * or released.
 *
 * <p>Exactly one of {@link #settle} and {@link #release} takes effect; closing releases what was neither. What is never
 * ended ends by itself after the reservation time, which {@link #extend} begins anew; a settlement after that is still
 * booked, once. Safe for use by several threads.
 */
public final class Admission implements AutoCloseable {

    private enum State {
        ADMITTED,
        EXPIRED,
        SETTLING,
        SETTLED,
        RELEASED
    }

    private final BudgetService service;
    private final UUID id;
    private final Instant startTime;
    private final Caller caller;
    private final Call call;
    private final List<Hold> holds;
    private final Applying applying;
    private final boolean reserved;
    private LimitHold limits = LimitHold.NONE;
    private State state = State.ADMITTED;
    /** Whether settling failed, and may succeed when it is tried again. */
    private boolean unbooked;

    private long expiresAtNanos;

    Admission(
            BudgetService service,
            UUID id,
            Instant startTime,
            Caller caller,
            Call call,
            List<Hold> holds,
            Applying applying,
            boolean reserved,
            long expiresAtNanos) {
        this.service = service;
        this.id = id;
        this.startTime = startTime;
        this.caller = caller;
        this.call = call;
        this.holds = holds;
        this.applying = applying;
        this.reserved = reserved;
        this.expiresAtNanos = expiresAtNanos;
    }

    /** @return the id of the event that the request becomes */
    public UUID id() {
        return id;
    }

    /** @return when the request was admitted, by the database's clock */
    public Instant startTime() {
        return startTime;
    }

    /** @return who calls */
    public Caller caller() {
        return caller;
    }

    /** @return the request as it was admitted */
    public Call call() {
        return call;
    }

    /**
     * Whether the estimate is held on the budgets that apply.
     *
     * @return false where no budget applies, the price was unknown and allowed, or the database was away and the
     *     settings let the call pass
     */
    public boolean isReserved() {
        return reserved;
    }

    /**
     * A builder for the event, with id, caller, end user, tags and model filled in; usage, cost and what the answer
     * brought are to be added.
     *
     * @return the builder; its end is the present
     */
    public SpendEvent.Builder event() {
        SpendEvent.Builder event = SpendEvent.builder(id)
                .endTime(service.now())
                .keyHash(caller.key().hash())
                .model(call.model())
                .modelGroup(call.model())
                .endUser(call.endUser())
                .tags(call.tags())
                .furtherCounters(applying.further());
        if (caller.key().spec().userId() != null) {
            event.userId(caller.key().spec().userId());
        }
        if (caller.key().spec().teamId() != null) {
            event.teamId(caller.key().spec().teamId());
        }
        String organization = BudgetScopes.organizationOf(caller);
        if (organization != null) {
            event.organizationId(organization);
        }
        return event;
    }

    /**
     * Books what the request has cost, in full even above the estimate, and ends the reservation. The event leaves
     * through the recorder, with what that promises. Where the recorder throws, the request counts as not settled and
     * may be settled again with the same event, also behind {@link #close()}.
     *
     * @param event the finished request, from {@link #event()}
     * @throws IllegalArgumentException where the event is not this request's
     * @throws IllegalStateException where it was released, or settled with other content, or is being settled
     */
    public void settle(SpendEvent event) {
        State before = startSettling(event);
        if (before == State.SETTLED) {
            service.recordAgain(event);
            return;
        }
        try {
            service.settle(this, event, heldIn(before));
            endSettling(null, before);
        } catch (RuntimeException | Error e) {
            endSettling(e, before);
            throw e;
        }
    }

    /**
     * Books what the request has cost, as {@link #settle} does, without having the caller wait for the disk or the
     * database; see {@link io.llmdb.spend.SpendRecorder#recordAsync} for what that promises. The limits count it, and
     * the reservation is given up for it, when this returns.
     *
     * @param event the finished request, from {@link #event()}
     * @return completed when the event is as safe as {@link #settle} makes it, or with what it would have thrown; then
     *     the request counts as not settled, even where it was {@linkplain #close() closed} meanwhile: settle it again
     *     with the same event, or release it
     * @throws IllegalArgumentException where the event is not this request's
     * @throws IllegalStateException where it was released, or settled with other content, or is being settled
     */
    public CompletableFuture<Void> settleAsync(SpendEvent event) {
        State before = startSettling(event);
        if (before == State.SETTLED) {
            return service.recordAgainAsync(event);
        }
        try {
            return service.settleAsync(this, event, heldIn(before), failure -> endSettling(failure, before));
        } catch (RuntimeException | Error e) {
            endSettling(e, before);
            throw e;
        }
    }

    private List<Hold> heldIn(State before) {
        return before == State.ADMITTED ? holds : List.of();
    }

    /** Returns the state before; where that is {@link State#SETTLED}, it stays so. */
    private State startSettling(SpendEvent event) {
        if (!event.id().equals(id)) {
            throw new IllegalArgumentException("Event " + event.id() + " is not the one of admission " + id);
        }
        synchronized (this) {
            if (state == State.RELEASED || state == State.SETTLING) {
                throw new IllegalStateException("Admission " + id + " was " + state + " before");
            }
            State before = state;
            if (before != State.SETTLED) {
                state = State.SETTLING;
                // The request is over, whether or not it can be booked now.
                limits.settle(event.totalTokens());
            }
            return before;
        }
    }

    private synchronized void endSettling(@Nullable Throwable failure, State before) {
        state = failure == null ? State.SETTLED : before;
        // What is refused stands among the dead letters, and the same event would be refused again.
        unbooked = failure != null
                && !(failure instanceof EventRefusedException)
                && !(failure instanceof ContradictingEventException);
    }

    /**
     * Ends the reservation with nothing booked: the request never reached a provider. Does nothing where it was settled
     * or released before.
     */
    public void release() {
        synchronized (this) {
            if (state != State.ADMITTED && state != State.EXPIRED) {
                return;
            }
            boolean held = state == State.ADMITTED;
            state = State.RELEASED;
            service.forget(this);
            limits.release();
            if (held) {
                holds.forEach(hold -> hold.slice().release(hold));
            }
        }
    }

    /**
     * Begins the reservation time anew, for a request that goes on for long. The instance keeps the leases behind it
     * alive by itself; a process that stood still for longer than the lease time may have lost them.
     *
     * @param time how long from now
     * @return false where the reservation has ended, or was lost with a lease; settling still books the cost
     * @throws InvalidArgumentException where the time is not positive
     */
    public boolean extend(Duration time) {
        if (time.isNegative() || time.isZero()) {
            throw new InvalidArgumentException("time " + time + ": must be more than nothing");
        }
        synchronized (this) {
            expiresAtNanos = System.nanoTime() + time.toNanos();
            return state == State.ADMITTED
                    && holds.stream().allMatch(hold -> hold.slice().isHeld(hold));
        }
    }

    /** What the request holds of limits, to be ended with it. */
    synchronized void attach(LimitHold hold) {
        limits = hold;
    }

    Applying applying() {
        return applying;
    }

    /**
     * Releases what was neither settled nor released. Where settling failed for the database's sake, the request has
     * cost something that may not be booked yet: then the reservation stays until its time is over, and the request may
     * still be settled again, or released.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (unbooked) {
                return;
            }
        }
        release();
    }

    /** Frees what is reserved where the time is over; the cost is still booked should it be settled. */
    boolean expireIfOver(long nanos) {
        synchronized (this) {
            if (state != State.ADMITTED || nanos - expiresAtNanos < 0) {
                return state != State.ADMITTED && state != State.SETTLING;
            }
            state = State.EXPIRED;
            limits.expire();
            holds.forEach(hold -> hold.slice().release(hold));
            return true;
        }
    }

    /** @return id and model; no secret */
    @Override
    public String toString() {
        return "Admission[" + id + ", model " + call.model() + "]";
    }
}
