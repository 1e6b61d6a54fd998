package io.llmdb.audit;

import static io.llmdb.schema.jooq.Tables.AUDIT_LOG;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.AuditLogRow;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Reads the audit log, which {@code store_audit_logs} switches on.
 *
 * <p>Safe for use by several threads.
 */
public final class AuditLogRepository {

    /** Ids sort by time, so the primary key serves the whole log; the indexes by object and actor go on by time. */
    private static final Keyset BY_ID = Keyset.descending("newest", AUDIT_LOG.ID);

    private static final Keyset BY_TIME = Keyset.descending("newest_of_one", AUDIT_LOG.UPDATED_AT, AUDIT_LOG.ID);

    private final Db db;

    /** @param db the database */
    public AuditLogRepository(Db db) {
        this.db = db;
    }

    /**
     * Lists changes, the newest first.
     *
     * @param filter which ones
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another list
     */
    public Page<AuditEntry> list(AuditFilter filter, PageRequest page) {
        boolean ofOne = filter.objectId() != null || filter.actorId() != null;
        return db.single(tx ->
                (ofOne ? BY_TIME : BY_ID).page(tx.dsl(), AUDIT_LOG, where(filter), page, AuditLogRepository::read));
    }

    /**
     * @param id an entry's id
     * @return the entry, or empty
     */
    public Optional<AuditEntry> find(UUID id) {
        // The id says which partition.
        OffsetDateTime at = time(Instant.ofEpochMilli(Ids.epochMilli(id)));
        return db.single(tx -> tx.dsl()
                .selectFrom(AUDIT_LOG)
                .where(AUDIT_LOG.ID.eq(id))
                .and(AUDIT_LOG.UPDATED_AT.eq(at))
                .fetchOptional(AuditLogRepository::read));
    }

    private static Condition where(AuditFilter filter) {
        Condition where = DSL.noCondition();
        if (filter.table() != null) {
            where = where.and(AUDIT_LOG.TABLE_NAME.eq(filter.table()));
        }
        if (filter.objectId() != null) {
            where = where.and(AUDIT_LOG.OBJECT_ID.eq(filter.objectId()));
        }
        if (filter.actorId() != null) {
            where = where.and(AUDIT_LOG.CHANGED_BY.eq(filter.actorId()));
        }
        if (filter.actorKeyHash() != null) {
            where = where.and(AUDIT_LOG.CHANGED_BY_API_KEY.eq(filter.actorKeyHash()));
        }
        if (filter.action() != null) {
            where = where.and(AUDIT_LOG.ACTION.eq(filter.action().word()));
        }
        if (filter.from() != null) {
            where = where.and(AUDIT_LOG.UPDATED_AT.ge(time(filter.from())));
        }
        if (filter.before() != null) {
            where = where.and(AUDIT_LOG.UPDATED_AT.lt(time(filter.before())));
        }
        return where;
    }

    /** Entries have milliseconds. */
    private static OffsetDateTime time(Instant instant) {
        return instant.truncatedTo(ChronoUnit.MILLIS).atOffset(ZoneOffset.UTC);
    }

    private static AuditEntry read(AuditLogRow row) {
        return new AuditEntry(
                row.getId(),
                row.getUpdatedAt().toInstant(),
                row.getChangedBy(),
                row.getChangedByApiKey(),
                AuditAction.of(row.getAction()),
                row.getTableName(),
                row.getObjectId(),
                object(row.getBeforeValue()),
                object(row.getUpdatedValues()));
    }

    private static @Nullable Map<String, Object> object(@Nullable JSONB json) {
        return json == null ? null : Json.object(json.data());
    }
}
