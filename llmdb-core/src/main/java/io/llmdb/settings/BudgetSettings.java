package io.llmdb.settings;

import io.llmdb.budgets.UnknownPrice;
import io.llmdb.common.BudgetDuration;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The budget of the whole proxy, and the rules that hold for all budgets.
 *
 * @param maxBudget {@code llm_settings.max_budget}: what the whole proxy may spend in a window; 0 blocks everything
 *     that costs something; null: no limit
 * @param budgetDuration {@code llm_settings.budget_duration}: the length of the whole proxy's windows; null: one window
 *     for ever
 * @param softBudget {@code llmdb.soft_budget}: when the whole proxy has spent this in a window an event is raised;
 *     never blocks; null: none
 * @param timeZone {@code llm_settings.timezone}: the zone by whose calendar budgets are reset
 * @param resetTime {@code llm_settings.budget_reset_time}: the time of day in that zone at which windows of days and
 *     longer begin
 * @param rollover {@code llm_settings.budget_rollover}: overspend is carried into the next window
 * @param endUserBudgetId {@code llm_settings.max_end_user_budget_id}: the budget row that holds for end users without
 *     one of their own; null: none
 * @param countUserBudgetOnTeamKeys {@code llmdb.count_user_budget_on_team_keys}: a user's own budget holds on team keys
 *     too
 * @param unknownPricePolicy {@code llmdb.unknown_price_policy}: what is reserved for a call under a budget that comes
 *     without an estimate; what is booked is the event's cost
 * @param unknownPrice {@code llmdb.unknown_price}: what is reserved for such a call under {@link UnknownPrice#FIXED};
 *     null otherwise
 * @param allowRequestsOnDbUnavailable {@code general_settings.allow_requests_on_db_unavailable}: requests go on while
 *     the database is unreachable, their budgets unchecked
 * @param leaseTime {@code llmdb.lease_time}: how long an instance holds a slice of a budget without renewing it, by the
 *     database's clock
 * @param reservationTime {@code llmdb.reservation_time}: how long an estimate stays reserved for a request that neither
 *     settles, releases nor extends it
 * @param reschedulerMinTime {@code general_settings.proxy_budget_rescheduler_min_time}: the shortest time between two
 *     runs of the job that tidies windows
 * @param reschedulerMaxTime {@code general_settings.proxy_budget_rescheduler_max_time}: the longest time between two
 *     runs of that job; each run draws its time between the two at random
 */
public record BudgetSettings(
        @Nullable BigDecimal maxBudget,
        @Nullable BudgetDuration budgetDuration,
        @Nullable BigDecimal softBudget,
        ZoneId timeZone,
        LocalTime resetTime,
        boolean rollover,
        @Nullable String endUserBudgetId,
        boolean countUserBudgetOnTeamKeys,
        UnknownPrice unknownPricePolicy,
        @Nullable BigDecimal unknownPrice,
        boolean allowRequestsOnDbUnavailable,
        Duration leaseTime,
        Duration reservationTime,
        Duration reschedulerMinTime,
        Duration reschedulerMaxTime) {

    /** The zone of budget windows: UTC. */
    public static final ZoneId DEFAULT_TIME_ZONE = ZoneId.of("UTC");

    /** Budgets are reset at midnight. */
    public static final LocalTime DEFAULT_RESET_TIME = LocalTime.MIDNIGHT;

    /** A new window begins at 0. */
    public static final boolean DEFAULT_ROLLOVER = false;

    /** A user's budget holds on personal keys only. */
    public static final boolean DEFAULT_COUNT_USER_BUDGET_ON_TEAM_KEYS = false;

    /** Without an estimate, no call under a budget. */
    public static final UnknownPrice DEFAULT_UNKNOWN_PRICE_POLICY = UnknownPrice.REFUSE;

    /** Without the database, requests are refused. */
    public static final boolean DEFAULT_ALLOW_REQUESTS_ON_DB_UNAVAILABLE = false;

    /** Life of a lease. */
    public static final Duration DEFAULT_LEASE_TIME = Duration.ofSeconds(30);

    /** Life of a reservation. */
    public static final Duration DEFAULT_RESERVATION_TIME = Duration.ofMinutes(10);

    /** Shortest time between two runs of the reset job. */
    public static final Duration DEFAULT_RESCHEDULER_MIN_TIME = Duration.ofSeconds(597);

    /** Longest time between two runs of the reset job. */
    public static final Duration DEFAULT_RESCHEDULER_MAX_TIME = Duration.ofSeconds(605);

    /** Checks that what cannot be absent is there. */
    public BudgetSettings {
        // PostgreSQL and equals want it by its name.
        timeZone = timeZone.equals(ZoneOffset.UTC) ? DEFAULT_TIME_ZONE : timeZone;
        Objects.requireNonNull(resetTime, "resetTime");
        Objects.requireNonNull(unknownPricePolicy, "unknownPricePolicy");
        Objects.requireNonNull(leaseTime, "leaseTime");
        Objects.requireNonNull(reservationTime, "reservationTime");
        Objects.requireNonNull(reschedulerMinTime, "reschedulerMinTime");
        Objects.requireNonNull(reschedulerMaxTime, "reschedulerMaxTime");
    }

    static BudgetSettings of(Values values) {
        return new BudgetSettings(
                values.find(Known.MAX_BUDGET),
                values.find(Known.BUDGET_DURATION),
                values.find(Known.SOFT_BUDGET),
                values.get(Known.TIME_ZONE),
                values.get(Known.RESET_TIME),
                values.get(Known.ROLLOVER),
                values.find(Known.END_USER_BUDGET_ID),
                values.get(Known.COUNT_USER_BUDGET_ON_TEAM_KEYS),
                values.get(Known.UNKNOWN_PRICE_POLICY),
                values.find(Known.UNKNOWN_PRICE),
                values.get(Known.ALLOW_ON_DB_UNAVAILABLE),
                values.get(Known.LEASE_TIME),
                values.get(Known.RESERVATION_TIME),
                values.get(Known.RESCHEDULER_MIN_TIME),
                values.get(Known.RESCHEDULER_MAX_TIME));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * What the whole proxy may spend in a window.
         *
         * @param value at least 0, which blocks everything that costs something; null for no limit
         * @return this
         */
        public Builder maxBudget(@Nullable BigDecimal value) {
            overrides.put(Known.MAX_BUDGET, value);
            return this;
        }

        /**
         * The length of the whole proxy's windows.
         *
         * @param value a duration; null for one window for ever
         * @return this
         */
        public Builder budgetDuration(@Nullable BudgetDuration value) {
            overrides.put(Known.BUDGET_DURATION, value);
            return this;
        }

        /**
         * What the whole proxy may spend in a window before an event is raised; never blocks.
         *
         * @param value at least 0; null for none
         * @return this
         */
        public Builder softBudget(@Nullable BigDecimal value) {
            overrides.put(Known.SOFT_BUDGET, value);
            return this;
        }

        /**
         * The zone by whose calendar budgets are reset.
         *
         * @param value a zone of the IANA database
         * @return this
         */
        public Builder timeZone(ZoneId value) {
            overrides.put(Known.TIME_ZONE, value);
            return this;
        }

        /**
         * The time of day at which windows of days and longer begin.
         *
         * @param value a time in whole seconds
         * @return this
         */
        public Builder resetTime(LocalTime value) {
            overrides.put(Known.RESET_TIME, value);
            return this;
        }

        /**
         * Whether overspend is carried into the next window.
         *
         * @param value true to carry it over
         * @return this
         */
        public Builder rollover(boolean value) {
            overrides.put(Known.ROLLOVER, value);
            return this;
        }

        /**
         * The budget row that holds for end users without one of their own.
         *
         * @param value the budget's id; null for none
         * @return this
         */
        public Builder endUserBudgetId(@Nullable String value) {
            overrides.put(Known.END_USER_BUDGET_ID, value);
            return this;
        }

        /**
         * Whether a user's own budget holds on team keys too.
         *
         * @param value true where it does
         * @return this
         */
        public Builder countUserBudgetOnTeamKeys(boolean value) {
            overrides.put(Known.COUNT_USER_BUDGET_ON_TEAM_KEYS, value);
            return this;
        }

        /**
         * What is reserved for a call under a budget that comes without an estimate; what is booked is the event's
         * cost.
         *
         * @param value the policy; {@link UnknownPrice#FIXED} needs a price
         * @return this
         */
        public Builder unknownPricePolicy(UnknownPrice value) {
            overrides.put(Known.UNKNOWN_PRICE_POLICY, value);
            return this;
        }

        /**
         * What is reserved for a call without an estimate under {@link UnknownPrice#FIXED}.
         *
         * @param value at least 0; null for none
         * @return this
         */
        public Builder unknownPrice(@Nullable BigDecimal value) {
            overrides.put(Known.UNKNOWN_PRICE, value);
            return this;
        }

        /**
         * Whether requests go on while the database is unreachable, their budgets unchecked.
         *
         * @param value true to let them
         * @return this
         */
        public Builder allowRequestsOnDbUnavailable(boolean value) {
            overrides.put(Known.ALLOW_ON_DB_UNAVAILABLE, value);
            return this;
        }

        /**
         * How long an instance holds a slice of a budget without renewing it, by the database's clock.
         *
         * @param value from two seconds to an hour
         * @return this
         */
        public Builder leaseTime(Duration value) {
            overrides.put(Known.LEASE_TIME, value);
            return this;
        }

        /**
         * How long an estimate stays reserved for a request that neither settles, releases nor extends it.
         *
         * @param value from a second to 7 days
         * @return this
         */
        public Builder reservationTime(Duration value) {
            overrides.put(Known.RESERVATION_TIME, value);
            return this;
        }

        /**
         * The shortest time between two runs of the job that tidies windows.
         *
         * @param value from a second to a day
         * @return this
         */
        public Builder reschedulerMinTime(Duration value) {
            overrides.put(Known.RESCHEDULER_MIN_TIME, value);
            return this;
        }

        /**
         * The longest time between two runs of the job that tidies windows.
         *
         * @param value from a second to a day, not less than the shortest
         * @return this
         */
        public Builder reschedulerMaxTime(Duration value) {
            overrides.put(Known.RESCHEDULER_MAX_TIME, value);
            return this;
        }
    }
}
