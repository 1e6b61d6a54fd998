package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.BUDGET_ALERT;
import static io.llmdb.schema.jooq.Tables.BUDGET_WINDOW;
import static io.llmdb.schema.jooq.Tables.LEASE;
import static io.llmdb.schema.jooq.Tables.REPLACED_KEY;
import static io.llmdb.schema.jooq.Tables.SPEND_ADJUSTMENT;
import static io.llmdb.schema.jooq.Tables.SPEND_COUNTER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditAction;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.identity.KeyArchive;
import io.llmdb.identity.Store;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.impl.DSL;

/**
 * Gives a key's row another hash. The row as it was goes to the archive; the old hash is kept beside it for good,
 * because what was spent with it may be booked later, and lets its holder in until its grace ends. Whatever is counted
 * under the key goes with it.
 */
final class KeyRotation {

    private record Counted(Table<?> table, TableField<?, String> scope, TableField<?, String> id) {}

    /** Leases last, as in booking. */
    private static final List<Counted> COUNTED = List.of(
            new Counted(SPEND_COUNTER, SPEND_COUNTER.SCOPE, SPEND_COUNTER.SCOPE_ID),
            new Counted(BUDGET_WINDOW, BUDGET_WINDOW.SCOPE, BUDGET_WINDOW.SCOPE_ID),
            new Counted(BUDGET_ALERT, BUDGET_ALERT.SCOPE, BUDGET_ALERT.SCOPE_ID),
            new Counted(SPEND_ADJUSTMENT, SPEND_ADJUSTMENT.SCOPE, SPEND_ADJUSTMENT.SCOPE_ID),
            new Counted(LEASE, LEASE.SCOPE, LEASE.SCOPE_ID));

    private final Store<VirtualKeyRow> store;
    private final KeyArchive archive;

    KeyRotation(Store<VirtualKeyRow> store, KeyArchive archive) {
        this.store = store;
        this.archive = archive;
    }

    /**
     * @param before the key's row, locked against new rows that point at it
     * @param rawKey the new key
     * @param grace how long the old key still works
     * @return the row afterwards
     */
    VirtualKeyRow rotate(Tx tx, VirtualKeyRow before, String rawKey, Duration grace, Actor actor, Instant now) {
        String oldHash = before.getToken();
        String newHash = KeyHash.of(rawKey);
        archive.archiveRotated(tx, VIRTUAL_KEY.TOKEN.eq(oldHash), actor, now);
        VirtualKeyRow after = tx.dsl()
                .update(VIRTUAL_KEY)
                .set(VIRTUAL_KEY.TOKEN, newHash)
                .set(VIRTUAL_KEY.KEY_NAME, KeyHash.masked(rawKey))
                .set(VIRTUAL_KEY.ROTATION_COUNT, VIRTUAL_KEY.ROTATION_COUNT.plus(1))
                .set(VIRTUAL_KEY.LAST_ROTATION_AT, BudgetColumns.time(now))
                .set(VIRTUAL_KEY.KEY_ROTATION_AT, BudgetColumns.time(next(before, now)))
                .set(VIRTUAL_KEY.UPDATED_AT, BudgetColumns.time(now))
                .set(VIRTUAL_KEY.UPDATED_BY, actor.id())
                .where(VIRTUAL_KEY.TOKEN.eq(oldHash))
                .returning()
                .fetchSingle();
        tx.dsl()
                .insertInto(REPLACED_KEY)
                .set(REPLACED_KEY.TOKEN, oldHash)
                .set(REPLACED_KEY.ACTIVE_TOKEN_ID, newHash)
                .set(REPLACED_KEY.REVOKE_AT, BudgetColumns.time(now.plus(grace)))
                .set(REPLACED_KEY.CREATED_AT, BudgetColumns.time(now))
                .execute();
        for (Counted counted : COUNTED) {
            tx.dsl()
                    .update(counted.table)
                    .set(counted.id, newHash)
                    .where(counted.scope.eq(DSL.inline("key")))
                    .and(counted.id.eq(oldHash))
                    .execute();
        }
        store.record(tx, now, AuditAction.ROTATED, before, after);
        return after;
    }

    private static @org.jspecify.annotations.Nullable Instant next(VirtualKeyRow row, Instant now) {
        BudgetDuration interval = BudgetDuration.parseOptional("rotation_interval", row.getRotationInterval());
        return row.getAutoRotate() && interval != null ? interval.after(now) : null;
    }
}
