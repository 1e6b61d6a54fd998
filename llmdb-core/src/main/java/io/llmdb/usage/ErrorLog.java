package io.llmdb.usage;

import static io.llmdb.schema.jooq.Tables.ERROR_LOG;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.ErrorLogRow;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/** Reads the error log. Safe for use by several threads. */
public final class ErrorLog {

    private static final Keyset NEWEST = Keyset.descending("errors", ERROR_LOG.START_TIME, ERROR_LOG.ID);

    private final Db db;

    /** @param db the database */
    public ErrorLog(Db db) {
        this.db = db;
    }

    /**
     * Lists errors, the newest first.
     *
     * @param filter which ones
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another list
     */
    public Page<LoggedError> list(ErrorFilter filter, PageRequest page) {
        return db.single(tx -> NEWEST.page(tx.dsl(), ERROR_LOG, where(filter), page, ErrorLog::read));
    }

    /**
     * Finds the error of a request.
     *
     * @param id the request's id of ours
     * @return the error, or empty
     */
    public Optional<LoggedError> find(UUID id) {
        Instant start = Instant.ofEpochMilli(Ids.epochMilli(id));
        return db.single(tx -> tx.dsl()
                .selectFrom(ERROR_LOG)
                .where(ERROR_LOG.ID.eq(id))
                .and(ERROR_LOG.START_TIME.eq(start.atOffset(ZoneOffset.UTC)))
                .fetchOptional(ErrorLog::read));
    }

    private static Condition where(ErrorFilter filter) {
        Condition where = DSL.noCondition();
        if (filter.model() != null) {
            where = where.and(ERROR_LOG.LLM_MODEL_NAME.eq(filter.model()));
        }
        if (filter.exceptionType() != null) {
            where = where.and(ERROR_LOG.EXCEPTION_TYPE.eq(filter.exceptionType()));
        }
        if (filter.statusCode() != null) {
            where = where.and(ERROR_LOG.STATUS_CODE.eq(filter.statusCode()));
        }
        if (filter.requestId() != null) {
            where = where.and(ERROR_LOG.REQUEST_ID.eq(filter.requestId()));
        }
        if (filter.from() != null) {
            where = where.and(ERROR_LOG.START_TIME.ge(filter.from().atOffset(ZoneOffset.UTC)));
        }
        if (filter.before() != null) {
            where = where.and(ERROR_LOG.START_TIME.lt(filter.before().atOffset(ZoneOffset.UTC)));
        }
        return where;
    }

    private static LoggedError read(ErrorLogRow row) {
        return new LoggedError(
                row.getId(),
                row.getRequestId(),
                row.getLlmModelName(),
                row.getModelGroup(),
                row.getModelId(),
                row.getApiBase(),
                row.getExceptionType(),
                row.getExceptionString(),
                row.getStatusCode(),
                row.getRequestKwargs().data(),
                row.getStartTime().toInstant(),
                row.getEndTime().toInstant());
    }
}
