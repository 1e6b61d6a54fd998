package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.identity.Store;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Db;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/** Blocks many keys at once, or lets them in again, in one transaction. */
final class KeyBlock {

    private final Db db;
    private final AuditTrail audit;
    private final Store<VirtualKeyRow> store;

    KeyBlock(Db db, AuditTrail audit, Store<VirtualKeyRow> store) {
        this.db = db;
        this.audit = audit;
        this.store = store;
    }

    /**
     * @param which the keys
     * @param blocked whether they shall be blocked
     * @return the hashes of those that were not so before, sorted
     */
    List<String> set(Condition which, boolean blocked) {
        return db.transaction(tx -> {
            Condition others =
                    which.and(DSL.coalesce(VIRTUAL_KEY.BLOCKED, false).ne(blocked));
            List<String> all = new ArrayList<>();
            do {
                all.addAll(setSome(tx, others, blocked));
                // A key that was being rotated has become another row, which only a later look sees.
            } while (tx.dsl().fetchExists(VIRTUAL_KEY, others));
            return all.stream().sorted().toList();
        });
    }

    private List<String> setSome(Tx tx, Condition which, boolean blocked) throws SQLException {
        List<VirtualKeyRow> rows = store.lockAll(tx, which);
        if (rows.isEmpty()) {
            return List.of();
        }
        String[] hashes = rows.stream().map(VirtualKeyRow::getToken).toArray(String[]::new);
        Instant now = store.now(tx);
        Map<String, VirtualKeyRow> after = tx.dsl()
                .update(VIRTUAL_KEY)
                .set(VIRTUAL_KEY.BLOCKED, blocked)
                .set(VIRTUAL_KEY.UPDATED_AT, BudgetColumns.time(now))
                .set(VIRTUAL_KEY.UPDATED_BY, store.actor().id())
                .where(VIRTUAL_KEY.TOKEN.eq(DSL.any(hashes)))
                .returning()
                .fetchMap(VIRTUAL_KEY.TOKEN);
        if (audit.isOn()) {
            AuditAction action = blocked ? AuditAction.BLOCKED : AuditAction.UNBLOCKED;
            audit.record(
                    tx,
                    store.actor(),
                    now,
                    rows.stream()
                            .map(row -> new AuditTrail.Change(
                                    action, VIRTUAL_KEY, row.getToken(), row, after.get(row.getToken())))
                            .toList());
        }
        return List.of(hashes);
    }
}
