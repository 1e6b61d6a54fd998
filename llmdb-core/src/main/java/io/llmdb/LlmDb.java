package io.llmdb;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.audit.AuditTrail;
import io.llmdb.budgets.BudgetDirectory;
import io.llmdb.budgets.BudgetRules;
import io.llmdb.budgets.BudgetService;
import io.llmdb.budgets.LeasePolicy;
import io.llmdb.budgets.UnknownPrice;
import io.llmdb.common.Actor;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.SchemaException;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.keys.AuthenticationSettings;
import io.llmdb.keys.Authenticator;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.schema.SchemaReport;
import io.llmdb.settings.BudgetSettings;
import io.llmdb.settings.CacheSettings;
import io.llmdb.settings.ConnectionSettings;
import io.llmdb.settings.DatabaseUrl;
import io.llmdb.settings.DeliverySettings;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.LogSettings;
import io.llmdb.settings.Secret;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.spend.WhenFull;
import io.llmdb.windows.BudgetCalendar;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An LLM proxy's database: opens everything that this library does, on one schema of one PostgreSQL database.
 *
 * <p>Any number of instances may be open on one database, in any number of processes; they need nothing but the
 * database to agree. An instance is safe for use by several threads. Closing it books what is queued and hands back
 * what is reserved.
 */
public final class LlmDb implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LlmDb.class);

    /** What was opened, to be closed the other way round. */
    private final Deque<AutoCloseable> opened;

    private final Repositories repositories;
    private final Authenticator authenticator;
    private final BudgetService budgets;
    private final SpendRecorder spend;
    private final ChangeFeed changes;

    private LlmDb(
            Deque<AutoCloseable> opened,
            Repositories repositories,
            Authenticator authenticator,
            BudgetService budgets,
            SpendRecorder spend,
            ChangeFeed changes) {
        this.opened = opened;
        this.repositories = repositories;
        this.authenticator = authenticator;
        this.budgets = budgets;
        this.spend = spend;
        this.changes = changes;
    }

    /**
     * Opens a database with a connection pool of its own, after migrating its schema where that is needed.
     *
     * @param settings where the database is, and all else
     * @return the open database
     * @throws io.llmdb.settings.InvalidSettingsException where no database is named
     * @throws SchemaException where the schema cannot be used or migrated
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public static LlmDb open(LlmDbSettings settings) {
        return builder(settings).open();
    }

    /**
     * Opens a database through a pool that the application has already.
     *
     * @param settings all but where the database is
     * @param dataSource gives connections with auto-commit on; it stays the application's to close. Migrating needs
     *     three connections at once
     * @return the open database
     * @throws SchemaException where the schema cannot be used or migrated
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public static LlmDb open(LlmDbSettings settings, DataSource dataSource) {
        return builder(settings).dataSource(dataSource).open();
    }

    /**
     * For what {@link #open(LlmDbSettings)} does not say.
     *
     * @param settings the settings
     * @return a builder
     */
    public static Builder builder(LlmDbSettings settings) {
        return new Builder(settings);
    }

    /** @return tells who calls, by virtual key */
    public Authenticator authenticator() {
        return authenticator;
    }

    /** @return admits requests on every budget that applies */
    public BudgetService budgets() {
        return budgets;
    }

    /** @return takes finished requests that no admission settles */
    public SpendRecorder spend() {
        return spend;
    }

    /** @return what an administrator edits: organizations, teams, users, keys, budget rows and the rest */
    public Repositories admin() {
        return repositories;
    }

    /**
     * What an administrator edits, on behalf of somebody.
     *
     * @param actor who makes the changes
     * @return the repositories
     */
    public Repositories admin(Actor actor) {
        return repositories.as(actor);
    }

    /**
     * Makes several changes in one transaction: all of them or none.
     *
     * @param work makes the changes through the repositories that it is given
     * @param <T> what it returns
     * @return the work's result
     */
    public <T extends @Nullable Object> T inTransaction(Function<Repositories, T> work) {
        return repositories
                .db()
                .transaction(tx -> work.apply(repositories.on(repositories.db().joining(tx.connection()))));
    }

    /**
     * The repositories as part of a transaction that the application has open on the same database.
     *
     * @param connection the application's connection, with auto-commit off; never committed, rolled back or closed
     *     here. Where a call fails, its part is undone and the transaction stays usable
     * @return repositories whose changes come true with the application's commit
     * @throws InvalidArgumentException where auto-commit is on, so that no transaction is open
     */
    public Repositories joining(Connection connection) {
        try {
            if (connection.getAutoCommit()) {
                throw new InvalidArgumentException("connection: auto-commit is on, so there is no transaction to join");
            }
        } catch (SQLException e) {
            throw new DatabaseUnavailableException("The connection to join is broken: " + e.getMessage(), e);
        }
        return repositories.on(repositories.db().joining(connection));
    }

    /** Makes what this thread has committed known to this instance's caches now rather than within a second. */
    public void catchUp() {
        changes.catchUp();
    }

    /**
     * Books what is queued, hands back what is reserved, and ends the threads; then closes the pool, where it is our
     * own.
     */
    @Override
    public void close() {
        close(opened);
    }

    private static void close(Deque<AutoCloseable> opened) {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                LOG.warn("Closing goes on after a failure", e);
            }
        }
    }

    /** Opens a database. Not safe for use by several threads. */
    public static final class Builder {

        private final LlmDbSettings settings;
        private final List<SpendLogSink> sinks = new ArrayList<>();
        private @Nullable DataSource dataSource;
        private boolean migrate = true;

        private Builder(LlmDbSettings settings) {
            this.settings = Objects.requireNonNull(settings, "settings");
        }

        /**
         * @param value gives connections with auto-commit on; it stays the application's to close
         * @return this
         */
        public Builder dataSource(DataSource value) {
            this.dataSource = Objects.requireNonNull(value, "dataSource");
            return this;
        }

        /**
         * Adds a sink for finished requests, beside the library's own tables.
         *
         * @param sink the sink; closed with the database
         * @return this
         */
        public Builder sink(SpendLogSink sink) {
            sinks.add(Objects.requireNonNull(sink, "sink"));
            return this;
        }

        /**
         * Leaves the schema as it is; opening fails where it is not what this version of the library needs.
         *
         * @return this
         */
        public Builder withoutMigration() {
            this.migrate = false;
            return this;
        }

        /**
         * Opens the database.
         *
         * @return the open database
         * @throws SchemaException where the schema cannot be used or migrated
         * @throws DatabaseUnavailableException where the database cannot be reached
         */
        public LlmDb open() {
            Deque<AutoCloseable> opened = new ArrayDeque<>();
            try {
                return open(opened);
            } catch (RuntimeException e) {
                close(opened);
                throw e;
            }
        }

        private LlmDb open(Deque<AutoCloseable> opened) {
            ConnectionSettings connection = settings.connection();
            settings.warnings().forEach(warning -> LOG.warn("{}", warning));
            settings.effective().forEach(setting -> LOG.debug("{}", setting));
            DataSource source = dataSource;
            if (source == null) {
                HikariDataSource pool = pool(connection, settings.requireDatabaseUrl());
                opened.push(pool);
                source = pool;
            }
            prepareSchema(SchemaMigrator.of(source, connection.schema()));

            Db db = new Db(source, connection.schema());
            DbClock clock = new DbClock(db.sql());
            BudgetSettings budgetSettings = settings.budgets();
            BudgetCalendar calendar = new BudgetCalendar(budgetSettings.timeZone(), budgetSettings.resetTime());
            BookingPolicy booking = bookingPolicy(settings.logs(), budgetSettings, calendar);

            ChangeFeed feed = new ChangeFeed(db, clock, settings.caches().changePollInterval());
            Authenticator authenticator = new Authenticator(
                    db, clock, feed, authentication(settings.caches(), budgetSettings.allowRequestsOnDbUnavailable()));
            feed.start();
            opened.push(feed);

            SpendRecorder recorder = new SpendRecorder(db, clock, booking, deliveryPolicy(settings.delivery()), sinks);
            BudgetService budgets = new BudgetService(
                    db,
                    clock,
                    recorder,
                    booking,
                    new Directory(authenticator),
                    budgetRules(budgetSettings),
                    new LeasePolicy(
                            budgetSettings.leaseTime(),
                            budgetSettings.reservationTime(),
                            LeasePolicy.DEFAULT.recallWait()));
            feed.addListener(new LimitChanges(budgets));
            // What is queued is booked before its leases go back.
            opened.push(budgets);
            opened.push(recorder);

            AuditTrail audit = AuditTrail.of(settings.audit().storeAuditLogs());
            LOG.info("llmdb is open on schema \"{}\"", connection.schema());
            return new LlmDb(
                    opened,
                    new Repositories(db, audit, calendar, Actor.SYSTEM),
                    authenticator,
                    budgets,
                    recorder,
                    feed);
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

        private static HikariDataSource pool(ConnectionSettings connection, DatabaseUrl url) {
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
            Duration patience = connection.statementTimeout();
            if (patience != null) {
                properties.setProperty("socketTimeout", Long.toString(Math.max(1, patience.toSeconds())));
            }
            properties.putAll(url.properties());
            config.setDataSourceProperties(properties);
            config.setMaximumPoolSize(connection.poolLimit());
            config.setMinimumIdle(Math.min(2, connection.poolLimit()));
            config.setConnectionTimeout(connection.connectionTimeout().toMillis());
            config.setInitializationFailTimeout(-1);
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

        private static DeliveryPolicy deliveryPolicy(DeliverySettings delivery) {
            DeliveryPolicy defaults = DeliveryPolicy.synchronous();
            return new DeliveryPolicy(
                    DeliveryMode.valueOf(delivery.mode().name()),
                    delivery.journalDirectory(),
                    delivery.maxQueuedRows(),
                    delivery.maxQueuedBytes(),
                    WhenFull.valueOf(delivery.fullQueuePolicy().name()),
                    delivery.fullQueueBlockTime(),
                    delivery.maxBatchRows(),
                    defaults.retryPause(),
                    defaults.closeTimeout());
        }

        private static BudgetRules budgetRules(BudgetSettings budgets) {
            return new BudgetRules(
                    budgets.maxBudget(),
                    budgets.budgetDuration(),
                    budgets.endUserBudgetId(),
                    budgets.countUserBudgetOnTeamKeys(),
                    UnknownPrice.valueOf(budgets.unknownPricePolicy().name()),
                    budgets.unknownPrice(),
                    budgets.allowRequestsOnDbUnavailable());
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
    }

    private record Directory(Authenticator authenticator) implements BudgetDirectory {

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
            for (ChangeFeed.Change change : changes) {
                switch (change.kind()) {
                    // A budget row may be linked by anything.
                    case "budget" -> budgets.recheck(counter -> true);
                    case "model", "state" -> {}
                    default ->
                        budgets.recheck(counter ->
                                counter.id().equals(change.objectId()) || isParent(counter, change.objectId()));
                }
            }
        }

        @Override
        public void everythingChanged() {
            budgets.recheck(counter -> true);
        }

        private static boolean isParent(CounterId counter, String id) {
            return counter.parentId().equals(id);
        }
    }
}
