package io.llmdb.spend;

import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** What a batch takes from the leases that covered it. */
final class LeaseBook {

    static final String TAKE = """
            SELECT ${llmdb}.llmdb_take_from_leases(
                ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::numeric[], ?::timestamptz[])""";

    private final List<Taken> taken;

    LeaseBook(Collection<SpendEvent> events) {
        Map<Held, Taken> byLease = new HashMap<>();
        for (SpendEvent event : events) {
            UUID holder = event.leaseHolder();
            if (holder != null) {
                for (CounterId counter : CounterDeltas.countersOf(event)) {
                    byLease.computeIfAbsent(new Held(counter, holder), Taken::new)
                            .add(event);
                }
            }
        }
        taken = new ArrayList<>(byLease.values());
    }

    boolean isEmpty() {
        return taken.isEmpty();
    }

    /** Sets the arguments of {@link #TAKE}. */
    void bind(SqlArrays arguments) throws SQLException {
        CounterBook.bindIds(
                        arguments, taken.stream().map(one -> one.lease.counter).toList())
                .ids(taken, one -> one.lease.holder)
                .amounts(taken, one -> one.amount)
                .instants(taken, one -> one.last);
    }

    private record Held(CounterId counter, UUID holder) {}

    private static final class Taken {
        private final Held lease;
        private BigDecimal amount = BigDecimal.ZERO;
        private Instant last = Instant.MIN;

        private Taken(Held lease) {
            this.lease = lease;
        }

        private void add(SpendEvent event) {
            amount = amount.add(event.cost());
            last = event.startTime().isAfter(last) ? event.startTime() : last;
        }
    }
}
