package io.llmdb.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * The obvious ways to hold a budget in PostgreSQL: a transaction a call on the budget's row, with a connection for each
 * caller and prepared statements. They book nothing beside.
 */
final class ConditionalUpdate {

    /** How. */
    enum Way {
        UPDATE("UPDATE budget SET spend = spend + ? WHERE id = 1 AND spend + ? <= most"),
        SELECT_FOR_UPDATE("UPDATE budget SET spend = spend + ? WHERE id = 1 AND spend + ? <= most"),
        /** All six or none: locked in order, then changed where each has room. */
        UPDATE_SIX("""
                WITH locked AS MATERIALIZED (SELECT id, spend, most FROM budget WHERE id <= 6 ORDER BY id FOR NO KEY UPDATE)
                UPDATE budget b SET spend = b.spend + ? FROM locked l
                WHERE b.id = l.id AND (SELECT bool_and(spend + ? <= most) FROM locked)""");

        private final String sql;

        Way(String sql) {
            this.sql = sql;
        }
    }

    /**
     * @param spent admissions a second from a full budget to the last call
     * @param returned calls a second that take and give back where little is left
     * @param refused refusals a second
     */
    record Rates(double spent, double returned, double refused) {}

    private final Run run;
    private final int callers;
    private final BigDecimal price;

    ConditionalUpdate(Run run, int callers, BigDecimal price) {
        this.run = run;
        this.callers = callers;
        this.price = price;
    }

    Rates measure(int left, int seconds, Way way) throws Exception {
        try (TestDatabase database = run.server().newEmptyDatabase();
                HikariDataSource pool = pool(database)) {
            database.execute(
                    "CREATE TABLE budget (id int PRIMARY KEY, spend numeric, most numeric) WITH (fillfactor = 50)");
            database.execute("INSERT INTO budget VALUES (1, 0, " + price.multiply(BigDecimal.valueOf(left))
                    + "), (2, 0, 900000), (3, 0, 900000), (4, 0, 900000), (5, 0, 900000), (6, 0, 900000)");
            Callers.run(callers, BudgetsBenchmark.WARM_UP, i -> warmUp(pool, way));
            long start = System.nanoTime();
            long admitted = Work.untilRefused(callers, left, () -> take(pool, price, way));
            double spent = admitted / ((System.nanoTime() - start) / 1e9);
            run.must(way + " admits what fits", admitted == left, admitted + " of " + left);
            double refused = Work.forSeconds(callers, seconds, () -> !take(pool, price, way));
            database.execute("UPDATE budget SET spend = spend - " + price.multiply(BigDecimal.valueOf(100)));
            double returned =
                    Work.forSeconds(callers, seconds, () -> take(pool, price, way) && take(pool, price.negate(), way));
            return new Rates(spent, returned, refused);
        }
    }

    private HikariDataSource pool(TestDatabase database) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(callers);
        config.setMinimumIdle(callers);
        return new HikariDataSource(config);
    }

    private static boolean take(HikariDataSource pool, BigDecimal amount, Way way) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            if (way != Way.SELECT_FOR_UPDATE) {
                return update(connection, amount, way);
            }
            connection.setAutoCommit(false);
            try (PreparedStatement look = connection.prepareStatement(
                    "SELECT spend + ? <= most FROM budget WHERE id = 1 FOR NO KEY UPDATE")) {
                look.setBigDecimal(1, amount);
                try (ResultSet row = look.executeQuery()) {
                    row.next();
                    if (!row.getBoolean(1)) {
                        connection.rollback();
                        return false;
                    }
                }
            }
            boolean done = update(connection, amount, way);
            connection.commit();
            return done;
        }
    }

    /** No connection is used for the first time when it counts. */
    private static void warmUp(HikariDataSource pool, Way way) {
        try {
            boolean unused = take(pool, BigDecimal.ZERO, way);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean update(Connection connection, BigDecimal amount, Way way) throws SQLException {
        try (PreparedStatement update = connection.prepareStatement(way.sql)) {
            update.setBigDecimal(1, amount);
            update.setBigDecimal(2, amount);
            return update.executeUpdate() > 0;
        }
    }
}
