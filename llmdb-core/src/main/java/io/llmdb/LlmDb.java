package io.llmdb;

import io.llmdb.budgets.BudgetService;
import io.llmdb.common.Actor;
import io.llmdb.common.Meter;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.SchemaException;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.keys.Authenticator;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.limits.LimitService;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.models.ModelAccess;
import io.llmdb.models.ModelCatalog;
import io.llmdb.models.ModelNames;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.usage.ErrorLog;
import io.llmdb.usage.Reports;
import io.llmdb.usage.RequestLog;
import io.llmdb.usage.Usage;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
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
    private final LimitService limits;
    private final SpendRecorder spend;
    private final ChangeFeed changes;
    private final Usage usage;
    private final Reports reports;
    private final RequestLog requestLog;
    private final ErrorLog errorLog;
    private final Maintenance maintenance;
    private final ModelAccess modelAccess;
    private final @Nullable ModelCatalog modelCatalog;
    private volatile @Nullable LlmDb heir;

    LlmDb(
            Deque<AutoCloseable> opened,
            Repositories repositories,
            Authenticator authenticator,
            BudgetService budgets,
            LimitService limits,
            SpendRecorder spend,
            ChangeFeed changes,
            Maintenance maintenance,
            ModelAccess modelAccess,
            @Nullable ModelCatalog modelCatalog) {
        this.opened = opened;
        this.repositories = repositories;
        this.authenticator = authenticator;
        this.budgets = budgets;
        this.limits = limits;
        this.spend = spend;
        this.changes = changes;
        this.usage = new Usage(repositories.db(), repositories.audit());
        this.reports = new Reports(repositories.db());
        this.requestLog = new RequestLog(repositories.db());
        this.errorLog = new ErrorLog(repositories.db());
        this.maintenance = maintenance;
        this.modelAccess = modelAccess;
        this.modelCatalog = modelCatalog;
    }

    /**
     * Opens a database with a connection pool of its own, after migrating its schema where that is needed.
     *
     * @param settings where the database is, and all else
     * @return the open database
     * @throws io.llmdb.settings.InvalidSettingsException where no database is named
     * @throws SchemaException where the schema cannot be used or migrated
     * @throws DatabaseUnavailableException where the database cannot be reached
     * @throws io.llmdb.spend.JournalException where the settings ask for a journal and its directory cannot be used
     * @throws io.llmdb.models.WrongCredentialsKeyException where {@code store_model_in_db} is on and a stored
     *     credential cannot be decrypted
     * @throws InvalidArgumentException where the salt key is a keyset that cannot be read
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
     * @throws io.llmdb.spend.JournalException where the settings ask for a journal and its directory cannot be used
     * @throws io.llmdb.models.WrongCredentialsKeyException where {@code store_model_in_db} is on and a stored
     *     credential cannot be decrypted
     * @throws InvalidArgumentException where the salt key is a keyset that cannot be read
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

    /**
     * Tells who calls: from the cache, or in one round trip, seldom two.
     *
     * @param rawKey what the caller sent, {@code sk-...}
     * @return the caller with everything that later steps need
     * @throws io.llmdb.keys.UnknownKeyException where there is no such key
     * @throws io.llmdb.keys.KeyExpiredException where it has expired
     * @throws io.llmdb.keys.KeyBlockedException where it is blocked
     * @throws io.llmdb.keys.TeamBlockedException where its team is blocked
     * @throws io.llmdb.keys.TeamMissingException where its team does not exist
     * @throws DatabaseUnavailableException where the database has to be asked and cannot be reached
     * @throws io.llmdb.error.CallInterruptedException where the thread is interrupted while it waits
     * @throws io.llmdb.error.DatabaseMovedException where the database has moved to another server
     */
    public Caller authenticate(String rawKey) {
        return authenticator.authenticate(rawKey);
    }

    /** @return admits requests on every budget and every limit that applies */
    public BudgetService budgets() {
        return budgets;
    }

    /** @return tells how limits stand on requests and tokens per minute and on parallel requests */
    public LimitService limits() {
        return limits;
    }

    /** @return takes finished requests that no admission settles */
    public SpendRecorder spend() {
        return spend;
    }

    /** @return tells which models a caller may call */
    public ModelAccess modelAccess() {
        return modelAccess;
    }

    /**
     * The models in the database, decrypted and kept up to date.
     *
     * @return the models; empty where {@code store_model_in_db} is off
     */
    public Optional<ModelCatalog> modelCatalog() {
        return Optional.ofNullable(modelCatalog);
    }

    /** @return the proof that the books agree */
    public Usage usage() {
        return usage;
    }

    /** @return what was spent and used, by day and by whatever it is to be told apart */
    public Reports reports() {
        return reports;
    }

    /** @return the spend log, page by page */
    public RequestLog requestLog() {
        return requestLog;
    }

    /** @return the error log, page by page */
    public ErrorLog errorLog() {
        return errorLog;
    }

    /** @return the work that keeps the logs in shape: partitions, retention, and the state of all jobs */
    public Maintenance maintenance() {
        return maintenance;
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
     * Makes several changes in one transaction: all of them or none. Where PostgreSQL gives the transaction up because
     * of a deadlock or a serialization failure, the work is run again in a new one, so it must have no effect outside
     * of the database.
     *
     * @param work makes the changes through the repositories that it is given; may be called more than once
     * @param <T> what it returns
     * @return the work's result
     * @throws DatabaseUnavailableException where the database cannot be reached
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

    /**
     * What can be measured of this instance. {@link LlmDbMetrics} hands all of it to Micrometer.
     *
     * @return the meters of all parts; they stay the same while this is open
     */
    public List<Meter> meters() {
        List<Meter> all = new ArrayList<>(spend.meters());
        all.addAll(authenticator.meters());
        all.add(Meter.gauge(
                "llmdb.budgets.admissions.open",
                "calls",
                "calls that hold something of a budget or a limit",
                budgets::openAdmissions));
        return List.copyOf(all);
    }

    /**
     * Brings a LiteLLM database in.
     *
     * @param source the LiteLLM database; only read from. It stays the application's to close
     * @return an import to set up and run
     */
    public LiteLlmImport importFromLiteLlm(DataSource source) {
        return repositories.importFromLiteLlm(source);
    }

    /** Makes what this thread has committed known to this instance's caches now rather than within a second. */
    public void catchUp() {
        changes.catchUp();
    }

    /**
     * Hands what is not booked yet over to another database, because this one has moved there: what is queued, and
     * whatever is recorded or settled here from now on. Each event is booked once, also one whose booking here was not
     * known to have succeeded. Requests that were admitted here settle as usual; close this database when they are
     * over, which frees there what they have reserved. Has no effect on what is booked here where the database has not
     * moved.
     *
     * @param other the database that this one has moved to, open; to be closed after this one
     * @throws InvalidArgumentException where it is this one
     */
    public void handOver(LlmDb other) {
        if (other == this) {
            throw new InvalidArgumentException("other: a database cannot be handed over to itself");
        }
        heir = other;
        spend.handOver(other.spend);
    }

    /**
     * Books what is queued, hands back what is reserved, and ends the threads; then closes the pool, where it is our
     * own.
     */
    @Override
    public void close() {
        close(opened);
        LlmDb next = heir;
        if (next != null) {
            heir = null;
            try {
                next.budgets.releaseHolder(budgets.holder());
            } catch (RuntimeException e) {
                LOG.warn("What this instance had reserved lapses on the new side by itself: {}", e.getMessage());
            }
        }
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
        private ModelNames modelNames = ModelNames.NONE;
        private boolean migrate = true;
        private boolean backgroundWork = true;
        private @Nullable KeyRotationJob keyRotation;

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
         * Says what the proxy's own configuration knows of models, for {@link LlmDb#modelAccess()}. Where models come
         * from the database, that counts instead.
         *
         * @param value what is known of models by name
         * @return this
         */
        public Builder modelNames(ModelNames value) {
            this.modelNames = Objects.requireNonNull(value, "modelNames");
            return this;
        }

        /**
         * Rotates the keys whose {@code key_rotation_at} has come, within a minute; of several instances one does so.
         * Without this call nobody rotates them. Under {@link #withoutBackgroundWork} this instance does not.
         *
         * @param grace how long the old keys, too, still work
         * @param receiver gets each new key before it is valid, in a thread of the library, and must have stored or
         *     sent it when it returns; where it throws, that key stays as it is and is tried again
         * @return this
         */
        public Builder rotateKeys(Duration grace, Consumer<IssuedKey> receiver) {
            this.keyRotation = new KeyRotationJob(grace, receiver);
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
         * Does nothing by itself that one instance does for all: no job is run, and nothing is taken over from the
         * inbox. So budget windows are tidied, partitions made ahead, old rows dropped, reports summed up, days
         * indexed, keys rotated and left events booked by other instances, or by none. For tools beside the proxies,
         * whose settings and sinks may be others.
         *
         * <p>All else is as ever. What is recorded here is booked here, a journal that the settings name is taken up, a
         * window that a booking or an admission finds to be over is moved on, and what is asked for by
         * {@link LlmDb#maintenance()} is done.
         *
         * @return this
         */
        public Builder withoutBackgroundWork() {
            this.backgroundWork = false;
            return this;
        }

        /**
         * Opens the database.
         *
         * @return the open database
         * @throws io.llmdb.settings.InvalidSettingsException where neither the settings nor a data source say which
         *     database
         * @throws SchemaException where the schema cannot be used or migrated
         * @throws DatabaseUnavailableException where the database cannot be reached
         * @throws io.llmdb.spend.JournalException where the settings ask for a journal and its directory cannot be used
         * @throws io.llmdb.models.WrongCredentialsKeyException where {@code store_model_in_db} is on and a stored
         *     credential cannot be decrypted
         * @throws InvalidArgumentException where the salt key is a keyset that cannot be read
         */
        public LlmDb open() {
            Deque<AutoCloseable> opened = new ArrayDeque<>();
            try {
                return new Opening(
                                settings, dataSource, migrate, backgroundWork, sinks, modelNames, keyRotation, opened)
                        .open();
            } catch (RuntimeException e) {
                close(opened);
                throw e;
            }
        }
    }
}
