package io.llmdb.tests.identity;

import io.llmdb.audit.AuditEntry;
import io.llmdb.audit.AuditFilter;
import io.llmdb.audit.AuditLogRepository;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
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
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.ModelRepository;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import javax.sql.DataSource;

/** All repositories of people on one database, acting for one administrator. */
record People(
        Db db,
        BudgetRepository budgets,
        OrganizationRepository organizations,
        TeamRepository teams,
        UserRepository users,
        EndUserRepository endUsers,
        TeamMembershipRepository teamMembers,
        OrganizationMembershipRepository organizationMembers,
        InvitationRepository invitations,
        ModelAccessRequestRepository requests,
        TagRepository tags,
        KeyRepository keys,
        ModelRepository models,
        AuditLogRepository auditLog) {

    static final Actor ADMIN = new Actor("admin-7", "ad".repeat(32));

    static final CredentialKeys SALT = CredentialKeys.parse("the salt key of these tests");

    static People of(TestDatabase database) {
        return of(database, true);
    }

    static People of(TestDatabase database, boolean audited) {
        return of(database.dataSource(), database.schema(), audited);
    }

    static People of(DataSource dataSource, String schema, boolean audited) {
        return of(new Db(dataSource, schema), audited);
    }

    static People of(Db db, boolean audited) {
        AuditTrail audit = AuditTrail.of(audited);
        BudgetCalendar calendar = BudgetCalendar.in(ZoneOffset.UTC);
        return new People(
                db,
                new BudgetRepository(db, audit, calendar).as(ADMIN),
                new OrganizationRepository(db, audit, calendar).as(ADMIN),
                new TeamRepository(db, audit, calendar).as(ADMIN),
                new UserRepository(db, audit, calendar).as(ADMIN),
                new EndUserRepository(db, audit, calendar).as(ADMIN),
                new TeamMembershipRepository(db, audit, calendar).as(ADMIN),
                new OrganizationMembershipRepository(db, audit, calendar).as(ADMIN),
                new InvitationRepository(db, audit, calendar).as(ADMIN),
                new ModelAccessRequestRepository(db, audit, calendar).as(ADMIN),
                new TagRepository(db, audit, calendar).as(ADMIN),
                new KeyRepository(db, audit, calendar).as(ADMIN),
                new ModelRepository(db, audit, SALT).as(ADMIN),
                new AuditLogRepository(db));
    }

    /** The history of one object, newest first. */
    List<AuditEntry> history(String table, String id) {
        return auditLog.list(AuditFilter.of(table, id), PageRequest.first(100)).items();
    }

    /** Reads a list to its end in pages of this size. */
    static <X> List<X> all(int pageSize, Function<PageRequest, Page<X>> list) {
        List<X> items = new ArrayList<>();
        Page<X> page = list.apply(PageRequest.first(pageSize));
        items.addAll(page.items());
        while (page.next() != null) {
            page = list.apply(PageRequest.first(pageSize).after(page.next()));
            items.addAll(page.items());
        }
        return items;
    }

    /** A key's row, as another program writes it. */
    static void insertKey(TestDatabase database, String hash, String userId, String teamId, String organizationId) {
        database.execute("""
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, key_alias, user_id, team_id, organization_id, spend, total_spend)
                VALUES (?, ?, ?, ?, ?, 1.25, 7.5)""", hash, "alias of " + hash, userId, teamId, organizationId);
    }
}
