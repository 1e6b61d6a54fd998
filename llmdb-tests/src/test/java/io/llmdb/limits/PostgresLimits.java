package io.llmdb.limits;

import io.llmdb.internal.Db;
import io.llmdb.testkit.TestDatabase;
import java.time.Instant;
import java.util.UUID;
import javax.sql.DataSource;

/** The real tables and functions, under a clock that the simulation sets. */
final class PostgresLimits implements SimulatedDatabase {

    private final TestDatabase database;
    private final Db db;
    private Instant shown = Instant.EPOCH;
    private Instant now = Instant.EPOCH;

    PostgresLimits(TestDatabase database, DataSource pool) {
        this.database = database;
        this.db = new Db(pool, database.schema());
        database.execute("TRUNCATE ${llmdb}.\"LLM_LimitLease\", ${llmdb}.\"LLM_LimitCounter\"");
    }

    @Override
    public LimitStore store(UUID holder) {
        LimitStore store = new DbLimitStore(db, holder, LimitPolicy.DEFAULT);
        return new LimitStore() {
            @Override
            public Reply grant(java.util.List<Question> questions) {
                showTime();
                return store.grant(questions);
            }

            @Override
            public java.util.Set<LimitId> renew() {
                showTime();
                return store.renew();
            }

            @Override
            public java.util.Set<LimitId> recalled() {
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
            database.clock().freeze(now);
            shown = now;
        }
    }

    @Override
    public long held(LimitId id, UUID holder) {
        showTime();
        return database.value(Long.class, """
                SELECT coalesce(sum(amount), 0)::bigint FROM ${llmdb}."LLM_LimitLease"
                WHERE scope_id = ? AND kind = ? AND holder = ?::uuid AND CASE kind WHEN 'parallel' THEN expires_at > ${llmdb}.llmdb_now()
                    ELSE window_start = date_trunc('minute', ${llmdb}.llmdb_now(), 'UTC') END""", id.counter().id(), id.kind().sqlName(), holder.toString());
    }
}
