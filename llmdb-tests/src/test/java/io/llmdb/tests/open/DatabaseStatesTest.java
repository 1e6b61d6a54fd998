package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.error.SchemaException;
import io.llmdb.identity.TeamSpec;
import io.llmdb.keys.Caller;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A database in a state that nobody wants: what opening, authenticating, admitting and administering say, and that all
 * goes on when the state is over. A known key is never "unknown".
 */
class DatabaseStatesTest {

    private final TestDatabase database = PostgresServer.shared().newDatabase("llmdb");

    @AfterEach
    void drop() {
        database.close();
    }

    private LlmDbSettings.Builder settings() {
        return database.settings().connection(connection -> connection.connectionTimeout(Duration.ofSeconds(1)));
    }

    private static Throwable opening(LlmDbSettings settings) {
        return catchThrowable(() -> LlmDb.open(settings).close());
    }

    private void says(String state, Class<? extends LlmDbException> type, Throwable thrown, String... words) {
        System.out.printf("%-45s %s%n", state, thrown == null ? "nothing was thrown" : thrown.getMessage());
        assertThat(thrown).as(state).isInstanceOf(type).hasMessageNotContaining("hush");
        assertThat(thrown.getMessage()).as(state).contains(words);
    }

    @Test
    void openingSaysWhatIsWrong() throws SQLException {
        String url = database.databaseUrl();
        says(
                "a wrong password",
                DatabaseUnavailableException.class,
                opening(settings()
                        .connection(c -> c.databaseUrl(url.replace(":" + database.password() + "@", ":hush@")))
                        .build()),
                "password authentication failed");
        says(
                "a database that is not there",
                DatabaseUnavailableException.class,
                opening(settings()
                        .connection(c -> c.databaseUrl(url.replace("/" + database.name(), "/nowhere")))
                        .build()),
                "nowhere");
        asAdmin("REVOKE USAGE ON SCHEMA llmdb FROM PUBLIC", "ALTER SCHEMA llmdb OWNER TO CURRENT_USER");
        says(
                "a schema that may not be used",
                SchemaException.class,
                opening(settings().build()),
                "llmdb");
    }

    @Test
    void openingSaysThatTheHistoryIsGone() {
        database.execute("DROP TABLE ${llmdb}.llmdb_schema_history");
        says(
                "tables without their history",
                SchemaException.class,
                opening(settings().build()),
                "LLM_BudgetTable",
                "restore the history from a backup");
        assertThat(database.value(
                        Long.class, "SELECT count(*) FROM pg_tables WHERE tablename = 'llmdb_schema_history'"))
                .as("nothing half done")
                .isZero();
    }

    @Test
    void readOnlyIsSaidAndOver() throws SQLException {
        try (LlmDb db = LlmDb.open(settings().build())) {
            String raw = db.admin().keys().create(VirtualKeySpec.of("k")).rawKey();
            database.execute("ALTER DATABASE \"" + database.name() + "\" SET default_transaction_read_only = on");
            database.terminateConnections();
            try {
                Throwable refused = becoming(
                        DatabaseFailureException.class, () -> db.admin().teams().create(TeamSpec.of("t"), "t"));
                says("a database that is read only", DatabaseFailureException.class, refused, "read-only");
                assertThat(db.authenticate(raw).key().spec().alias()).isEqualTo("k");
            } finally {
                try (Connection connection = database.adminDataSource().getConnection();
                        Statement statement = connection.createStatement()) {
                    statement.execute("SET default_transaction_read_only = off");
                    statement.execute("ALTER DATABASE \"" + database.name() + "\" RESET default_transaction_read_only");
                }
                database.terminateConnections();
            }
            Await.untilAsserted(
                    "a team can be made again",
                    Duration.ofSeconds(5),
                    () -> assertThat(db.admin()
                                    .teams()
                                    .create(TeamSpec.of("t"), "t")
                                    .id())
                            .isEqualTo("t"));
        }
    }

    @Test
    void aFullPoolIsNeverAnUnknownKey() throws SQLException {
        LlmDbSettings one = settings()
                .connection(connection -> connection.poolLimit(3).connectionTimeout(Duration.ofMillis(500)))
                .build();
        try (LlmDb db = LlmDb.open(one)) {
            String raw = db.admin().keys().create(VirtualKeySpec.of("k")).rawKey();
            List<Thread> holders = new ArrayList<>();
            CountDownLatch held = new CountDownLatch(3);
            CountDownLatch over = new CountDownLatch(1);
            for (int i = 0; i < 3; i++) {
                Thread holder = new Thread(() -> db.inTransaction(admin -> {
                    held.countDown();
                    try {
                        over.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    return true;
                }));
                holder.start();
                holders.add(holder);
            }
            try {
                held.await();
                Throwable refused = catchThrowable(() -> db.authenticate(raw));
                says(
                        "a pool that is exhausted",
                        DatabaseUnavailableException.class,
                        refused,
                        "No connection was free",
                        "active=3",
                        "database_connection_pool_limit");
                assertThat(refused).isNotInstanceOf(UnknownKeyException.class);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                over.countDown();
                for (Thread holder : holders) {
                    try {
                        holder.join();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }
            }
            Await.untilAsserted(
                    "the key is known again",
                    Duration.ofSeconds(5),
                    () -> assertThat(db.authenticate(raw).key().spec().alias()).isEqualTo("k"));
        }
    }

    @Test
    void aTableThatIsGoneIsSaidAndOver() {
        try (LlmDb db = LlmDb.open(settings().build())) {
            String raw = db.admin()
                    .keys()
                    .create(VirtualKeySpec.of("k").withBudget(BudgetTerms.of("5")))
                    .rawKey();
            database.execute("ALTER TABLE ${llmdb}.\"LLM_Lease\" RENAME TO gone");
            Caller caller = db.authenticate(raw);
            Call call = Call.of("gpt-4o").withEstimate(new BigDecimal("1"));
            says(
                    "a table that is gone",
                    DatabaseFailureException.class,
                    catchThrowable(() -> db.budgets().admit(caller, call)),
                    "LLM_Lease");
            database.execute("ALTER TABLE ${llmdb}.gone RENAME TO \"LLM_Lease\"");
            Admission admission = Await.value("a call is admitted again", Duration.ofSeconds(5), () -> {
                try {
                    return db.budgets().admit(caller, call);
                } catch (DatabaseFailureException e) {
                    return null;
                }
            });
            admission.settle(admission.event().cost(new BigDecimal("1")).build());
            db.close();
            assertThat(database.books()).agree().haveSpend(new BigDecimal("1"));
        }
    }

    @Test
    void aSchemaThatIsDroppedUnderItIsSaid() {
        try (LlmDb db = LlmDb.open(settings().build())) {
            String raw = db.admin().keys().create(VirtualKeySpec.of("k")).rawKey();
            database.execute("ALTER SCHEMA llmdb RENAME TO elsewhere");
            try {
                Throwable refused = catchThrowable(() -> db.authenticate(raw));
                says("a schema that is gone", DatabaseFailureException.class, refused, "does not exist");
            } finally {
                database.execute("ALTER SCHEMA elsewhere RENAME TO llmdb");
            }
            Await.untilAsserted(
                    "the key is known again",
                    Duration.ofSeconds(5),
                    () -> assertThat(db.authenticate(raw).key().spec().alias()).isEqualTo("k"));
        }
    }

    private static Throwable becoming(Class<? extends Throwable> type, Runnable attempt) {
        return Await.value("a " + type.getSimpleName(), Duration.ofSeconds(10), () -> {
            Throwable thrown = catchThrowable(attempt::run);
            return type.isInstance(thrown) ? thrown : null;
        });
    }

    private void asAdmin(String... statements) throws SQLException {
        try (Connection connection = database.adminDataSource().getConnection();
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
