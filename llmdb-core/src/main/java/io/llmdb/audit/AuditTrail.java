package io.llmdb.audit;

import static io.llmdb.schema.jooq.Tables.AUDIT_LOG;

import io.llmdb.common.Actor;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.internal.Tx;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jooq.InsertValuesStep9;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jooq.Table;
import org.jspecify.annotations.Nullable;

/**
 * Writes the audit log: one row for each change, in the transaction of the change. Does nothing where
 * {@code store_audit_logs} is off.
 *
 * <p>Not API. Safe for use by several threads.
 */
public final class AuditTrail {

    /** Rows of one INSERT; a bigger cascade takes several. */
    private static final int ROWS_PER_STATEMENT = 500;

    private final boolean on;

    private AuditTrail(boolean on) {
        this.on = on;
    }

    /**
     * @param on {@code store_audit_logs}
     * @return a trail that records, or one that does nothing
     */
    public static AuditTrail of(boolean on) {
        return new AuditTrail(on);
    }

    /** @return whether changes are recorded; where not, rows from before a change need not be read */
    public boolean isOn() {
        return on;
    }

    /**
     * One change.
     *
     * @param action what was done
     * @param table the object's table
     * @param objectId the object's id; see {@link #objectId}
     * @param before its row before; null where there was none
     * @param after its row after; null where there is none; only values that differ are recorded
     */
    public record Change(
            AuditAction action,
            Table<?> table,
            String objectId,
            @Nullable Record before,
            @Nullable Record after) {}

    /**
     * The id of an object with a key of several columns.
     *
     * @param parts the values of its key, in the table's order
     * @return the parts with a slash between them
     */
    public static String objectId(String... parts) {
        return String.join("/", parts);
    }

    /**
     * Records one change.
     *
     * @param tx the transaction of the change
     * @param actor who makes it
     * @param at when, by the database's clock
     * @param change the change
     */
    public void record(Tx tx, Actor actor, Instant at, Change change) {
        record(tx, actor, at, List.of(change));
    }

    /**
     * Records changes that belong together.
     *
     * @param tx the transaction of the changes
     * @param actor who makes them
     * @param at when, by the database's clock
     * @param changes the changes
     */
    public void record(Tx tx, Actor actor, Instant at, List<Change> changes) {
        if (!on) {
            return;
        }
        for (int from = 0; from < changes.size(); from += ROWS_PER_STATEMENT) {
            insert(tx, actor, at, changes.subList(from, Math.min(changes.size(), from + ROWS_PER_STATEMENT)));
        }
    }

    private static void insert(Tx tx, Actor actor, Instant at, List<Change> changes) {
        InsertValuesStep9<?, UUID, java.time.OffsetDateTime, String, String, String, String, String, JSONB, JSONB>
                insert = tx.dsl()
                        .insertInto(
                                AUDIT_LOG,
                                AUDIT_LOG.ID,
                                AUDIT_LOG.UPDATED_AT,
                                AUDIT_LOG.CHANGED_BY,
                                AUDIT_LOG.CHANGED_BY_API_KEY,
                                AUDIT_LOG.ACTION,
                                AUDIT_LOG.TABLE_NAME,
                                AUDIT_LOG.OBJECT_ID,
                                AUDIT_LOG.BEFORE_VALUE,
                                AUDIT_LOG.UPDATED_VALUES);
        for (Change change : changes) {
            insert = insert.values(
                    id(at),
                    at.truncatedTo(ChronoUnit.MILLIS).atOffset(ZoneOffset.UTC),
                    actor.id(),
                    actor.keyHash(),
                    change.action().word(),
                    change.table().getName(),
                    change.objectId(),
                    json(AuditValues.all(change.before())),
                    json(AuditValues.changed(change.before(), change.after())));
        }
        insert.execute();
    }

    /**
     * A UUIDv7 whose twelve bits behind the millisecond say how far into it (RFC 9562, method 3), so that ids sort by
     * time.
     */
    private static UUID id(Instant at) {
        long intoMilli = at.truncatedTo(ChronoUnit.MILLIS).until(at, ChronoUnit.NANOS);
        long fraction = intoMilli * 4096 / 1_000_000;
        return Ids.derived(at, fraction, Ids.at(at).getLeastSignificantBits() << 2);
    }

    private static @Nullable JSONB json(@Nullable Map<String, Object> values) {
        return values == null ? null : JSONB.valueOf(Json.write(values));
    }
}
