package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.INVITATION;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.InvitationRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Invitations, which end after {@link #LIFETIME} and work once.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class InvitationRepository {

    /** How long an invitation can be used. */
    public static final Duration LIFETIME = Duration.ofDays(7);

    private final Context context;
    private final Store<InvitationRow> store;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public InvitationRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private InvitationRepository(Context context) {
        this.context = context;
        this.store = context.store(INVITATION, "invitation");
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public InvitationRepository as(Actor actor) {
        return new InvitationRepository(context.as(actor));
    }

    /**
     * Invites a user.
     *
     * @param userId the user
     * @return the invitation; its id, which cannot be guessed, is the secret part of the link
     * @throws NotFoundException where the user does not exist
     */
    public Invitation create(String userId) {
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            InvitationRow row = tx.dsl().newRecord(INVITATION);
            row.setId(UUID.randomUUID().toString());
            row.setUserId(userId);
            row.setExpiresAt(BudgetColumns.time(now.plus(LIFETIME)));
            return read(store.insert(tx, row, now));
        });
    }

    /**
     * @param id its id
     * @return the invitation, or empty; looking does not use it up
     */
    public Optional<Invitation> find(String id) {
        return store.find(store.is(id), InvitationRepository::read);
    }

    /**
     * @param id its id
     * @return the invitation
     * @throws NotFoundException where there is none
     */
    public Invitation require(String id) {
        return find(id).orElseThrow(() -> store.missing(id));
    }

    /**
     * @param id its id
     * @return whether there is such an invitation
     */
    public boolean exists(String id) {
        return store.exists(store.is(id));
    }

    /**
     * Uses an invitation up. Of any number of callers at once, one gets it.
     *
     * @param id its id
     * @return the invitation, used
     * @throws NotFoundException where there is none
     * @throws InvitationUsedException where it was used before
     * @throws InvitationExpiredException where its time is over
     */
    public Invitation accept(String id) {
        return context.db().transaction(tx -> {
            InvitationRow before = store.findForAudit(tx, id);
            Instant now = store.now(tx);
            InvitationRow accepted = tx.dsl()
                    .update(INVITATION)
                    .set(INVITATION.IS_ACCEPTED, true)
                    .set(INVITATION.ACCEPTED_AT, BudgetColumns.time(now))
                    .set(INVITATION.UPDATED_AT, BudgetColumns.time(now))
                    .set(INVITATION.UPDATED_BY, context.actor().id())
                    .where(INVITATION.ID.eq(id))
                    .and(INVITATION.IS_ACCEPTED.isFalse())
                    .and(INVITATION.EXPIRES_AT.gt(BudgetColumns.time(now)))
                    .returning()
                    .fetchOne();
            if (accepted == null) {
                throw refusal(tx, id);
            }
            store.record(tx, now, AuditAction.UPDATED, before, accepted);
            return read(accepted);
        });
    }

    /**
     * Takes an invitation back.
     *
     * @param id its id
     * @throws NotFoundException where there is none
     */
    public void delete(String id) {
        context.db().transaction(tx -> {
            InvitationRow row = store.lockToDelete(tx, id);
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
    public Page<Invitation> list(InvitationFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.userId() != null) {
            where = where.and(INVITATION.USER_ID.eq(filter.userId()));
        }
        if (filter.accepted() != null) {
            where = where.and(INVITATION.IS_ACCEPTED.eq(filter.accepted()));
        }
        if (filter.expired() != null) {
            Condition over = INVITATION.EXPIRES_AT.le(store.nowField());
            where = where.and(filter.expired() ? over : over.not());
        }
        Keyset order = switch (filter.order()) {
            case NEWEST -> Keyset.descending("newest", INVITATION.CREATED_AT, INVITATION.ID);
            case OLDEST -> Keyset.ascending("oldest", INVITATION.CREATED_AT, INVITATION.ID);
            case EXPIRY -> Keyset.ascending("expiry", INVITATION.EXPIRES_AT, INVITATION.ID);
        };
        return store.list(where, order, page, InvitationRepository::read);
    }

    private ConflictException refusal(Tx tx, String id) {
        Invitation invitation = tx.dsl()
                .selectFrom(INVITATION)
                .where(INVITATION.ID.eq(id))
                .fetchOptional(InvitationRepository::read)
                .orElseThrow(() -> store.missing(id));
        Instant acceptedAt = invitation.acceptedAt();
        return acceptedAt == null
                ? new InvitationExpiredException(id, invitation.expiresAt())
                : new InvitationUsedException(id, acceptedAt);
    }

    private static Invitation read(InvitationRow row) {
        return new Invitation(
                row.getId(),
                row.getUserId(),
                BudgetColumns.instant(row.getAcceptedAt()),
                row.getExpiresAt().toInstant(),
                row.getCreatedAt().toInstant(),
                row.getCreatedBy(),
                row.getUpdatedAt().toInstant(),
                row.getUpdatedBy());
    }
}
