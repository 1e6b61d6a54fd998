package io.llmdb.tests.spend;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Makes recorders for tests. */
final class Recorders {

    static final Duration DEADLINE = Duration.ofSeconds(60);

    static final BookingPolicy ALL = booking(true, true, true);

    private Recorders() {}

    static BookingPolicy booking(boolean spendLogs, boolean errorLogs, boolean updates) {
        return new BookingPolicy(
                spendLogs, errorLogs, updates, true, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
    }

    static BookingPolicy withProxyBudget(@Nullable BudgetDuration duration, @Nullable BigDecimal budget) {
        return new BookingPolicy(
                true, true, true, true, BudgetCalendar.in(ZoneOffset.UTC), false, null, duration, budget);
    }

    static SpendRecorder open(TestDatabase database, BookingPolicy booking, DeliveryPolicy delivery) {
        return open(pool(database, database.dataSource()), database.schema(), booking, delivery, List.of());
    }

    /** A pool that is closed with the database. */
    static DataSource pool(TestDatabase database, DataSource source) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(source);
        config.setMaximumPoolSize(8);
        config.setMinimumIdle(0);
        config.setConnectionTimeout(2_000);
        config.setInitializationFailTimeout(-1);
        // As the library's own pool: else a first connection that breaks while it is set up spoils the pool.
        config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        return database.closeAtEnd(new HikariDataSource(config));
    }

    /** One that all logs are kept by, behind a proxy that can cut its connections. */
    static SpendRecorder open(TcpProxy proxy, TestDatabase database, DeliveryPolicy delivery) {
        return open(pool(database, proxy.dataSource()), database.schema(), ALL, delivery, List.of());
    }

    /** The database cannot be reached until the proxy is healed. */
    static void away(TcpProxy proxy) {
        proxy.refuseNew();
        proxy.cutAll();
    }

    static SpendRecorder open(
            DataSource source,
            String schema,
            BookingPolicy booking,
            DeliveryPolicy delivery,
            List<SpendLogSink> sinks) {
        Db db = new Db(source, schema);
        return new SpendRecorder(db, new DbClock(db.sql()), booking, delivery, sinks);
    }

    /**
     * Has the database refuse as one that has moved.
     *
     * @param events what it refuses, as a trigger has it between its name and its function
     */
    static void refuseAsMoved(TestDatabase database, String... events) {
        database.execute("""
                CREATE OR REPLACE FUNCTION ${llmdb}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    RAISE EXCEPTION 'moved' USING ERRCODE = 'LD080';
                END $$""");
        for (String event : events) {
            database.execute("CREATE TRIGGER refuse " + event + " EXECUTE FUNCTION ${llmdb}.refuse()");
        }
    }

    static DeliveryPolicy booked() {
        return DeliveryPolicy.booked();
    }

    static DeliveryPolicy memory() {
        return DeliveryPolicy.booked().withMode(DeliveryMode.MEMORY);
    }

    /** Books these and waits for it. */
    static void book(SpendRecorder recorder, Collection<SpendEvent> events) {
        events.forEach(recorder::record);
        if (!recorder.flush(DEADLINE)) {
            throw new AssertionError("not booked within " + DEADLINE + ": " + recorder.metrics());
        }
    }

    static Instant now(TestDatabase database) {
        return database.clock().now();
    }

    /** The database's time, as an application's pool would ask it. */
    static DbClock clock(TestDatabase database) {
        DbClock clock = new DbClock(new Db(database.dataSource(), database.schema()).sql());
        try (Connection connection = database.dataSource().getConnection()) {
            clock.synchronize(connection);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
        return clock;
    }
}
