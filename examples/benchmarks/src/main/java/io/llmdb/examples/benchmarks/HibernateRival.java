package io.llmdb.examples.benchmarks;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.math.BigDecimal;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.Transaction;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.type.SqlTypes;
import org.jspecify.annotations.Nullable;

/**
 * A Hibernate session with batches, as proxies write their log; where asked for, counters and daily totals are summed
 * up for each batch and written by it too.
 */
final class HibernateRival implements AutoCloseable {

    private final SessionFactory sessions;

    HibernateRival(TestDatabase database) {
        sessions = new Configuration()
                .addAnnotatedClass(LogRow.class)
                .setProperty(
                        "hibernate.connection.url",
                        database.jdbcUrl() + "?reWriteBatchedInserts=true&stringtype=unspecified")
                .setProperty("hibernate.connection.username", database.user())
                .setProperty("hibernate.connection.password", database.password())
                .setProperty("hibernate.jdbc.batch_size", "500")
                .setProperty("hibernate.order_inserts", "true")
                .setProperty("hibernate.hbm2ddl.auto", "none")
                .buildSessionFactory();
    }

    double seconds(List<SpendEvent> events, int batch, boolean counters) {
        long start = System.nanoTime();
        for (int from = 0; from < events.size(); from += batch) {
            List<SpendEvent> part = events.subList(from, Math.min(events.size(), from + batch));
            try (Session session = sessions.openSession()) {
                Transaction transaction = session.beginTransaction();
                part.forEach(event -> session.persist(new LogRow(event)));
                session.flush();
                if (counters) {
                    count(session, part);
                }
                transaction.commit();
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static void count(Session session, List<SpendEvent> part) {
        for (Map.Entry<Sums.Counter, BigDecimal> sum : Sums.counters(part).entrySet()) {
            session.createNativeMutationQuery("INSERT INTO counters AS c (scope, id, spend) VALUES (?, ?, ?)"
                            + " ON CONFLICT (scope, id) DO UPDATE SET spend = c.spend + excluded.spend")
                    .setParameter(1, sum.getKey().scope())
                    .setParameter(2, sum.getKey().id())
                    .setParameter(3, sum.getValue())
                    .executeUpdate();
        }
        for (Map.Entry<Sums.Day, Sums.Total> sum : Sums.days(part).entrySet()) {
            session.createNativeMutationQuery(
                            "INSERT INTO daily AS d VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                    + " ON CONFLICT (day, api_key, user_id, team_id, model) DO UPDATE SET spend = d.spend"
                                    + " + excluded.spend, prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, completion_tokens"
                                    + " = d.completion_tokens + excluded.completion_tokens, requests = d.requests + excluded.requests")
                    .setParameter(1, sum.getKey().day())
                    .setParameter(2, sum.getKey().apiKey())
                    .setParameter(3, sum.getKey().user())
                    .setParameter(4, sum.getKey().team())
                    .setParameter(5, sum.getKey().model())
                    .setParameter(6, sum.getValue().spend())
                    .setParameter(7, sum.getValue().prompt())
                    .setParameter(8, sum.getValue().completion())
                    .setParameter(9, sum.getValue().requests())
                    .executeUpdate();
        }
    }

    @Override
    public void close() {
        sessions.close();
    }

    /** A row of the log, field by field as the table has it. */
    @Entity
    @Table(name = "logs")
    static class LogRow {
        @Id
        @Column(name = "request_id")
        String requestId = "";

        @Column(name = "call_type")
        String callType = "";

        @Column(name = "api_key")
        String apiKey = "";

        BigDecimal spend = BigDecimal.ZERO;

        @Column(name = "total_tokens")
        long totalTokens;

        @Column(name = "prompt_tokens")
        long promptTokens;

        @Column(name = "completion_tokens")
        long completionTokens;

        @Column(name = "\"startTime\"")
        @Nullable
        OffsetDateTime startTime;

        @Column(name = "\"endTime\"")
        @Nullable
        OffsetDateTime endTime;

        @Column(name = "request_duration_ms")
        long durationMillis;

        @Column(name = "\"completionStartTime\"")
        @Nullable
        OffsetDateTime completionStartTime;

        String model = "";

        @Column(name = "model_id")
        String modelId = "";

        @Column(name = "model_group")
        String modelGroup = "";

        @Column(name = "custom_llm_provider")
        String provider = "";

        @Column(name = "api_base")
        String apiBase = "";

        @Column(name = "\"user\"")
        String user = "";

        @JdbcTypeCode(SqlTypes.LONGVARCHAR)
        @Nullable
        String metadata;

        @Column(name = "cache_hit")
        String cacheHit = "";

        @Column(name = "cache_key")
        String cacheKey = "";

        @Column(name = "request_tags")
        String tags = "";

        @Column(name = "team_id")
        String teamId = "";

        @Column(name = "organization_id")
        String organizationId = "";

        @Column(name = "end_user")
        String endUser = "";

        @Column(name = "requester_ip_address")
        String requesterIp = "";

        @Column(name = "session_id")
        String sessionId = "";

        String status = "";

        /** For Hibernate. */
        LogRow() {}

        LogRow(SpendEvent event) {
            requestId = ReferenceLayout.requestId(event);
            callType = event.callType();
            apiKey = event.keyHash();
            spend = event.cost();
            totalTokens = event.totalTokens();
            promptTokens = event.promptTokens();
            completionTokens = event.completionTokens();
            startTime = event.startTime().atOffset(ZoneOffset.UTC);
            endTime = event.endTime().atOffset(ZoneOffset.UTC);
            durationMillis = event.endTime().toEpochMilli() - event.startTime().toEpochMilli();
            completionStartTime = event.completionStartTime() == null
                    ? null
                    : event.completionStartTime().atOffset(ZoneOffset.UTC);
            model = event.model();
            modelId = event.modelId();
            modelGroup = event.modelGroup();
            provider = event.provider();
            apiBase = event.apiBase();
            user = event.userId();
            metadata = event.metadata();
            cacheHit = event.cacheHit();
            cacheKey = event.cacheKey();
            tags = Sums.json(event.tags());
            teamId = event.teamId();
            organizationId = event.organizationId();
            endUser = event.endUser();
            requesterIp = event.requesterIp();
            sessionId = event.sessionId();
            status = event.isSuccess() ? "success" : "failure";
        }
    }
}
