package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedWithFailure;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.message;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.LlmDbExtension;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

class LlmDbExtensionTest {

    @Test
    void aTestThatLeavesConnectionsOpenFails() throws SQLException {
        Events tests = run(Leaking.class);
        Leaking.leaked.close();
        tests.assertThatEvents()
                .haveExactly(
                        1,
                        event(finishedWithFailure(message(
                                text -> text.contains("left 1 connection(s)") && text.contains("application=test")))));
    }

    @Test
    void itPassesWhereThatIsAllowed() throws SQLException {
        run(LeakingByChoice.class)
                .assertStatistics(results -> results.succeeded(1).failed(0));
        LeakingByChoice.leaked.close();
    }

    @Test
    void eachMethodHasItsOwnDatabaseOrOneForAll() {
        run(Single.class).assertStatistics(results -> results.succeeded(2));
        assertThat(Single.names).doesNotHaveDuplicates();
        run(Shared.class).assertStatistics(results -> results.succeeded(2));
        assertThat(Shared.names.subList(0, 4)).containsOnly(Shared.names.get(0));
    }

    @Test
    void aDatabasePerMethodCannotGoToAConstructor() {
        Events tests = run(Constructed.class);
        tests.assertThatEvents()
                .haveExactly(1, event(finishedWithFailure(message(text -> text.contains("use sharedByClass")))));
    }

    @Test
    void aServerThatATestLeftStoppedOrPausedRunsForTheNext() {
        if (PostgresServer.shared().isControllable()) {
            run(Stopping.class).assertStatistics(results -> results.succeeded(3));
        }
    }

    @Test
    void settingsReachTheLibrary() {
        run(Configured.class).assertStatistics(results -> results.succeeded(2));
    }

    private static Events run(Class<?> type) {
        Events tests = EngineTestKit.engine("junit-jupiter")
                .configurationParameter("junit.jupiter.conditions.deactivate", "org.junit.*DisabledCondition")
                .selectors(selectClass(type))
                .execute()
                .testEvents();
        assertThat(tests.started().count()).isPositive();
        return tests;
    }

    @Disabled("run by the tests above")
    static class Leaking {
        static Connection leaked;

        @RegisterExtension
        static final LlmDbExtension LLMDB = LlmDbExtension.create();

        @Test
        void leaks(TestDatabase database) throws SQLException {
            leaked = database.dataSource().getConnection();
        }
    }

    @Disabled("run by the tests above")
    static class LeakingByChoice {
        static Connection leaked;

        @RegisterExtension
        static final LlmDbExtension LLMDB = LlmDbExtension.create().withoutLeakCheck();

        @Test
        void leaks(TestDatabase database) throws SQLException {
            leaked = database.dataSource().getConnection();
        }
    }

    @Disabled("run by the tests above")
    @LlmDbTest
    static class Single {
        static final List<String> names = new ArrayList<>();

        @Test
        void one(TestDatabase database, LlmDb db) {
            names.add(database.name());
        }

        @Test
        void two(TestDatabase database) {
            names.add(database.name());
        }
    }

    @Disabled("run by the tests above")
    @LlmDbTest(sharedByClass = true)
    static class Shared {
        static final List<String> names = new ArrayList<>();

        Shared(TestDatabase database) {
            names.add(database.name());
        }

        @BeforeEach
        void before(LlmDb db, TestDatabase database) {
            assertThat(db.admin()).isNotNull();
        }

        @Test
        void one(TestDatabase database) {
            names.add(database.name());
        }

        @Test
        void two(TestDatabase database) {
            names.add(database.name());
        }

        @AfterAll
        static void stillThere(TestDatabase database) {
            assertThat(database.count("LLM_TeamTable")).isZero();
        }
    }

    @Disabled("run by the tests above")
    @LlmDbTest
    static class Constructed {
        Constructed(TestDatabase database) {}

        @Test
        void never() {}
    }

    @Disabled("run by the tests above")
    @LlmDbTest
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class Stopping {

        @Test
        @Order(1)
        void stops(PostgresServer server, LlmDb db) {
            server.stop();
        }

        @Test
        @Order(2)
        void pauses(PostgresServer server, TestDatabase database) {
            assertThat(database.count("LLM_TeamTable")).isZero();
            server.pause();
        }

        @Test
        @Order(3)
        void finds(TestDatabase database) {
            assertThat(database.count("LLM_TeamTable")).isZero();
        }
    }

    @Disabled("run by the tests above")
    static class Configured {

        @RegisterExtension
        static final LlmDbExtension LLMDB = LlmDbExtension.create()
                .withSchema("configured")
                .throughProxy()
                .withSettings(settings -> settings.connection(connection -> connection.poolLimit(2)));

        @Test
        void reachesItThroughTheProxy(LlmDb db, TcpProxy proxy, TestDatabase database) {
            assertThat(proxy.openConnections()).isBetween(1, 2);
            assertThat(database.schema()).isEqualTo("configured");
        }

        @Test
        void settingsLeadToTheDatabase(TestDatabase database) {
            LlmDbSettings settings = database.settings().build();
            assertThat(settings.connection().schema()).isEqualTo("configured");
            try (LlmDb db = LlmDb.open(settings)) {
                assertThat(db.admin().teams().exists("nobody")).isFalse();
            }
        }
    }
}
