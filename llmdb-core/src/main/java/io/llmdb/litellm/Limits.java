package io.llmdb.litellm;

import io.llmdb.common.BudgetDuration;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads an amount with the length of its windows, in any of the forms that LiteLLM wrote. */
final class Limits {

    private Limits() {}

    /**
     * @param json an amount, or an object with one
     * @param amountName how the amount is called in the result
     * @param durationName how the duration is called in the result
     * @return the limit as llmdb reads it; null where it is none
     */
    static @Nullable Map<String, Object> read(@Nullable Object json, String amountName, String durationName) {
        Object amount = json;
        Object duration = null;
        if (json instanceof Map<?, ?> map) {
            amount = map.get("budget_limit") == null ? map.get("max_budget") : map.get("budget_limit");
            duration = map.get("time_period") == null ? map.get("budget_duration") : map.get("time_period");
        }
        BigDecimal limit = amount(amount);
        if (limit == null) {
            return null;
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put(amountName, limit.max(BigDecimal.ZERO));
        if (duration != null) {
            BudgetDuration read = Row.durationOf(duration.toString());
            if (read == null) {
                return null;
            }
            result.put(durationName, read.toString());
        }
        return result;
    }

    private static @Nullable BigDecimal amount(@Nullable Object value) {
        if (!(value instanceof Number) && !(value instanceof String)) {
            return null;
        }
        try {
            BigDecimal amount = new BigDecimal(value.toString());
            return amount.precision() - amount.scale() > 30 || amount.scale() > 60 ? null : amount;
        } catch (NumberFormatException e) {
            return null;
        }
    }
}
