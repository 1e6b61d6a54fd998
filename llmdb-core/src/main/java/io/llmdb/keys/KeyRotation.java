package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditAction;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.identity.KeyArchive;
import io.llmdb.identity.Store;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Sql;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jooq.Field;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Gives a key another hash. The row as it was goes to the archive; the old hash is kept beside the key for good,
 * because what was spent with it may be booked later, and lets its holder in until its grace ends. Whatever is counted
 * under the key goes with it; what instances have leased under the old hash stays, and counts on the key.
 *
 * <p>The row is made anew under its new hash rather than changed: rows are locked in the order of their hashes, and a
 * row that got another hash while somebody waited for it would end up locked out of order.
 */
final class KeyRotation {

    private static final String REHASH = "SELECT ${llmdb}.llmdb_rehash_key({0}, {1}, {2}, {3})";

    /** When a key is to be rotated; one that has no date yet is due. As the index has it. */
    private static final Field<OffsetDateTime> ROTATION_AT = DSL.field(
            "coalesce({0}, '-infinity')", VIRTUAL_KEY.KEY_ROTATION_AT.getDataType(), VIRTUAL_KEY.KEY_ROTATION_AT);

    private final Store<VirtualKeyRow> store;
    private final KeyArchive archive;
    private final Sql sql;

    KeyRotation(Sql sql, Store<VirtualKeyRow> store, KeyArchive archive) {
        this.sql = sql;
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
        VirtualKeyRow renewed = tx.dsl().newRecord(VIRTUAL_KEY);
        renewed.fromArray(before.intoArray());
        renewed.changed(true);
        renewed.setToken(newHash);
        renewed.setKeyName(KeyHash.masked(rawKey));
        renewed.setRotationCount(before.getRotationCount() + 1);
        renewed.setLastRotationAt(BudgetColumns.time(now));
        renewed.setKeyRotationAt(BudgetColumns.time(next(before, now)));
        renewed.setUpdatedAt(BudgetColumns.time(now));
        renewed.setUpdatedBy(actor.id());
        VirtualKeyRow after =
                tx.dsl().insertInto(VIRTUAL_KEY).set(renewed).returning().fetchSingle();
        tx.dsl()
                .execute(
                        sql.of(REHASH),
                        DSL.val(oldHash),
                        DSL.val(newHash),
                        DSL.val(BudgetColumns.time(now.plus(grace))),
                        DSL.val(BudgetColumns.time(now)));
        store.record(tx, now, AuditAction.ROTATED, before, after);
        return after;
    }

    /**
     * Locks the key that has been due for longest and that nobody else is rotating.
     *
     * @param butNot hashes of keys to be passed over
     * @return its row; null where none is due
     */
    @Nullable
    VirtualKeyRow due(Tx tx, String[] butNot) throws SQLException {
        OffsetDateTime present = BudgetColumns.time(store.now(tx));
        return tx.dsl()
                .selectFrom(VIRTUAL_KEY)
                .where(VIRTUAL_KEY.AUTO_ROTATE)
                .and(ROTATION_AT.le(present))
                .and(VIRTUAL_KEY.EXPIRES.isNull().or(VIRTUAL_KEY.EXPIRES.ge(present)))
                .and(VIRTUAL_KEY.TOKEN.ne(DSL.all(butNot)))
                .orderBy(ROTATION_AT)
                .limit(1)
                .forUpdate()
                .skipLocked()
                .fetchOne();
    }

    private static @Nullable Instant next(VirtualKeyRow row, Instant now) {
        BudgetDuration interval = BudgetDuration.parseOptional("rotation_interval", row.getRotationInterval());
        return row.getAutoRotate() && interval != null ? interval.after(now) : null;
    }
}
