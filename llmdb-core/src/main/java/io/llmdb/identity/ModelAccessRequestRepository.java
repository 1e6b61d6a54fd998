package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.MODEL_ACCESS_REQUEST;
import static io.llmdb.schema.jooq.Tables.USER;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.ModelAccessRequestRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Users' requests for models, each decided once.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class ModelAccessRequestRepository {

    private final Context context;
    private final Store<ModelAccessRequestRow> store;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public ModelAccessRequestRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private ModelAccessRequestRepository(Context context) {
        this.context = context;
        this.store = context.store(MODEL_ACCESS_REQUEST, "request for models");
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public ModelAccessRequestRepository as(Actor actor) {
        return new ModelAccessRequestRepository(context.as(actor));
    }

    /**
     * Makes a request.
     *
     * @param userId who asks
     * @param models for which models, at least one
     * @param justification why; may be empty
     * @return the request, pending
     * @throws NotFoundException where the user does not exist
     * @throws InvalidArgumentException where no model is named
     */
    public ModelAccessRequest create(String userId, List<String> models, String justification) {
        List<String> wanted = Arguments.texts("models", models);
        Arguments.text("justification", justification);
        if (wanted.isEmpty()) {
            throw new InvalidArgumentException("models is empty: name what user_id \"" + userId + "\" asks for");
        }
        return context.db().transaction(tx -> {
            // No foreign key points from requests to users, so the row is kept from going away here.
            if (tx.dsl()
                            .selectOne()
                            .from(USER)
                            .where(USER.USER_ID.eq(userId))
                            .forKeyShare()
                            .fetchOne()
                    == null) {
                throw context.users().missing(userId);
            }
            Instant now = store.now(tx);
            ModelAccessRequestRow row = tx.dsl().newRecord(MODEL_ACCESS_REQUEST);
            row.setRequestId(Ids.at(now).toString());
            row.setUserId(userId);
            row.setModels(wanted.toArray(new String[0]));
            row.setJustification(justification);
            row.setStatus(ModelAccessStatus.PENDING.word());
            return read(store.insert(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the request, or empty
     */
    public Optional<ModelAccessRequest> find(String id) {
        return store.find(store.is(id), ModelAccessRequestRepository::read);
    }

    /**
     * @param id its id
     * @return the request
     * @throws NotFoundException where there is none
     */
    public ModelAccessRequest require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such a request
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Approves a request and adds its models to the user's, in one transaction. A user who may call all models keeps
     * that; one who may call none ({@code no-default-models}) may call these from now on.
     *
     * @param id its id
     * @return the request, approved
     * @throws NotFoundException where it or its user does not exist
     * @throws ModelAccessDecidedException where it was decided before
     */
    public ModelAccessRequest approve(String id) {
        return context.db().transaction(tx -> {
            ModelAccessRequestRow before = read(tx, id);
            // Users are locked before requests, as where a user is deleted.
            UserRow user = context.users().lock(tx, before.getUserId());
            Instant now = store.now(tx);
            ModelAccessRequestRow approved = decide(tx, before, ModelAccessStatus.APPROVED, now);
            UserRow after = context.users().copy(user);
            after.setModels(withModels(user.getModels(), approved.getModels()));
            context.users().update(tx, user, after, now);
            return read(approved);
        });
    }

    /**
     * Disapproves a request.
     *
     * @param id its id
     * @return the request, disapproved
     * @throws NotFoundException where there is none
     * @throws ModelAccessDecidedException where it was decided before
     */
    public ModelAccessRequest disapprove(String id) {
        return context.db()
                .transaction(tx -> read(decide(tx, read(tx, id), ModelAccessStatus.DISAPPROVED, store.now(tx))));
    }

    /**
     * Deletes a request; what an approval gave stays.
     *
     * @param id its id
     * @throws NotFoundException where there is none
     */
    public void delete(String id) {
        context.db().transaction(tx -> {
            ModelAccessRequestRow row = store.lockToDelete(tx, id);
            store.delete(tx, row, store.now(tx));
            return id;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<ModelAccessRequest> list(ModelAccessRequestFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.userId() != null) {
            where = where.and(MODEL_ACCESS_REQUEST.USER_ID.eq(filter.userId()));
        }
        if (filter.status() != null) {
            where = where.and(MODEL_ACCESS_REQUEST.STATUS.eq(filter.status().word()));
        }
        Keyset order = switch (filter.order()) {
            case NEWEST ->
                Keyset.descending("newest", MODEL_ACCESS_REQUEST.CREATED_AT, MODEL_ACCESS_REQUEST.REQUEST_ID);
            case OLDEST -> Keyset.ascending("oldest", MODEL_ACCESS_REQUEST.CREATED_AT, MODEL_ACCESS_REQUEST.REQUEST_ID);
        };
        return store.list(where, order, page, ModelAccessRequestRepository::read);
    }

    private ModelAccessRequestRow read(Tx tx, String id) {
        return tx.dsl()
                .selectFrom(MODEL_ACCESS_REQUEST)
                .where(MODEL_ACCESS_REQUEST.REQUEST_ID.eq(id))
                .fetchOptional()
                .orElseThrow(() -> store.missing(id));
    }

    /** One conditional update: of two decisions at once, one wins. A pending row never changes but by this. */
    private ModelAccessRequestRow decide(Tx tx, ModelAccessRequestRow before, ModelAccessStatus status, Instant now) {
        String id = before.getRequestId();
        ModelAccessRequestRow decided = tx.dsl()
                .update(MODEL_ACCESS_REQUEST)
                .set(MODEL_ACCESS_REQUEST.STATUS, status.word())
                .set(MODEL_ACCESS_REQUEST.DECIDED_BY, context.actor().id())
                .set(MODEL_ACCESS_REQUEST.DECIDED_AT, BudgetColumns.time(now))
                .where(MODEL_ACCESS_REQUEST.REQUEST_ID.eq(id))
                .and(MODEL_ACCESS_REQUEST.STATUS.eq(ModelAccessStatus.PENDING.word()))
                .returning()
                .fetchOne();
        if (decided == null) {
            ModelAccessRequest other = read(read(tx, id));
            throw new ModelAccessDecidedException(id, other.status(), other.decidedBy());
        }
        store.record(tx, now, AuditAction.UPDATED, before, decided);
        return decided;
    }

    private static String[] withModels(String[] held, String[] added) {
        if (held.length == 0) {
            return held;
        }
        Set<String> models = new LinkedHashSet<>(List.of(held));
        models.remove("no-default-models");
        models.addAll(List.of(added));
        return models.toArray(new String[0]);
    }

    private static ModelAccessRequest read(ModelAccessRequestRow row) {
        return new ModelAccessRequest(
                row.getRequestId(),
                row.getUserId(),
                List.of(row.getModels()),
                row.getJustification(),
                ModelAccessStatus.of(row.getStatus()),
                row.getCreatedAt().toInstant(),
                row.getDecidedBy(),
                BudgetColumns.instant(row.getDecidedAt()));
    }
}
