package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Db;
import io.llmdb.schema.jooq.tables.records.OrganizationMembershipRow;
import io.llmdb.schema.jooq.tables.records.OrganizationRow;
import io.llmdb.schema.jooq.tables.records.TeamMembershipRow;
import io.llmdb.schema.jooq.tables.records.TeamRow;
import io.llmdb.schema.jooq.tables.records.UserRow;
import io.llmdb.windows.BudgetCalendar;
import java.util.Objects;
import org.jooq.Table;
import org.jooq.UpdatableRecord;

/** What every repository here works with. */
record Context(Db db, AuditTrail audit, Actor actor, CounterWindows windows) {

    static Context of(Db db, AuditTrail audit, BudgetCalendar calendar) {
        return new Context(db, audit, Actor.SYSTEM, new CounterWindows(calendar));
    }

    Context as(Actor other) {
        return new Context(db, audit, Objects.requireNonNull(other, "actor"), windows);
    }

    <R extends UpdatableRecord<R>> Store<R> store(Table<R> table, String noun) {
        return new Store<>(db, audit, actor, table, noun);
    }

    Store<UserRow> users() {
        return store(USER, "user");
    }

    Store<TeamRow> teams() {
        return store(TEAM, "team");
    }

    Store<TeamMembershipRow> teamMemberships() {
        return store(TEAM_MEMBERSHIP, "team membership");
    }

    Store<OrganizationRow> organizations() {
        return store(ORGANIZATION, "organization");
    }

    Store<OrganizationMembershipRow> organizationMemberships() {
        return store(ORGANIZATION_MEMBERSHIP, "organization membership");
    }

    BudgetLinks budgetLinks() {
        return new BudgetLinks(store(BUDGET, "budget"), windows);
    }

    KeyArchive keys() {
        return new KeyArchive(audit);
    }
}
