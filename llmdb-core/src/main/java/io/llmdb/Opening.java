package io.llmdb;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.audit.AuditTrail;
import io.llmdb.budgets.BudgetDirectory;
import io.llmdb.budgets.BudgetRules;
import io.llmdb.budgets.BudgetService;
import io.llmdb.budgets.LeasePolicy;
import io.llmdb.common.Actor;
import io.llmdb.error.SchemaException;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.internal.Job;
import io.llmdb.internal.JobRunner;
import io.llmdb.internal.MoveWatch;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.Authenticator;
import io.llmdb.limits.LimitDirectory;
import io.llmdb.limits.LimitPolicy;
import io.llmdb.limits.LimitService;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.ModelAccess;
import io.llmdb.models.ModelCatalog;
import io.llmdb.models.ModelNames;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.schema.SchemaReport;
import io.llmdb.settings.BudgetSettings;
import io.llmdb.settings.CacheSettings;
import io.llmdb.settings.ConnectionSettings;
import io.llmdb.settings.DatabaseUrl;
import io.llmdb.settings.DeliverySettings;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.LogSettings;
import io.llmdb.settings.ModelSettings;
import io.llmdb.settings.Secret;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.windows.BudgetCalendar;
import java.time.Duration;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts the parts together, in the order in which they need each other. */
final class Opening {

    /** Who migrates holds a lock on one, runs the steps on another and looks at the schema through a third. */
    private static final int PREPARING_CONNECTIONS = 3;

    private static final Duration LONGEST_MIGRATION = Duration.ofHours(6);

    private static final int MOST_IDLE = 2;

    private static final Logger LOG = LoggerFactory.getLogger(LlmDb.class);

    private final LlmDbSettings settings;
    private final @Nullable DataSource dataSource;
    private final boolean migrate;
    private final boolean backgroundWork;
    private final List<SpendLogSink> sinks;
    private final ModelNames modelNames;
    private final @Nullable KeyRotationJob keyRotation;
    private final Deque<AutoCloseable> opened;

    /**
     * @param dataSource the application's pool, or null to make one
     * @param backgroundWork whether to do what one instance does for all
     * @param opened takes whatever has to be closed, the last first
     */
    Opening(
            LlmDbSettings settings,
            @Nullable DataSource dataSource,
            boolean migrate,
            boolean backgroundWork,
            List<SpendLogSink> sinks,
            ModelNames modelNames,
            @Nullable KeyRotationJob keyRotation,
            Deque<AutoCloseable> opened) {
        this.settings = settings;
        this.dataSource = dataSource;
        this.migrate = migrate;
        this.backgroundWork = backgroundWork;
        this.sinks = List.copyOf(sinks);
        this.modelNames = modelNames;
        this.keyRotation = keyRotation;
        this.opened = opened;
    }

    LlmDb open() {
        ConnectionSettings connection = settings.connection();
        settings.warnings().forEach(warning -> LOG.warn("{}", warning));
        settings.effective().forEach(setting -> LOG.debug("{}", setting));
        DataSource source = dataSource;
        if (source == null) {
            // A migration of a large log may take longer than anything on a request's way.
            try (HikariDataSource patient = pool(connection, PREPARING_CONNECTIONS, 0, LONGEST_MIGRATION)) {
                prepareSchema(SchemaMigrator.of(patient, connection.schema()));
            }
            HikariDataSource pool = pool(
                    connection,
                    connection.poolLimit(),
                    Math.min(MOST_IDLE, connection.poolLimit()),
                    connection.statementTimeout());
            opened.push(pool);
            source = pool;
        } else {
            prepareSchema(SchemaMigrator.of(source, connection.schema()));
        }

        Db db = new Db(source, connection.schema());
        DbClock clock = new DbClock(db.sql());
        BudgetSettings budgetSettings = settings.budgets();
        BudgetCalendar calendar = new BudgetCalendar(budgetSettings.timeZone(), budgetSettings.resetTime());
        BookingPolicy booking = bookingPolicy(settings.logs(), budgetSettings, calendar);

        AuditTrail audit = AuditTrail.of(settings.audit().storeAuditLogs());
        CredentialKeys credentials = credentialKeys(settings.models());
        Repositories repositories = new Repositories(db, audit, calendar, Actor.SYSTEM, credentials);

        ChangeFeed feed = new ChangeFeed(db, clock, settings.caches().changePollInterval());
        Authenticator authenticator = new Authenticator(
                db, clock, feed, authentication(settings.caches(), budgetSettings.allowRequestsOnDbUnavailable()));
        MoveWatch home = new MoveWatch(db);
        feed.addListener(home);
        authenticator.guardedBy(home::requireNotMoved);
        feed.start();
        opened.push(feed);
        ModelCatalog catalog = null;
        if (settings.models().storeModelInDb()) {
            catalog = new ModelCatalog(repositories.models(), feed);
            opened.push(catalog);
        }

        SpendRecorder recorder =
                new SpendRecorder(db, clock, booking, deliveryPolicy(settings.delivery()), sinks, backgroundWork);
        Directory directory = new Directory(authenticator);
        LimitService limits = new LimitService(db, clock, directory, limitPolicy(budgetSettings));
        opened.push(limits);
        BudgetService budgets = new BudgetService(
                db,
                clock,
                recorder,
                booking,
                directory,
                budgetRules(budgetSettings),
                new LeasePolicy(budgetSettings.leaseTime(), budgetSettings.reservationTime()),
                limits);
        budgets.guardedBy(home::requireHome);
        feed.addListener(new LimitChanges(budgets));
        // What is queued is booked before its leases go back.
        opened.push(budgets);
        opened.push(recorder);

        JobRunner jobs = new JobRunner(db, JobRunner.DEFAULT_POLL, JobRunner.DEFAULT_CLAIM);
        opened.push(jobs);
        Maintenance maintenance = new Maintenance(db, jobs, retentionPolicy(settings.logs()));
        if (keyRotation != null) {
            jobs.add(keyRotation.on(repositories.keys()));
        }
        jobs.add(new Job(
                "budget windows",
                budgetSettings.reschedulerMinTime(),
                budgetSettings.reschedulerMaxTime(),
                run -> budgets.tidyWindows(run::mayGoOn)));
        if (backgroundWork) {
            jobs.start();
        } else {
            jobs.startOnRequestOnly();
        }

        LOG.info("llmdb is open on schema \"{}\"", connection.schema());
        return new LlmDb(
                opened,
                repositories,
                authenticator,
                budgets,
                limits,
                recorder,
                feed,
                maintenance,
                new ModelAccess(catalog == null ? modelNames : catalog),
                catalog);
    }

    private static @Nullable CredentialKeys credentialKeys(ModelSettings models) {
        Secret key = models.saltKey();
        if (key == null) {
            return null;
        }
        CredentialKeys keys = CredentialKeys.parse(key.value());
        Secret earlier = models.earlierSaltKey();
        return earlier == null ? keys : keys.andEarlier(CredentialKeys.parse(earlier.value()));
    }

    private void prepareSchema(SchemaMigrator migrator) {
        if (migrate) {
            migrator.migrate();
            return;
        }
        SchemaReport report = migrator.inspect();
        if (!report.isCurrent()) {
            throw new SchemaException("Schema \"" + report.schema() + "\" is not what this version of llmdb needs: "
                    + (report.problems().isEmpty()
                            ? "migrations " + report.pending() + " are pending; migrate it first"
                            : String.join("; ", report.problems())));
        }
    }

    private HikariDataSource pool(ConnectionSettings connection, int limit, int idle, @Nullable Duration patience) {
        DatabaseUrl url = settings.requireDatabaseUrl();
        HikariConfig config = new HikariConfig();
        config.setPoolName("llmdb");
        config.setJdbcUrl(url.jdbcUrl());
        if (url.user() != null) {
            config.setUsername(url.user());
        }
        Secret password = url.password();
        if (password != null) {
            config.setPassword(password.value());
        }
        Properties properties = new Properties();
        properties.setProperty("ApplicationName", "llmdb");
        // A server's detail may quote a whole row, and prepared statements are state of a session, which a pooler
        // in transaction mode
        // does not keep.
        properties.setProperty("logServerErrorDetail", "false");
        properties.setProperty("prepareThreshold", "0");
        properties.setProperty("tcpKeepAlive", "true");
        if (patience != null) {
            properties.setProperty("socketTimeout", Long.toString(patience.toSeconds()));
        }
        properties.putAll(url.properties());
        config.setDataSourceProperties(properties);
        config.setMaximumPoolSize(limit);
        config.setMinimumIdle(idle);
        config.setConnectionTimeout(connection.connectionTimeout().toMillis());
        config.setInitializationFailTimeout(-1);
        // The pool asks its first connection for the default, and where that one breaks meanwhile it never asks again
        // and gives no connection any more.
        config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        return new HikariDataSource(config);
    }

    private static BookingPolicy bookingPolicy(LogSettings logs, BudgetSettings budgets, BudgetCalendar calendar) {
        return new BookingPolicy(
                !logs.disableSpendLogs(),
                !logs.disableErrorLogs(),
                !logs.disableSpendUpdates(),
                logs.storePrompts(),
                calendar,
                budgets.rollover(),
                budgets.endUserBudgetId(),
                budgets.budgetDuration(),
                budgets.maxBudget());
    }

    private static RetentionPolicy retentionPolicy(LogSettings logs) {
        return new RetentionPolicy(
                logs.retentionPeriod(),
                logs.promptsRetentionPeriod(),
                logs.errorLogsRetentionPeriod(),
                logs.auditLogsRetentionPeriod(),
                logs.receiptsRetentionPeriod(),
                logs.retentionInterval());
    }

    private static DeliveryPolicy deliveryPolicy(DeliverySettings delivery) {
        DeliveryPolicy defaults = DeliveryPolicy.booked();
        return new DeliveryPolicy(
                delivery.mode(),
                delivery.journalDirectory(),
                delivery.maxJournalBytes(),
                delivery.maxQueuedRows(),
                delivery.maxQueuedBytes(),
                delivery.fullQueuePolicy(),
                delivery.fullQueueBlockTime(),
                delivery.longestWait(),
                delivery.maxBatchRows(),
                defaults.retryPause(),
                defaults.closeTimeout());
    }

    private static BudgetRules budgetRules(BudgetSettings budgets) {
        return new BudgetRules(
                budgets.maxBudget(),
                budgets.softBudget(),
                budgets.budgetDuration(),
                budgets.endUserBudgetId(),
                budgets.countUserBudgetOnTeamKeys(),
                budgets.unknownPricePolicy(),
                budgets.unknownPrice(),
                budgets.allowRequestsOnDbUnavailable());
    }

    private static LimitPolicy limitPolicy(BudgetSettings budgets) {
        return new LimitPolicy(
                budgets.leaseTime(),
                LimitPolicy.DEFAULT.recallWait(),
                LimitPolicy.DEFAULT.answerWithin(),
                budgets.endUserBudgetId());
    }

    private static AuthenticationSettings authentication(CacheSettings caches, boolean allowWhenUnavailable) {
        AuthenticationSettings defaults = AuthenticationSettings.DEFAULT;
        return new AuthenticationSettings(
                caches.callerSize(),
                caches.callerAge(),
                caches.unknownKeySize(),
                caches.unknownKeyAge(),
                defaults.unknownLookupsPerSecond(),
                defaults.maxStaleness(),
                defaults.lookupTimeout(),
                allowWhenUnavailable);
    }

    private record Directory(Authenticator authenticator) implements BudgetDirectory, LimitDirectory {

        @Override
        public @Nullable EndUser endUser(String id) {
            return authenticator.endUser(id).orElse(null);
        }

        @Override
        public @Nullable Tag tag(String name) {
            return authenticator.tag(name).orElse(null);
        }

        @Override
        public @Nullable Budget budget(String id) {
            return authenticator.budget(id).orElse(null);
        }
    }

    /** A limit that was edited holds at the next admission: slices of it are compared with the database first. */
    private record LimitChanges(BudgetService budgets) implements ChangeFeed.Listener {

        @Override
        public void changed(List<ChangeFeed.Change> changes) {
            Set<String> ids = new HashSet<>();
            for (ChangeFeed.Change change : changes) {
                switch (change.kind()) {
                    case "budget" -> {
                        // A budget row may be linked by anything.
                        everythingChanged();
                        return;
                    }
                    case "model", "state" -> {}
                    default -> ids.add(change.objectId());
                }
            }
            if (!ids.isEmpty()) {
                budgets.recheck(counter -> ids.contains(counter.id()) || ids.contains(counter.parentId()));
            }
        }

        @Override
        public void everythingChanged() {
            budgets.recheck(counter -> true);
        }
    }
}
