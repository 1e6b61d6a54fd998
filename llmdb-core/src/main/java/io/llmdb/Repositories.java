package io.llmdb;

import io.llmdb.audit.AuditLogRepository;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.identity.BudgetRepository;
import io.llmdb.identity.EndUserRepository;
import io.llmdb.identity.InvitationRepository;
import io.llmdb.identity.ModelAccessRequestRepository;
import io.llmdb.identity.OrganizationMembershipRepository;
import io.llmdb.identity.OrganizationRepository;
import io.llmdb.identity.TagRepository;
import io.llmdb.identity.TeamMembershipRepository;
import io.llmdb.identity.TeamRepository;
import io.llmdb.identity.UserRepository;
import io.llmdb.internal.Db;
import io.llmdb.keys.KeyRepository;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.ModelRepository;
import io.llmdb.windows.BudgetCalendar;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator edits. Every call is one transaction, or part of the one that this object was made for.
 * Immutable and safe for use by several threads, as far as the connection of a joined transaction is.
 */
public final class Repositories {

    private final Db db;
    private final AuditTrail audit;
    private final BudgetCalendar calendar;
    private final Actor actor;
    private final @Nullable CredentialKeys credentials;

    Repositories(Db db, AuditTrail audit, BudgetCalendar calendar, Actor actor, @Nullable CredentialKeys credentials) {
        this.db = db;
        this.audit = audit;
        this.calendar = calendar;
        this.actor = actor;
        this.credentials = credentials;
    }

    /**
     * The same repositories for somebody: goes into {@code created_by}, {@code updated_by} and the audit log.
     *
     * @param value who makes the changes
     * @return repositories for this actor
     */
    public Repositories as(Actor value) {
        return new Repositories(db, audit, calendar, value, credentials);
    }

    Repositories on(Db other) {
        return new Repositories(other, audit, calendar, actor, credentials);
    }

    Db db() {
        return db;
    }

    AuditTrail audit() {
        return audit;
    }

    LiteLlmImport importFromLiteLlm(DataSource source) {
        return new LiteLlmImport(db, audit, actor, calendar, credentials, source);
    }

    /** @return virtual keys */
    public KeyRepository keys() {
        return new KeyRepository(db, audit, calendar).as(actor);
    }

    /** @return budget rows, which organizations, members, end users, tags and keys link */
    public BudgetRepository budgets() {
        return new BudgetRepository(db, audit, calendar).as(actor);
    }

    /** @return organizations */
    public OrganizationRepository organizations() {
        return new OrganizationRepository(db, audit, calendar).as(actor);
    }

    /** @return teams */
    public TeamRepository teams() {
        return new TeamRepository(db, audit, calendar).as(actor);
    }

    /** @return users */
    public UserRepository users() {
        return new UserRepository(db, audit, calendar).as(actor);
    }

    /** @return end users: the customers' own users */
    public EndUserRepository endUsers() {
        return new EndUserRepository(db, audit, calendar).as(actor);
    }

    /** @return tags of requests */
    public TagRepository tags() {
        return new TagRepository(db, audit, calendar).as(actor);
    }

    /** @return users within teams */
    public TeamMembershipRepository teamMemberships() {
        return new TeamMembershipRepository(db, audit, calendar).as(actor);
    }

    /** @return users within organizations */
    public OrganizationMembershipRepository organizationMemberships() {
        return new OrganizationMembershipRepository(db, audit, calendar).as(actor);
    }

    /** @return invitations */
    public InvitationRepository invitations() {
        return new InvitationRepository(db, audit, calendar).as(actor);
    }

    /** @return users' requests for access to models */
    public ModelAccessRequestRepository modelAccessRequests() {
        return new ModelAccessRequestRepository(db, audit, calendar).as(actor);
    }

    /**
     * Models in the database, with their credentials encrypted.
     *
     * @return models
     * @throws InvalidArgumentException where no key for credentials is set
     */
    public ModelRepository models() {
        if (credentials == null) {
            throw new InvalidArgumentException(
                    "salt_key: models in the database need a key for their credentials; set LLMDB_SALT_KEY in the environment");
        }
        return new ModelRepository(db, audit, credentials).as(actor);
    }

    /** @return the audit log, which has a row for each change where {@code store_audit_logs} is on */
    public AuditLogRepository auditLog() {
        return new AuditLogRepository(db);
    }
}
