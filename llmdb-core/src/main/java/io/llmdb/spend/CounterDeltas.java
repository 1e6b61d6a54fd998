package io.llmdb.spend;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a batch adds to each counter. */
final class CounterDeltas {

    private final Map<CounterId, Delta> deltas = new LinkedHashMap<>();

    CounterDeltas(Collection<SpendEvent> events) {
        for (SpendEvent event : events) {
            for (CounterId counter : countersOf(event)) {
                deltas.computeIfAbsent(counter, any -> new Delta()).add(event);
            }
        }
    }

    private CounterDeltas() {}

    /** No spend on these counters at an instant. */
    static CounterDeltas nothing(Collection<CounterId> counters, Instant at) {
        CounterDeltas nothing = new CounterDeltas();
        for (CounterId counter : counters) {
            Delta delta = new Delta();
            delta.first = at;
            delta.last = at;
            nothing.deltas.put(counter, delta);
        }
        return nothing;
    }

    Map<CounterId, Delta> byCounter() {
        return deltas;
    }

    /** The counters that an event counts on, each once. */
    static Set<CounterId> countersOf(SpendEvent event) {
        Set<CounterId> counters = new HashSet<>();
        String user = event.userId();
        if (!event.keyHash().isEmpty()) {
            counters.add(CounterId.of(Scope.KEY, event.keyHash()));
        }
        if (!user.isEmpty()) {
            counters.add(CounterId.of(Scope.USER, user));
        }
        if (!event.teamId().isEmpty()) {
            counters.add(CounterId.of(Scope.TEAM, event.teamId()));
            if (!user.isEmpty()) {
                counters.add(CounterId.member(Scope.TEAM_MEMBER, user, event.teamId()));
            }
        }
        if (!event.organizationId().isEmpty()) {
            counters.add(CounterId.of(Scope.ORGANIZATION, event.organizationId()));
            if (!user.isEmpty()) {
                counters.add(CounterId.member(Scope.ORGANIZATION_MEMBER, user, event.organizationId()));
            }
        }
        if (!event.endUser().isEmpty()) {
            counters.add(CounterId.of(Scope.END_USER, event.endUser()));
        }
        for (String tag : event.tags()) {
            if (!tag.isEmpty()) {
                counters.add(CounterId.of(Scope.TAG, tag));
            }
        }
        counters.add(CounterId.of(Scope.PROXY, ""));
        counters.addAll(event.furtherCounters());
        return counters;
    }

    static final class Delta {
        private final List<SpendEvent> events = new ArrayList<>(2);
        private BigDecimal spend = BigDecimal.ZERO;
        private Instant first = Instant.MAX;
        private Instant last = Instant.MIN;

        private void add(SpendEvent event) {
            events.add(event);
            spend = spend.add(event.cost());
            first = event.startTime().isBefore(first) ? event.startTime() : first;
            last = event.startTime().isAfter(last) ? event.startTime() : last;
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
