package io.llmdb.tests.budgets;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.budgets.BudgetDirectory;
import io.llmdb.budgets.BudgetRules;
import io.llmdb.budgets.BudgetService;
import io.llmdb.budgets.LeasePolicy;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.SpendState;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.keys.Caller;
import io.llmdb.keys.VirtualKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One instance's budgets and recorder on a test's database, without authentication. */
final class Instance implements AutoCloseable {

    private final HikariDataSource pool;
    final SpendRecorder recorder;
    final BudgetService budgets;

    Instance(TestDatabase database, DeliveryMode mode) {
        this(database, mode, LeasePolicy.DEFAULT);
    }

    Instance(TestDatabase database, DeliveryMode mode, LeasePolicy leases) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(4);
        pool = new HikariDataSource(config);
        Db db = new Db(pool, database.schema());
        DbClock clock = new DbClock(db.sql());
        try (Connection connection = pool.getConnection()) {
            clock.synchronize(connection);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
        BookingPolicy booking =
                new BookingPolicy(true, true, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
        recorder = new SpendRecorder(db, clock, booking, DeliveryPolicy.booked().withMode(mode), List.of());
        budgets = new BudgetService(db, clock, recorder, booking, new NoDirectory(), BudgetRules.NONE, leases);
    }

    static Caller keyCaller(String hash, String maxBudget) {
        return new Caller(
                new VirtualKey(
                        hash,
                        null,
                        VirtualKeySpec.empty().withBudget(BudgetTerms.of(maxBudget)),
                        new SpendState(BigDecimal.ZERO, BigDecimal.ZERO, null, null),
                        0,
                        null,
                        null,
                        null,
                        Instant.EPOCH,
                        "",
                        Instant.EPOCH,
                        ""),
                null,
                null,
                null,
                null,
                null,
                Map.of());
    }

    @Override
    public void close() {
        recorder.close();
        budgets.close();
        pool.close();
    }

    private static final class NoDirectory implements BudgetDirectory {
        @Override
        public @Nullable EndUser endUser(String id) {
            return null;
        }

        @Override
        public @Nullable Tag tag(String name) {
            return null;
        }

        @Override
        public @Nullable Budget budget(String id) {
            return null;
        }
    }
}
