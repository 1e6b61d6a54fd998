package io.llmdb.spend;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.internal.DbErrors;
import io.llmdb.spend.DeadLetters.Burial;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Books portions of events for one writer: answers whoever waits, finds the events that PostgreSQL refuses and sets
 * them aside, and tells in the log what is wrong.
 */
final class PortionBooking {

    /** How often a batch is tried whose failure nobody can explain, before its events are tried alone. */
    private static final int TRIES_OF_THE_UNCLEAR = 5;

    private static final Logger LOG = LoggerFactory.getLogger(SpendWriter.class);

    private final Booking booking;
    private final DeadLetters deadLetters;
    private final DeliveryPolicy policy;
    private final DeliveryCounts counts;
    private final Consumer<List<SpendEvent>> onBooked;
    private final Consumer<List<SpendEvent>> onSettled;
    private final LongSupplier waiting;
    private final Departure departure;
    private final LogPace pace = new LogPace();
    private volatile @Nullable Heir heir;
    private volatile boolean abandoned;
    private final Set<UUID> inDoubt = new HashSet<>();
    private int unclear;

    /**
     * @param onBooked gets the events of each portion that were booked here
     * @param onSettled gets the events that need not be waited for any more: booked, known before, or set aside
     * @param waiting how many events wait in all, for the log
     * @param departure what sends events to the heir
     */
    PortionBooking(
            Booking booking,
            DeadLetters deadLetters,
            DeliveryPolicy policy,
            DeliveryCounts counts,
            Consumer<List<SpendEvent>> onBooked,
            Consumer<List<SpendEvent>> onSettled,
            LongSupplier waiting,
            Departure departure) {
        this.booking = booking;
        this.deadLetters = deadLetters;
        this.policy = policy;
        this.counts = counts;
        this.onBooked = onBooked;
        this.onSettled = onSettled;
        this.waiting = waiting;
        this.departure = departure;
    }

    /** What the database refuses because it has moved goes to somebody who books it there. */
    void handOverTo(Heir other) {
        heir = other;
    }

    /** Has it give up at the next failure. */
    void abandon() {
        abandoned = true;
    }

    boolean isAbandoned() {
        return abandoned;
    }

    /**
     * Whether a failure is to be looked for among the events. What nobody can explain is, once it came often enough.
     */
    private boolean isOfAnEvent(RuntimeException failure) {
        Blame blame = Blame.of(failure);
        unclear += blame == Blame.UNCLEAR ? 1 : 0;
        boolean ofAnEvent = blame == Blame.EVENT || unclear >= TRIES_OF_THE_UNCLEAR;
        unclear = ofAnEvent ? 0 : unclear;
        return ofAnEvent;
    }

    /** Books events and answers whoever waits for them; all of them or none. */
    void book(List<Backlog.Entry> entries, boolean mayBeKnown) throws InterruptedException {
        settle(entries, outcome(entries, mayBeKnown));
        unclear = 0;
    }

    private Booking.Outcome outcome(List<Backlog.Entry> entries, boolean mayBeKnown) {
        try {
            return entries.size() == 1
                    ? booking.bookOne(entries.get(0).event(), entries.get(0).inInbox())
                    : booking.book(events(entries), inInbox(entries), mayBeKnown);
        } catch (Error e) {
            // A smaller portion may fit into the memory, or leave out the one that it is about.
            throw new DatabaseFailureException("Booking " + entries.size() + " events failed: " + e, e);
        }
    }

    /** Sets aside what can be seen to be bad, and halves the rest until what PostgreSQL refuses stands alone. */
    private void bookWithoutTheBad(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        List<Backlog.Entry> good = new ArrayList<>(entries.size());
        List<Burial> bad = new ArrayList<>();
        List<Backlog.Entry> dead = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            String problem = booking.problem(entry.event());
            if (problem == null) {
                good.add(entry);
            } else {
                bad.add(Burial.refused(entry.event(), problem, null));
                dead.add(entry);
            }
        }
        if (dead.isEmpty()) {
            halve(good, failure);
        } else {
            bookOrHalve(good);
            bury(dead, bad);
        }
    }

    private void bookOrHalve(List<Backlog.Entry> entries) throws InterruptedException {
        while (!entries.isEmpty() && !abandoned) {
            try {
                book(entries, true);
                return;
            } catch (RuntimeException e) {
                counts.failedBatches.increment();
                noteDoubt(entries, e);
                if (departure.isSeenIn(e) && handedOver(entries)) {
                    return;
                }
                if (isOfAnEvent(e)) {
                    halve(entries, e);
                    return;
                }
                if (Blame.of(e) == Blame.DATABASE) {
                    // Whoever waits for one of all these events is told, and all are tried again.
                    throw e;
                }
                tell(e);
                sleep(policy.retryPause().toMillis());
            }
        }
        if (!entries.isEmpty()) {
            throw abandonedWith(entries);
        }
    }

    /** Nobody may take these for booked: a journal keeps them for the next start. */
    private static InterruptedException abandonedWith(List<Backlog.Entry> entries) {
        return new InterruptedException("Closed before " + entries.size() + " events were booked");
    }

    private void halve(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        if (entries.size() == 1) {
            SpendEvent event = entries.get(0).event();
            bury(entries, List.of(Burial.refused(event, failure.getMessage(), DbErrors.sqlState(failure))));
        } else if (!entries.isEmpty()) {
            int middle = entries.size() / 2;
            bookOrHalve(entries.subList(0, middle));
            bookOrHalve(entries.subList(middle, entries.size()));
        }
    }

    private void settle(List<Backlog.Entry> entries, Booking.Outcome outcome) throws InterruptedException {
        List<SpendEvent> booked = bookedHere(outcome);
        Set<SpendEvent> wrong = Collections.newSetFromMap(new IdentityHashMap<>());
        wrong.addAll(outcome.contradicting());
        List<Burial> burials = new ArrayList<>();
        List<Backlog.Entry> dead = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            if (wrong.contains(entry.event())) {
                dead.add(entry);
                burials.add(Burial.contradicting(entry.event()));
            }
        }
        try {
            bury(dead, burials);
        } catch (RuntimeException e) {
            // Next time these will be known, and nobody was told of them.
            booked.forEach(event -> inDoubt.add(event.id()));
            throw e;
        }
        counts.batch(entries.size());
        counts.booked.add(booked.size());
        counts.repeated.add(outcome.repeated().size() + outcome.booked().size() - booked.size());
        counts.contradicting.add(dead.size());
        for (Backlog.Entry entry : entries) {
            if (entry.done() != null && !wrong.contains(entry.event())) {
                entry.done().complete(null);
            }
        }
        inform(onBooked, booked);
        inform(onSettled, wrong.isEmpty() ? events(entries) : without(entries, wrong));
    }

    /** What an earlier try committed whose answer was lost, nobody else tells the sinks. */
    private List<SpendEvent> bookedHere(Booking.Outcome outcome) {
        if (inDoubt.isEmpty()) {
            return outcome.booked();
        }
        List<SpendEvent> booked = new ArrayList<>(outcome.booked());
        for (SpendEvent event : outcome.repeated()) {
            if (inDoubt.remove(event.id())) {
                booked.add(event);
            }
        }
        return booked;
    }

    private static List<SpendEvent> without(List<Backlog.Entry> entries, Set<SpendEvent> wrong) {
        return entries.stream()
                .map(Backlog.Entry::event)
                .filter(event -> !wrong.contains(event))
                .toList();
    }

    /** Listeners are other people's; the books are written already. */
    static void inform(Consumer<List<SpendEvent>> listener, List<SpendEvent> events) {
        if (!events.isEmpty()) {
            try {
                listener.accept(events);
            } catch (RuntimeException | Error e) {
                LOG.error("A listener failed to take {} events", events.size(), e);
            }
        }
    }

    private void bury(List<Backlog.Entry> entries, List<Burial> burials) throws InterruptedException {
        if (entries.isEmpty()) {
            return;
        }
        try {
            deadLetters.add(burials, inInbox(entries));
        } catch (RuntimeException e) {
            // The new side decides for itself what becomes of the events.
            if (departure.isSeenIn(e) && handedOver(entries)) {
                return;
            }
            throw e;
        }
        for (int i = 0; i < entries.size(); i++) {
            Backlog.Entry entry = entries.get(i);
            Burial burial = burials.get(i);
            counts.dead.increment();
            LOG.error(
                    "Event {} was not booked and stands among the dead letters: {}",
                    entry.event().id(),
                    burial.reason());
            if (entry.done() != null) {
                entry.done().completeExceptionally(burial.answer());
            }
        }
        inform(onSettled, events(entries));
    }

    /**
     * Does what another try would not: hands over what has to go elsewhere, sets aside what is refused. Trying again
     * what was done in part changes nothing.
     *
     * @return why the events are to be tried again; null where nothing is left to do
     */
    @Nullable
    RuntimeException setRight(List<Backlog.Entry> entries, RuntimeException failure) throws InterruptedException {
        try {
            noteDoubt(entries, failure);
            if (departure.isSeenIn(failure) && handedOver(entries)) {
                return null;
            }
            if (isOfAnEvent(failure)) {
                bookWithoutTheBad(entries, failure);
                return null;
            }
            return failure;
        } catch (RuntimeException e) {
            return e;
        } catch (Error e) {
            return new DatabaseFailureException("Booking " + entries.size() + " events failed: " + e, e);
        }
    }

    /** Where the answer is lost, nobody knows yet whether these are booked. */
    private void noteDoubt(List<Backlog.Entry> entries, RuntimeException failure) {
        if (DbErrors.isUnavailable(failure)) {
            entries.forEach(entry -> inDoubt.add(entry.event().id()));
        }
    }

    /** Ends with the events that it is about. */
    void forgetDoubts() {
        inDoubt.clear();
    }

    /**
     * Gives events to the new side, which books each once and answers whoever waits; false where there is none, or
     * where it has not taken all and they are to be given again.
     */
    private boolean handedOver(List<Backlog.Entry> entries) throws InterruptedException {
        Heir taker = heir;
        if (taker == null) {
            return false;
        }
        List<CompletableFuture<Void>> taken = new ArrayList<>(entries.size());
        for (Backlog.Entry entry : entries) {
            while (true) {
                try {
                    taken.add(taker.take(entry, policy.hasJournal()));
                    break;
                } catch (BacklogFullException e) {
                    if (abandoned) {
                        throw abandonedWith(entries);
                    }
                    sleep(policy.retryPause().toMillis());
                }
            }
        }
        boolean all = true;
        for (CompletableFuture<Void> one : taken) {
            all &= isTaken(one, entries);
        }
        if (all) {
            inform(onSettled, events(entries));
        }
        return all;
    }

    private boolean isTaken(CompletableFuture<Void> taken, List<Backlog.Entry> entries) throws InterruptedException {
        while (true) {
            try {
                taken.get(policy.retryPause().toMillis(), TimeUnit.MILLISECONDS);
                return true;
            } catch (TimeoutException e) {
                if (abandoned) {
                    throw abandonedWith(entries);
                }
            } catch (ExecutionException e) {
                // The new side has set it aside, and there it stays.
                return e.getCause() instanceof EventRefusedException
                        || e.getCause() instanceof ContradictingEventException;
            }
        }
    }

    /** Whether it is time to tell something again. */
    boolean mayLog() {
        return pace.mayLog();
    }

    void tell(RuntimeException failure) {
        if (mayLog()) {
            LOG.warn("{} events wait for the database: {}", waiting.getAsLong(), failure.getMessage());
        }
    }

    /** Whoever waits for its commit is told at once that the database is away; the others' events are tried again. */
    static List<Backlog.Entry> withoutWaiting(List<Backlog.Entry> entries, RuntimeException failure) {
        List<Backlog.Entry> others = new ArrayList<>();
        for (Backlog.Entry entry : entries) {
            if (entry.done() == null) {
                others.add(entry);
            } else {
                entry.done().completeExceptionally(failure);
            }
        }
        return others;
    }

    static void failWaiting(List<Backlog.Entry> entries) {
        withoutWaiting(entries, closed());
    }

    static DatabaseUnavailableException closed() {
        return new DatabaseUnavailableException(
                "Closed before the database took the event; whether it was booked is not known");
    }

    void sleep(long millis) throws InterruptedException {
        if (!abandoned) {
            Thread.sleep(millis);
        }
    }

    private static Set<UUID> inInbox(List<Backlog.Entry> entries) {
        Set<UUID> ids = new HashSet<>();
        for (Backlog.Entry entry : entries) {
            if (entry.inInbox()) {
                ids.add(entry.event().id());
            }
        }
        return ids;
    }

    static List<SpendEvent> events(List<Backlog.Entry> entries) {
        List<SpendEvent> events = new ArrayList<>(entries.size());
        entries.forEach(entry -> events.add(entry.event()));
        return events;
    }
}
