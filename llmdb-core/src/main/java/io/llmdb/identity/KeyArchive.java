package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.DELETED_KEY;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.VirtualKey;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.Result;
import org.jooq.Table;
import org.jooq.impl.DSL;

/**
 * Keeps the rows of virtual keys that go away, and deletes them. The one place that does: keys go when they are
 * deleted, and with their team, user or organization.
 *
 * <p>Not API. Safe for use by several threads.
 */
public final class KeyArchive {

    /** Rows of one statement; a bigger team takes several. */
    private static final int ROWS_PER_STATEMENT = 1000;

    private final AuditTrail audit;

    /** @param audit records each key that is deleted */
    public KeyArchive(AuditTrail audit) {
        this.audit = audit;
    }

    /**
     * Locks keys in byte order of their hashes.
     *
     * @param tx the transaction
     * @param which a condition on {@code VIRTUAL_KEY}
     * @return the hashes of all keys that meet it
     */
    Set<String> lock(Tx tx, Condition which) {
        return new HashSet<>(tx.dsl()
                .select(VIRTUAL_KEY.TOKEN)
                .from(VIRTUAL_KEY)
                .where(which)
                .orderBy(VIRTUAL_KEY.TOKEN.collate("C"))
                .forUpdate()
                .fetch(VIRTUAL_KEY.TOKEN));
    }

    /**
     * Whether no key has come to meet the condition since {@link #lock}.
     *
     * @param tx the transaction
     * @param which the same condition
     * @param locked what was locked
     */
    boolean areAll(Tx tx, Condition which, Set<String> locked) {
        return locked.containsAll(tx.dsl()
                .select(VIRTUAL_KEY.TOKEN)
                .from(VIRTUAL_KEY)
                .where(which)
                .fetch(VIRTUAL_KEY.TOKEN));
    }

    /**
     * Archives, deletes and audits one locked key, with what is counted under it.
     *
     * @param tx the transaction
     * @param hash its hash
     * @param actor who deletes
     * @param at when, by the database's clock
     */
    public void archiveAndDelete(Tx tx, String hash, Actor actor, Instant at) {
        Leftovers.forget(tx, List.of(Leftovers.Gone.of("key", Set.of(hash))));
        archiveAndDelete(tx, VIRTUAL_KEY.TOKEN.eq(hash), Set.of(hash), actor, at);
    }

    /**
     * Archives, deletes and audits locked keys. Never others: a program that knows nothing of our locks may have added
     * a key since, and to wait for that one here, behind the locks of users and teams, would be out of order. Such a
     * key is left over, as if it had come a moment later.
     *
     * @param tx the transaction
     * @param which a condition on {@code VIRTUAL_KEY}
     * @param locked the hashes of the keys that are locked
     * @param actor who deletes
     * @param at when, by the database's clock
     * @return the hashes of the keys that are gone, sorted
     */
    List<String> archiveAndDelete(Tx tx, Condition which, Set<String> locked, Actor actor, Instant at) {
        Condition lockedOnes = which.and(VIRTUAL_KEY.TOKEN.eq(DSL.any(locked.toArray(new String[0]))));
        List<VirtualKeyRow> keys = archiveRows(tx, lockedOnes, "deleted", actor, at);
        List<String> hashes = keys.stream().map(VirtualKeyRow::getToken).toList();
        for (int from = 0; from < hashes.size(); from += ROWS_PER_STATEMENT) {
            String[] chunk = hashes.subList(from, Math.min(hashes.size(), from + ROWS_PER_STATEMENT))
                    .toArray(new String[0]);
            tx.dsl()
                    .deleteFrom(VIRTUAL_KEY)
                    .where(VIRTUAL_KEY.TOKEN.eq(DSL.any(chunk)))
                    .execute();
        }
        if (audit.isOn()) {
            audit.record(
                    tx,
                    actor,
                    at,
                    keys.stream()
                            .map(key ->
                                    new AuditTrail.Change(AuditAction.DELETED, VIRTUAL_KEY, key.getToken(), key, null))
                            .toList());
        }
        return hashes;
    }

    /**
     * Locks keys that are about to be rotated, in the order of their hashes, and archives them as they are.
     *
     * @param tx the transaction
     * @param which a condition on {@code VIRTUAL_KEY}
     * @param actor who rotates
     * @param at when, by the database's clock
     * @return the hashes of the keys, sorted
     */
    public List<String> archiveRotated(Tx tx, Condition which, Actor actor, Instant at) {
        return archiveRows(tx, which, "rotated", actor, at).stream()
                .map(VirtualKeyRow::getToken)
                .toList();
    }

    /**
     * Locks the keys in the order of their hashes and archives them as they are.
     *
     * @param tx the transaction
     * @param which a condition on {@code VIRTUAL_KEY}
     * @param reason {@code deleted} or {@code rotated}
     * @param actor who acts
     * @param at when, by the database's clock
     * @return the rows, sorted by hash
     */
    List<VirtualKeyRow> archiveRows(Tx tx, Condition which, String reason, Actor actor, Instant at) {
        Result<VirtualKeyRow> keys = tx.dsl()
                .selectFrom(VIRTUAL_KEY)
                .where(which)
                .orderBy(VIRTUAL_KEY.TOKEN.collate("C"))
                .forUpdate()
                .fetch();
        OffsetDateTime deletedAt = at.atOffset(ZoneOffset.UTC);
        for (int from = 0; from < keys.size(); from += ROWS_PER_STATEMENT) {
            insert(
                    tx,
                    keys.subList(from, Math.min(keys.size(), from + ROWS_PER_STATEMENT)),
                    reason,
                    actor,
                    at,
                    deletedAt);
        }
        return keys;
    }

    private static void insert(
            Tx tx, List<VirtualKeyRow> keys, String reason, Actor actor, Instant at, OffsetDateTime deletedAt) {
        String[] hashes = keys.stream().map(VirtualKeyRow::getToken).toArray(String[]::new);
        UUID[] ids = keys.stream().map(key -> Ids.at(at)).toArray(UUID[]::new);
        VirtualKey key = VIRTUAL_KEY.as("k");
        Table<?> given =
                DSL.table("unnest({0}, {1})", DSL.val(ids), DSL.val(hashes)).as("given", "id", "token");
        tx.dsl()
                .insertInto(
                        DELETED_KEY,
                        DELETED_KEY.ID,
                        DELETED_KEY.TOKEN,
                        DELETED_KEY.KEY_ALIAS,
                        DELETED_KEY.USER_ID,
                        DELETED_KEY.TEAM_ID,
                        DELETED_KEY.ORGANIZATION_ID,
                        DELETED_KEY.TOTAL_SPEND,
                        DELETED_KEY.REASON,
                        DELETED_KEY.KEY_ROW,
                        DELETED_KEY.DELETED_AT,
                        DELETED_KEY.DELETED_BY,
                        DELETED_KEY.DELETED_BY_API_KEY)
                .select(DSL.select(
                                DSL.field(DSL.name("given", "id"), UUID.class),
                                key.TOKEN,
                                key.KEY_ALIAS,
                                key.USER_ID,
                                key.TEAM_ID,
                                key.ORGANIZATION_ID,
                                key.TOTAL_SPEND,
                                DSL.val(reason),
                                DSL.field("to_jsonb(k)", JSONB.class),
                                DSL.val(deletedAt),
                                DSL.val(actor.id()),
                                DSL.val(actor.keyHash()))
                        .from(key)
                        .join(given)
                        .on(key.TOKEN.eq(DSL.field(DSL.name("given", "token"), String.class))))
                .execute();
    }
}
