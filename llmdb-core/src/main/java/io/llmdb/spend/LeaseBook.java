package io.llmdb.spend;

import java.math.BigDecimal;
import java.sql.SQLException;
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
                ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::int8[], ?::numeric[])""";

    private final List<Map.Entry<Held, BigDecimal>> taken;

    LeaseBook(Collection<SpendEvent> events) {
        Map<Held, BigDecimal> byLease = new HashMap<>();
        for (SpendEvent event : events) {
            UUID holder = event.leaseHolder();
            if (holder != null) {
                for (LeaseShare share : event.leaseShares()) {
                    byLease.merge(new Held(share.counter(), holder, share.epoch()), share.amount(), BigDecimal::add);
                }
            }
        }
        taken = new ArrayList<>(byLease.entrySet());
    }

    boolean isEmpty() {
        return taken.isEmpty();
    }

    /** Sets the arguments of {@link #TAKE}. */
    void bind(SqlArrays arguments) throws SQLException {
        CounterBook.bindIds(
                        arguments,
                        taken.stream().map(one -> one.getKey().counter).toList())
                .ids(taken, one -> one.getKey().holder)
                .numbers(taken, one -> one.getKey().epoch)
                .amounts(taken, Map.Entry::getValue);
    }

    private record Held(CounterId counter, UUID holder, long epoch) {}
}
