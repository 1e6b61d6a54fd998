package io.llmdb.limits;

import io.llmdb.internal.Db;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;

/** The real tables and functions, under a clock that the simulation sets. */
final class PostgresLimits implements SimulatedDatabase {

    private static final String HELD = """
            SELECT coalesce(sum(amount), 0) FROM ${llmdb}."LLM_LimitLease"
            WHERE scope_id = ? AND kind = ? AND holder = ?::uuid AND CASE kind WHEN 'parallel' THEN expires_at > ${llmdb}.llmdb_now()
                ELSE window_start = date_trunc('minute', ${llmdb}.llmdb_now(), 'UTC') END""";

    private final DataSource pool;
    private final Db db;
    private Instant shown = Instant.EPOCH;
    private Instant now = Instant.EPOCH;

    PostgresLimits(TestDatabase database, DataSource pool) {
        this.pool = pool;
        this.db = new Db(pool, database.schema());
        run("TRUNCATE ${llmdb}.\"LLM_LimitLease\", ${llmdb}.\"LLM_LimitCounter\"");
    }

    /** Has the database's clock read from a row, which is quicker to set than a function. */
    static void install(TestDatabase database) {
        database.execute("CREATE TABLE ${llmdb}.shown_time AS SELECT clock_timestamp() AS at");
        database.execute("""
                CREATE OR REPLACE FUNCTION ${llmdb}.llmdb_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
                'SELECT at FROM ${llmdb}.shown_time'""");
    }

    private void run(String sql) {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement =
                        connection.prepareStatement(db.sql().of(sql))) {
            statement.execute();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public LimitStore store(UUID holder) {
        LimitStore store = new DbLimitStore(db, holder, LimitPolicy.DEFAULT);
        return new LimitStore() {
            @Override
            public Reply grant(List<Question> questions) {
                showTime();
                return store.grant(questions);
            }

            @Override
            public Set<LimitId> renew() {
                showTime();
                return store.renew();
            }

            @Override
            public Set<LimitId> recalled() {
                showTime();
                return store.recalled();
            }

            @Override
            public void returnSlots() {
                store.returnSlots();
            }

            @Override
            public void tidy() {
                showTime();
                store.tidy();
            }
        };
    }

    @Override
    public void setTime(Instant instant) {
        now = instant;
    }

    private void showTime() {
        if (!shown.equals(now)) {
            run("UPDATE ${llmdb}.shown_time SET at = '" + now.atOffset(ZoneOffset.UTC) + "'");
            shown = now;
        }
    }

    @Override
    public long held(LimitId id, UUID holder) {
        showTime();
        try (Connection connection = pool.getConnection();
                PreparedStatement statement =
                        connection.prepareStatement(db.sql().of(HELD))) {
            statement.setString(1, id.counter().id());
            statement.setString(2, id.kind().sqlName());
            statement.setString(3, holder.toString());
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getLong(1);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
