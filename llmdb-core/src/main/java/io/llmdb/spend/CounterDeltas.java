package io.llmdb.spend;

import io.llmdb.spend.BatchSums.NamedKey;
import io.llmdb.spend.BatchSums.SpendKey;
import io.llmdb.spend.BatchSums.Sum;
import io.llmdb.spend.WindowRoll.Spent;
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

    private final List<SpendEvent> events;

    CounterDeltas(BatchSums sums) {
        this(sums.events());
        for (Map.Entry<SpendKey, Sum> row : sums.spend().entrySet()) {
            SpendKey key = row.getKey();
            for (CounterId counter : payersOf(key.keyHash(), key.userId(), key.teamId(), key.organizationId())) {
                delta(counter).add(row.getValue());
            }
        }
        addNamed(Scope.END_USER, sums.endUsers());
        addNamed(Scope.TAG, sums.tags());
        sums.further().forEach((counter, sum) -> delta(counter).add(sum));
    }

    private CounterDeltas(List<SpendEvent> events) {
        this.events = events;
        byPlace = new ArrayList<>();
        for (int place = 0; place <= CounterTable.PLACES; place++) {
            byPlace.add(new HashMap<>());
        }
    }

    private void addNamed(Scope scope, Map<NamedKey, Sum> rows) {
        rows.forEach((key, sum) -> delta(CounterId.of(scope, key.name())).add(sum));
    }

    /** No spend on these counters at an instant. */
    static CounterDeltas nothing(Collection<CounterId> counters, Instant at) {
        CounterDeltas nothing = new CounterDeltas(List.of());
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

    /** Each event's spend on these few counters: what a counter gets in sum is not enough where its window moves on. */
    Map<CounterId, List<Spent>> spentOn(Collection<CounterId> counters) {
        Map<CounterId, List<Spent>> spent = new HashMap<>();
        counters.forEach(counter -> spent.put(counter, new ArrayList<>()));
        for (SpendEvent event : events) {
            for (CounterId counter : countersOf(event)) {
                List<Spent> wanted = spent.get(counter);
                if (wanted != null) {
                    wanted.add(new Spent(event.startTime(), event.cost()));
                }
            }
        }
        return spent;
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

    /**
     * The counters that an event counts on, each once. Stored events tell by this order which counter a share is of.
     */
    static Set<CounterId> countersOf(SpendEvent event) {
        List<CounterId> payers = payersOf(event.keyHash(), event.userId(), event.teamId(), event.organizationId());
        Set<CounterId> counters = new LinkedHashSet<>(32);
        counters.addAll(payers.subList(0, payers.size() - 1));
        if (!event.endUser().isEmpty()) {
            counters.add(CounterId.of(Scope.END_USER, event.endUser()));
        }
        event.tags().stream()
                .filter(tag -> !tag.isEmpty())
                .sorted()
                .forEach(tag -> counters.add(CounterId.of(Scope.TAG, tag)));
        counters.add(payers.get(payers.size() - 1));
        counters.addAll(event.furtherCounters());
        return counters;
    }

    /** The main counters of whoever pays; the last one is the proxy's. */
    private static List<CounterId> payersOf(String key, String user, String team, String organization) {
        List<CounterId> counters = new ArrayList<>(7);
        if (!key.isEmpty()) {
            counters.add(CounterId.of(Scope.KEY, key));
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
        counters.add(CounterId.of(Scope.PROXY, ""));
        return counters;
    }

    static final class Delta {
        private final CounterId counter;
        private BigDecimal spend = BigDecimal.ZERO;
        private Instant first = Instant.MAX;
        private Instant last = Instant.MIN;

        private Delta(CounterId counter) {
            this.counter = counter;
        }

        private void add(Sum sum) {
            spend = spend.add(sum.spend());
            first = sum.first().isBefore(first) ? sum.first() : first;
            last = sum.last().isAfter(last) ? sum.last() : last;
        }

        CounterId counter() {
            return counter;
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
