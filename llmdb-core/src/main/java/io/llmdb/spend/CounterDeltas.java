package io.llmdb.spend;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a batch adds to each counter. */
final class CounterDeltas {

    /** Main counters by scope, those of tables of their own; the last: all others. */
    private final List<Map<CounterId, Delta>> byPlace;

    CounterDeltas(Collection<SpendEvent> events) {
        this();
        for (SpendEvent event : events) {
            for (CounterId counter : countersOf(event)) {
                delta(counter).add(event);
            }
        }
    }

    private CounterDeltas() {
        byPlace = new ArrayList<>();
        for (int place = 0; place <= CounterTable.PLACES; place++) {
            byPlace.add(new HashMap<>());
        }
    }

    /** No spend on these counters at an instant. */
    static CounterDeltas nothing(Collection<CounterId> counters, Instant at) {
        CounterDeltas nothing = new CounterDeltas();
        for (CounterId counter : counters) {
            Delta delta = nothing.delta(counter);
            delta.first = at;
            delta.last = at;
        }
        return nothing;
    }

    private Delta delta(CounterId counter) {
        return byPlace.get(CounterTable.placeOf(counter)).computeIfAbsent(counter, Delta::new);
    }

    Delta of(CounterId counter) {
        Delta delta = byPlace.get(CounterTable.placeOf(counter)).get(counter);
        if (delta == null) {
            throw new IllegalStateException("llmdb_book returned a counter that it was not given: " + counter);
        }
        return delta;
    }

    /** In the order in which counters are locked: scope by scope, at last those without a table of their own. */
    List<Delta> inOrder() {
        List<Delta> all = new ArrayList<>();
        byPlace.forEach(place -> all.addAll(place.values()));
        return all;
    }

    /** How many of {@link #inOrder} each scope has. */
    Integer[] counts() {
        return byPlace.stream().map(Map::size).toArray(Integer[]::new);
    }

    /** Those without a table of their own. */
    List<Delta> others() {
        return List.copyOf(byPlace.get(CounterTable.PLACES).values());
    }

    /** The counters that an event counts on, each once, in the order in which they are locked. */
    static Set<CounterId> countersOf(SpendEvent event) {
        Set<CounterId> counters = new LinkedHashSet<>(32);
        String user = event.userId();
        String team = event.teamId();
        String organization = event.organizationId();
        if (!event.keyHash().isEmpty()) {
            counters.add(CounterId.of(Scope.KEY, event.keyHash()));
        }
        if (!user.isEmpty()) {
            counters.add(CounterId.of(Scope.USER, user));
        }
        if (!team.isEmpty()) {
            counters.add(CounterId.of(Scope.TEAM, team));
            if (!user.isEmpty()) {
                counters.add(CounterId.member(Scope.TEAM_MEMBER, user, team));
            }
        }
        if (!organization.isEmpty()) {
            counters.add(CounterId.of(Scope.ORGANIZATION, organization));
            if (!user.isEmpty()) {
                counters.add(CounterId.member(Scope.ORGANIZATION_MEMBER, user, organization));
            }
        }
        if (!event.endUser().isEmpty()) {
            counters.add(CounterId.of(Scope.END_USER, event.endUser()));
        }
        event.tags().stream()
                .filter(tag -> !tag.isEmpty())
                .sorted()
                .forEach(tag -> counters.add(CounterId.of(Scope.TAG, tag)));
        counters.add(CounterId.of(Scope.PROXY, ""));
        counters.addAll(event.furtherCounters());
        return counters;
    }

    static final class Delta {
        private final CounterId counter;
        private final List<SpendEvent> events = new ArrayList<>(2);
        private BigDecimal spend = BigDecimal.ZERO;
        private Instant first = Instant.MAX;
        private Instant last = Instant.MIN;

        private Delta(CounterId counter) {
            this.counter = counter;
        }

        private void add(SpendEvent event) {
            events.add(event);
            spend = spend.add(event.cost());
            first = event.startTime().isBefore(first) ? event.startTime() : first;
            last = event.startTime().isAfter(last) ? event.startTime() : last;
        }

        CounterId counter() {
            return counter;
        }

        List<SpendEvent> events() {
            return events;
        }

        BigDecimal spend() {
            return spend;
        }

        Instant first() {
            return first;
        }

        Instant last() {
            return last;
        }
    }
}
