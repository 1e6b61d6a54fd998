package io.llmdb.internal;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.END_USER;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION;
import static io.llmdb.schema.jooq.Tables.ORGANIZATION_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.TAG;
import static io.llmdb.schema.jooq.Tables.TEAM;
import static io.llmdb.schema.jooq.Tables.TEAM_MEMBERSHIP;
import static io.llmdb.schema.jooq.Tables.USER;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.common.SpendState;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/** The columns that budget rows, keys, teams and users have in common, by their names. */
public final class BudgetColumns {

    /** {@code budget_id} */
    public static final Field<String> BUDGET_ID = DSL.field(DSL.name("budget_id"), SQLDataType.CLOB);

    /** {@code budget_duration} */
    public static final Field<String> BUDGET_DURATION = DSL.field(DSL.name("budget_duration"), SQLDataType.CLOB);

    /** {@code spend_window_start} */
    public static final Field<OffsetDateTime> SPEND_WINDOW_START =
            DSL.field(DSL.name("spend_window_start"), SQLDataType.TIMESTAMPWITHTIMEZONE(6));

    /** {@code budget_reset_at} */
    public static final Field<OffsetDateTime> BUDGET_RESET_AT =
            DSL.field(DSL.name("budget_reset_at"), SQLDataType.TIMESTAMPWITHTIMEZONE(6));

    private static final Field<BigDecimal> MAX_BUDGET = DSL.field(DSL.name("max_budget"), SQLDataType.NUMERIC);
    private static final Field<BigDecimal> SOFT_BUDGET = DSL.field(DSL.name("soft_budget"), SQLDataType.NUMERIC);
    private static final Field<JSONB> BUDGET_LIMITS = DSL.field(DSL.name("budget_limits"), SQLDataType.JSONB);
    private static final Field<JSONB> MODEL_MAX_BUDGET = DSL.field(DSL.name("model_max_budget"), SQLDataType.JSONB);
    private static final Field<BigDecimal> TEMP_BUDGET_INCREASE =
            DSL.field(DSL.name("temp_budget_increase"), SQLDataType.NUMERIC);
    private static final Field<OffsetDateTime> TEMP_BUDGET_EXPIRY =
            DSL.field(DSL.name("temp_budget_expiry"), SQLDataType.TIMESTAMPWITHTIMEZONE(6));
    private static final Field<Long> TPM_LIMIT = DSL.field(DSL.name("tpm_limit"), SQLDataType.BIGINT);
    private static final Field<Long> RPM_LIMIT = DSL.field(DSL.name("rpm_limit"), SQLDataType.BIGINT);
    private static final Field<Long> MAX_PARALLEL_REQUESTS =
            DSL.field(DSL.name("max_parallel_requests"), SQLDataType.BIGINT);
    private static final Field<BigDecimal> SPEND = DSL.field(DSL.name("spend"), SQLDataType.NUMERIC);
    private static final Field<BigDecimal> TOTAL_SPEND = DSL.field(DSL.name("total_spend"), SQLDataType.NUMERIC);

    /** Where the rows of our tables have which column: a caller has seventy of those that are common. */
    private static final Map<Class<?>, Map<String, Integer>> POSITIONS = positions(
            BUDGET, END_USER, ORGANIZATION, ORGANIZATION_MEMBERSHIP, TAG, TEAM, TEAM_MEMBERSHIP, USER, VIRTUAL_KEY);

    private BudgetColumns() {}

    /**
     * @param row a row of a budget, key, team or user
     * @return what may be spent
     * @throws DatabaseFailureException where somebody wrote something else there
     */
    public static BudgetTerms terms(Record row) {
        try {
            return new BudgetTerms(
                    get(row, MAX_BUDGET),
                    get(row, SOFT_BUDGET),
                    duration(row),
                    furtherLimits(get(row, BUDGET_LIMITS)),
                    modelLimits(get(row, MODEL_MAX_BUDGET)),
                    get(row, TEMP_BUDGET_INCREASE),
                    instant(get(row, TEMP_BUDGET_EXPIRY)));
        } catch (InvalidArgumentException e) {
            throw new DatabaseFailureException("A row's budget cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * @param row a row to write the terms into
     * @param terms what may be spent
     */
    public static void set(Record row, BudgetTerms terms) {
        row.set(field(row, MAX_BUDGET), terms.maxBudget());
        row.set(field(row, SOFT_BUDGET), terms.softBudget());
        row.set(field(row, BUDGET_DURATION), text(terms.duration()));
        row.set(field(row, BUDGET_LIMITS), furtherLimits(terms.furtherLimits()));
        row.set(field(row, MODEL_MAX_BUDGET), modelLimits(terms.modelLimits()));
        row.set(field(row, TEMP_BUDGET_INCREASE), terms.temporaryIncrease());
        row.set(field(row, TEMP_BUDGET_EXPIRY), time(terms.temporaryIncreaseUntil()));
    }

    /**
     * @param row a row of a budget, key, team or user
     * @return how often may be called
     */
    public static RateLimits rateLimits(Record row) {
        return new RateLimits(get(row, TPM_LIMIT), get(row, RPM_LIMIT), get(row, MAX_PARALLEL_REQUESTS));
    }

    /**
     * @param row a row to write the limits into
     * @param limits how often may be called
     */
    public static void set(Record row, RateLimits limits) {
        row.set(field(row, TPM_LIMIT), limits.tokensPerMinute());
        row.set(field(row, RPM_LIMIT), limits.requestsPerMinute());
        row.set(field(row, MAX_PARALLEL_REQUESTS), limits.maxParallelRequests());
    }

    /**
     * @param row a row with a counter
     * @return what was spent
     */
    public static SpendState spendState(Record row) {
        return new SpendState(
                Objects.requireNonNull(get(row, SPEND), "spend"),
                Objects.requireNonNull(get(row, TOTAL_SPEND), "total_spend"),
                instant(get(row, SPEND_WINDOW_START)),
                instant(get(row, BUDGET_RESET_AT)));
    }

    /**
     * @param row a row with a {@code budget_duration}
     * @return the length of its windows, or null
     */
    public static @Nullable BudgetDuration duration(Record row) {
        return BudgetDuration.parseOptional("budget_duration", get(row, BUDGET_DURATION));
    }

    /** By position: jOOQ takes far longer to find a field that is not the row's own, or one by its name. */
    private static <T> @Nullable T get(Record row, Field<T> common) {
        Map<String, Integer> positions = POSITIONS.get(row.getClass());
        Integer at =
                positions == null ? Integer.valueOf(row.indexOf(common.getName())) : positions.get(common.getName());
        if (at == null || at < 0) {
            throw new IllegalArgumentException("no column " + common.getName());
        }
        return common.getType().cast(row.get(at));
    }

    private static Map<Class<?>, Map<String, Integer>> positions(Table<?>... tables) {
        Map<Class<?>, Map<String, Integer>> positions = new HashMap<>();
        for (Table<?> table : tables) {
            Map<String, Integer> ofTable = new HashMap<>();
            for (Field<?> field : table.fields()) {
                ofTable.put(field.getName(), ofTable.size());
            }
            positions.put(table.getRecordType(), Map.copyOf(ofTable));
        }
        return Map.copyOf(positions);
    }

    /**
     * The row's own field of a common name, which {@code set} needs.
     *
     * @param row a row that has the column
     * @param common the common field
     * @param <T> its type
     * @return the row's field
     */
    public static <T> Field<T> field(Record row, Field<T> common) {
        Field<T> field = row.field(common);
        if (field == null) {
            throw new IllegalArgumentException("no column " + common.getName());
        }
        return field;
    }

    /**
     * @param time a column's value
     * @return the instant
     */
    public static @Nullable Instant instant(@Nullable OffsetDateTime time) {
        return time == null ? null : time.toInstant();
    }

    /**
     * @param instant an instant
     * @return the column's value, to PostgreSQL's microsecond
     */
    public static @Nullable OffsetDateTime time(@Nullable Instant instant) {
        return instant == null
                ? null
                : instant.truncatedTo(java.time.temporal.ChronoUnit.MICROS).atOffset(ZoneOffset.UTC);
    }

    private static @Nullable String text(@Nullable BudgetDuration duration) {
        return duration == null ? null : duration.toString();
    }

    private static @Nullable JSONB furtherLimits(List<BudgetLimit> limits) {
        if (limits.isEmpty()) {
            return null;
        }
        List<Map<String, Object>> list = new ArrayList<>();
        for (BudgetLimit limit : limits) {
            list.add(limit(limit, "max_budget", "budget_duration"));
        }
        return JSONB.valueOf(Json.write(list));
    }

    private static List<BudgetLimit> furtherLimits(@Nullable JSONB json) {
        if (json == null || !(Json.value(json.data()) instanceof List<?> entries)) {
            return List.of();
        }
        List<BudgetLimit> limits = new ArrayList<>();
        for (Object entry : entries) {
            limits.add(limit("budget_limits", entry));
        }
        return limits;
    }

    private static JSONB modelLimits(Map<String, BudgetLimit> limits) {
        Map<String, Object> json = new LinkedHashMap<>();
        limits.forEach((model, limit) -> json.put(model, limit(limit, "budget_limit", "time_period")));
        return JSONB.valueOf(Json.write(json));
    }

    private static Map<String, BudgetLimit> modelLimits(@Nullable JSONB json) {
        Map<String, BudgetLimit> limits = new LinkedHashMap<>();
        Json.object(json == null ? null : json.data())
                .forEach((model, entry) -> limits.put(model, limit("model_max_budget." + model, entry)));
        return limits;
    }

    private static Map<String, Object> limit(BudgetLimit limit, String amountName, String durationName) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put(amountName, limit.maxBudget());
        if (limit.duration() != null) {
            json.put(durationName, limit.duration().toString());
        }
        return json;
    }

    /** Both spellings of LiteLLM, and the bare amount of its early versions. */
    private static BudgetLimit limit(String name, @Nullable Object json) {
        Object amount = json;
        Object duration = null;
        if (json instanceof Map<?, ?> map) {
            amount = map.get("budget_limit") == null ? map.get("max_budget") : map.get("budget_limit");
            duration = map.get("time_period") == null ? map.get("budget_duration") : map.get("time_period");
        }
        if (!(amount instanceof Number) && !(amount instanceof String)) {
            throw new InvalidArgumentException(name + " has no budget_limit");
        }
        try {
            return new BudgetLimit(
                    new BigDecimal(amount.toString()),
                    duration == null ? null : BudgetDuration.parse(name + ".time_period", duration.toString()));
        } catch (NumberFormatException e) {
            throw new InvalidArgumentException(name + ".budget_limit is no number: " + amount, e);
        }
    }
}
