package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.internal.Futures;
import io.llmdb.spend.LeaseShare;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What finished requests take from slices, from settlement until their events are in the books. Safe for use by several
 * threads.
 */
final class Settlements {

    private static final BigDecimal MOST_COST = BigDecimal.valueOf(1_000_000);

    private final UUID instance;
    private final SpendRecorder recorder;
    private final BudgetAlerts alerts;
    private final Map<UUID, Unbooked> unbooked = new ConcurrentHashMap<>();

    /** Of what holds nothing: beyond this a mark that is passed is told by a later call. */
    private static final int MOST_WATCHED = 100_000;

    private record Unbooked(List<Hold> holds, List<Need> watched) {}

    /**
     * @param instance who holds the slices
     * @param recorder where the events leave; tells this what is booked
     * @param alerts told of what was spent
     */
    Settlements(UUID instance, SpendRecorder recorder, BudgetAlerts alerts) {
        this.instance = instance;
        this.recorder = recorder;
        this.alerts = alerts;
        recorder.onBooked(this::booked);
    }

    /**
     * @param holds what the request holds
     * @param watched budgets whose marks it may pass
     */
    void settle(SpendEvent event, List<Hold> holds, List<Need> watched) {
        SpendEvent leaving = leaving(event, holds, watched);
        try {
            recorder.record(leaving);
        } catch (RuntimeException e) {
            comeBack(event, holds);
            throw e;
        }
    }

    /** @param ended told, before the answer is there, why the event was not taken, or null */
    CompletableFuture<Void> settleAsync(
            SpendEvent event, List<Hold> holds, List<Need> watched, Consumer<@Nullable Throwable> ended) {
        return Futures.after(recorder.recordAsync(leaving(event, holds, watched)), failure -> {
            if (failure != null) {
                comeBack(event, holds);
            }
            ended.accept(failure);
        });
    }

    /** Settles what the request holds, and says which parts of which leases its event is paid from. */
    private SpendEvent leaving(SpendEvent event, List<Hold> holds, List<Need> watched) {
        if (holds.isEmpty() && watched.isEmpty()) {
            return event;
        }
        long cost = Units.up("cost", event.cost().min(MOST_COST));
        List<LeaseShare> shares = new ArrayList<>(holds.size());
        for (Hold hold : holds) {
            LeaseShare share = hold.slice().settle(hold, cost);
            if (share != null) {
                shares.add(share);
            }
        }
        if (!holds.isEmpty() || unbooked.size() < MOST_WATCHED) {
            unbooked.put(event.id(), new Unbooked(holds, watched));
        }
        return shares.isEmpty()
                ? event
                : event.toBuilder().leases(instance, shares).build();
    }

    /** Whether it was booked is not known, so the slices are compared with the database before they are used again. */
    private void comeBack(SpendEvent event, List<Hold> holds) {
        unbooked.remove(event.id());
        holds.forEach(hold -> hold.slice().unsettle(hold));
    }

    private void booked(List<SpendEvent> events) {
        for (SpendEvent event : events) {
            Unbooked done = unbooked.remove(event.id());
            if (done != null) {
                done.holds.forEach(hold -> hold.slice().booked(hold));
                alerts.spent(done.watched);
            }
        }
    }
}
