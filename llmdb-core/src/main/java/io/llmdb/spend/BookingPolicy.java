package io.llmdb.spend;

import io.llmdb.common.BudgetDuration;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * What the books are to hold, as the settings say it.
 *
 * @param keepSpendLogs whether {@code "LLM_SpendLogs"} gets a row; counters, budgets and daily totals go on either way
 * @param keepErrorLogs whether {@code "LLM_ErrorLogs"} gets a row for a failed request
 * @param updateCounters whether counters and daily totals move at all ({@code disable_spend_updates} says no)
 * @param keepPrompts whether prompts, answers and requests are kept in the log
 * @param calendar says where budget windows begin
 * @param rollover whether overspend is carried into the next window
 * @param defaultEndUserBudgetId the budget of end users without one of their own, or null
 * @param proxyDuration the window of the whole proxy's budget, or null
 * @param proxyMaxBudget the whole proxy's budget, or null
 */
public record BookingPolicy(
        boolean keepSpendLogs,
        boolean keepErrorLogs,
        boolean updateCounters,
        boolean keepPrompts,
        BudgetCalendar calendar,
        boolean rollover,
        @Nullable String defaultEndUserBudgetId,
        @Nullable BudgetDuration proxyDuration,
        @Nullable BigDecimal proxyMaxBudget) {}
