package io.llmdb.testkit;

import io.llmdb.LlmDb;
import io.llmdb.schema.SchemaMigrator;
import io.llmdb.settings.LlmDbSettings;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Gives each test a migrated database of its own, by parameter.
 *
 * <pre>{@code
 * class MyProxyTest {
 *     @RegisterExtension
 *     static final LlmDbExtension LLMDB = LlmDbExtension.create();
 *
 *     @Test
 *     void keepsSpend(TestDatabase database) { ... }
 * }
 * }</pre>
 *
 * <p>Methods may ask for a {@link TestDatabase}, a {@link DataSource}, a {@link DatabaseClock}, a
 * {@link PostgresServer}, a {@link TcpProxy} in front of the database, an {@link LlmDb} that is open on it, or the
 * {@link RecordingSink} that gets what this {@code LlmDb} has booked. After the test all of that is closed, the server
 * is started again where the test left it stopped or paused, and the test fails where connections of its database stay
 * open. Immutable; tests may run in parallel.
 */
public final class LlmDbExtension implements ParameterResolver, AfterEachCallback, AfterAllCallback {

    private static final Namespace NAMESPACE = Namespace.create(LlmDbExtension.class);

    /** A server process ends a moment after its client has gone, a long one where the machine is busy. */
    private static final Duration LEAK_DEADLINE = Duration.ofSeconds(15);

    private final @Nullable Settings settings;

    /** For JUnit, which makes one where {@link LlmDbTest} asks for it. */
    LlmDbExtension() {
        this.settings = null;
    }

    private LlmDbExtension(Settings settings) {
        this.settings = settings;
    }

    /**
     * A database for each test method, with the schema {@value SchemaMigrator#DEFAULT_SCHEMA}.
     *
     * @return the extension, for a static field with {@code @RegisterExtension}
     */
    public static LlmDbExtension create() {
        return new LlmDbExtension(Settings.DEFAULT);
    }

    /**
     * Chooses the schema's name.
     *
     * @param name the name
     * @return an extension with it
     */
    public LlmDbExtension withSchema(String name) {
        return with(draft -> draft.schema = name);
    }

    /**
     * Changes the settings with which the {@link LlmDb} of a test is opened.
     *
     * @param change sets what is to be set; where the database is, is set already
     * @return an extension that does
     */
    public LlmDbExtension withSettings(Consumer<LlmDbSettings.Builder> change) {
        return with(draft -> draft.change = draft.change.andThen(change));
    }

    /**
     * Opens the {@link LlmDb} of a test through its {@link TcpProxy}.
     *
     * @return an extension that does
     */
    public LlmDbExtension throughProxy() {
        return with(draft -> draft.throughProxy = true);
    }

    /**
     * Gives all methods of a class one database instead of one each.
     *
     * @return an extension that does
     */
    public LlmDbExtension sharedByClass() {
        return with(draft -> draft.sharedByClass = true);
    }

    /**
     * Leaves the databases empty, for tests of the migration.
     *
     * @return an extension that does
     */
    public LlmDbExtension withoutMigration() {
        return with(draft -> draft.migrated = false);
    }

    /**
     * Lets tests pass whose connections stay open.
     *
     * @return an extension that does
     */
    public LlmDbExtension withoutLeakCheck() {
        return with(draft -> draft.leakCheck = false);
    }

    private LlmDbExtension with(Consumer<Draft> change) {
        Draft draft = new Draft(settings == null ? Settings.DEFAULT : settings);
        change.accept(draft);
        return new LlmDbExtension(draft.settings());
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == TestDatabase.class
                || type == DataSource.class
                || type == DatabaseClock.class
                || type == TcpProxy.class
                || type == LlmDb.class
                || type == RecordingSink.class
                || type == PostgresServer.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        if (type == PostgresServer.class) {
            return PostgresServer.shared();
        }
        Fixture fixture = fixture(context);
        if (type == DataSource.class) {
            return fixture.database.dataSource();
        } else if (type == DatabaseClock.class) {
            return fixture.database.clock();
        } else if (type == TcpProxy.class) {
            return fixture.proxy();
        } else if (type == LlmDb.class) {
            return fixture.llmDb();
        } else if (type == RecordingSink.class) {
            return fixture.sink;
        }
        return fixture.database;
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        end(context);
    }

    @Override
    public void afterAll(ExtensionContext context) throws Exception {
        end(context);
    }

    private void end(ExtensionContext context) throws Exception {
        PostgresServer.ensureSharedRuns();
        Fixture fixture = context.getStore(NAMESPACE).remove(context.getUniqueId(), Fixture.class);
        if (fixture != null) {
            fixture.end(settings(context).leakCheck);
        }
    }

    private Fixture fixture(ExtensionContext context) {
        Settings wanted = settings(context);
        ExtensionContext owner = context;
        if (wanted.sharedByClass) {
            while (owner.getParent().isPresent()
                    && owner.getParent().get().getTestClass().isPresent()) {
                owner = owner.getParent().get();
            }
        } else if (context.getTestMethod().isEmpty()) {
            throw new ParameterResolutionException(
                    "A database for each test method cannot be given to a constructor or to @BeforeAll: use sharedByClass");
        }
        return owner.getStore(NAMESPACE)
                .computeIfAbsent(
                        owner.getUniqueId(),
                        key -> new Fixture(
                                wanted,
                                wanted.migrated
                                        ? PostgresServer.shared().newDatabase(wanted.schema)
                                        : PostgresServer.shared().newEmptyDatabase(wanted.schema)),
                        Fixture.class);
    }

    private Settings settings(ExtensionContext context) {
        if (settings != null) {
            return settings;
        }
        return context.getTestClass()
                .flatMap(type ->
                        AnnotationSupport.findAnnotation(type, LlmDbTest.class, context.getEnclosingTestClasses()))
                .map(chosen -> new Settings(
                        chosen.schema(),
                        chosen.sharedByClass(),
                        chosen.migrated(),
                        true,
                        chosen.throughProxy(),
                        none -> {}))
                .orElse(Settings.DEFAULT);
    }

    private record Settings(
            String schema,
            boolean sharedByClass,
            boolean migrated,
            boolean leakCheck,
            boolean throughProxy,
            Consumer<LlmDbSettings.Builder> change) {

        static final Settings DEFAULT =
                new Settings(SchemaMigrator.DEFAULT_SCHEMA, false, true, true, false, none -> {});
    }

    /** The settings by name, so that no method has to say all of them. */
    private static final class Draft {

        private String schema;
        private boolean sharedByClass;
        private boolean migrated;
        private boolean leakCheck;
        private boolean throughProxy;
        private Consumer<LlmDbSettings.Builder> change;

        Draft(Settings from) {
            this.schema = from.schema;
            this.sharedByClass = from.sharedByClass;
            this.migrated = from.migrated;
            this.leakCheck = from.leakCheck;
            this.throughProxy = from.throughProxy;
            this.change = from.change;
        }

        Settings settings() {
            return new Settings(schema, sharedByClass, migrated, leakCheck, throughProxy, change);
        }
    }

    /** What one test, or one class of tests, has. */
    private static final class Fixture {

        private final Settings settings;
        private final TestDatabase database;
        private final RecordingSink sink = RecordingSink.afterCommit();
        private @Nullable TcpProxy proxy;
        private @Nullable LlmDb llmDb;

        Fixture(Settings settings, TestDatabase database) {
            this.settings = settings;
            this.database = database;
        }

        synchronized LlmDb llmDb() {
            LlmDb open = llmDb;
            if (open == null) {
                LlmDbSettings.Builder builder =
                        database.settings(settings.throughProxy ? proxy().databaseUrl() : database.databaseUrl());
                settings.change.accept(builder);
                open = database.closeAtEnd(
                        LlmDb.builder(builder.build()).sink(sink).open());
                llmDb = open;
            }
            return open;
        }

        synchronized TcpProxy proxy() {
            TcpProxy made = proxy;
            if (made == null) {
                made = database.closeAtEnd(TcpProxy.to(database));
                proxy = made;
            }
            return made;
        }

        void end(boolean leakCheck) throws Exception {
            try {
                heal();
                database.closeResources();
                if (leakCheck) {
                    requireNoConnection();
                }
            } finally {
                database.close();
            }
        }

        /** So that what is closed now can say goodbye. */
        private synchronized void heal() {
            if (proxy != null) {
                proxy.heal();
            }
        }

        private void requireNoConnection() {
            long start = System.nanoTime();
            List<DatabaseSession> open = left();
            while (!open.isEmpty()) {
                if (System.nanoTime() - start > LEAK_DEADLINE.toNanos()) {
                    throw new AssertionError("The test left " + open.size() + " connection(s) of its database open: "
                            + open + "; close what it opened");
                }
                Await.pause(Duration.ofMillis(2));
                open = left();
            }
        }

        /** A pooler keeps its own connections, idle, for whoever comes next; its clients' are not told apart there. */
        private List<DatabaseSession> left() {
            List<DatabaseSession> open = database.connections();
            return database.server().pooler() == null
                    ? open
                    : open.stream()
                            .filter(session -> !session.state().equals("idle"))
                            .toList();
        }
    }
}
