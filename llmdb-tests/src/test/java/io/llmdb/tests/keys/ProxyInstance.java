package io.llmdb.tests.keys;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.audit.AuditTrail;
import io.llmdb.identity.BudgetRepository;
import io.llmdb.identity.EndUserRepository;
import io.llmdb.identity.OrganizationMembershipRepository;
import io.llmdb.identity.OrganizationRepository;
import io.llmdb.identity.TagRepository;
import io.llmdb.identity.TeamMembershipRepository;
import io.llmdb.identity.TeamRepository;
import io.llmdb.identity.UserRepository;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.Authenticator;
import io.llmdb.keys.Caller;
import io.llmdb.keys.KeyRepository;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.time.Duration;
import java.time.ZoneOffset;
import javax.sql.DataSource;

/** What one instance of a proxy has for authentication: a pool, a clock, the change feed, the caches. */
final class ProxyInstance implements AutoCloseable {

    final HikariDataSource pool;
    final Db db;
    final DbClock clock;
    final ChangeFeed feed;
    final Authenticator authenticator;

    private ProxyInstance(HikariDataSource pool, String schema, AuthenticationSettings settings) {
        this.pool = pool;
        db = new Db(pool, schema);
        clock = new DbClock(db.sql());
        feed = new ChangeFeed(db, clock, ChangeFeed.DEFAULT_INTERVAL);
        authenticator = new Authenticator(db, clock, feed, settings);
        feed.start();
    }

    static ProxyInstance open(TestDatabase database, AuthenticationSettings settings) {
        return database.closeAtEnd(open(database.dataSource(), database.schema(), settings));
    }

    static ProxyInstance open(TestDatabase database) {
        return open(database, AuthenticationSettings.DEFAULT);
    }

    static ProxyInstance open(DataSource dataSource, String schema, AuthenticationSettings settings) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(dataSource);
        config.setMaximumPoolSize(5);
        config.setMinimumIdle(2);
        config.setConnectionTimeout(Duration.ofSeconds(60).toMillis());
        return new ProxyInstance(new HikariDataSource(config), schema, settings);
    }

    /** Repositories whose changes this instance hears of in the usual way. */
    Admin admin() {
        return admin(false);
    }

    Admin admin(boolean audited) {
        AuditTrail audit = AuditTrail.of(audited);
        BudgetCalendar calendar = BudgetCalendar.in(ZoneOffset.UTC);
        return new Admin(
                new KeyRepository(db, audit, calendar),
                new TeamRepository(db, audit, calendar),
                new UserRepository(db, audit, calendar),
                new OrganizationRepository(db, audit, calendar),
                new TeamMembershipRepository(db, audit, calendar),
                new OrganizationMembershipRepository(db, audit, calendar),
                new BudgetRepository(db, audit, calendar),
                new EndUserRepository(db, audit, calendar),
                new TagRepository(db, audit, calendar));
    }

    record Admin(
            KeyRepository keys,
            TeamRepository teams,
            UserRepository users,
            OrganizationRepository organizations,
            TeamMembershipRepository teamMemberships,
            OrganizationMembershipRepository organizationMemberships,
            BudgetRepository budgets,
            EndUserRepository endUsers,
            TagRepository tags) {}

    /** The name of what a call with this key ends in. */
    String outcome(String rawKey) {
        try {
            Caller caller = authenticator.authenticate(rawKey);
            return caller.key().spec().alias() == null
                    ? "ok"
                    : caller.key().spec().alias();
        } catch (RuntimeException e) {
            return e.getClass().getSimpleName();
        }
    }

    @Override
    public void close() {
        authenticator.close();
        feed.close();
        pool.close();
    }
}
