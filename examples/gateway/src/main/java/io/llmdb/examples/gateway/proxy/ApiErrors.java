package io.llmdb.examples.gateway.proxy;

import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.BudgetState;
import io.llmdb.budgets.UnknownPriceException;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.keys.EndUserBlockedException;
import io.llmdb.keys.KeyBlockedException;
import io.llmdb.keys.KeyExpiredException;
import io.llmdb.keys.RouteNotAllowedException;
import io.llmdb.keys.TeamBlockedException;
import io.llmdb.keys.TeamMissingException;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.limits.RateLimitedException;
import io.llmdb.spend.BacklogFullException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import tools.jackson.databind.node.ObjectNode;

/** What the library's exceptions mean to an OpenAI client. */
final class ApiErrors {

    private static final String PERMISSION = "permission_error";

    private ApiErrors() {}

    /**
     * The answer for a refusal. The library's messages name setting, id and limits and never a secret, so that they can
     * be shown; those of a database that fails are for the log.
     */
    static ApiError of(LlmDbException e) {
        if (e instanceof BudgetExceededException exceeded) {
            return budgetExceeded(exceeded);
        } else if (e instanceof RateLimitedException limited) {
            return rateLimited(limited);
        } else if (e instanceof UnknownKeyException) {
            return error(401, "authentication_error", "invalid_api_key", e);
        } else if (e instanceof KeyExpiredException) {
            return error(401, "authentication_error", "expired_api_key", e);
        } else if (e instanceof KeyBlockedException) {
            return error(403, PERMISSION, "key_blocked", e);
        } else if (e instanceof TeamBlockedException) {
            return error(403, PERMISSION, "team_blocked", e);
        } else if (e instanceof TeamMissingException) {
            return error(403, PERMISSION, "team_missing", e);
        } else if (e instanceof EndUserBlockedException) {
            return error(403, PERMISSION, "end_user_blocked", e);
        } else if (e instanceof RouteNotAllowedException) {
            return error(403, PERMISSION, "route_not_allowed", e);
        } else if (e instanceof UnknownPriceException) {
            return error(400, "invalid_request_error", "unknown_price", e);
        } else if (e instanceof InvalidArgumentException) {
            return error(400, "invalid_request_error", "invalid_argument", e);
        } else if (e instanceof DatabaseUnavailableException) {
            return ApiError.of(
                            503,
                            "service_unavailable",
                            "database_unavailable",
                            "The proxy's database cannot be reached; nothing is known about this key meanwhile")
                    .withRetryAfter(1);
        } else if (e instanceof DatabaseMovedException) {
            return ApiError.of(503, "service_unavailable", "database_moved", "The proxy's database is being moved")
                    .withRetryAfter(1);
        } else if (e instanceof BacklogFullException) {
            return error(503, "service_unavailable", "backlog_full", e).withRetryAfter(1);
        }
        return ApiError.of(500, "server_error", "internal_error", "The proxy failed; its log says why");
    }

    private static ApiError budgetExceeded(BudgetExceededException e) {
        BudgetState state = e.state();
        ObjectNode budget = Json.object()
                .put("scope", state.counter().scope().sqlName())
                .put("id", state.counter().id())
                .put("parent_id", state.counter().parentId())
                .put("model", state.counter().model())
                .put("spent", plain(state.spent()))
                .put("reserved", plain(state.reserved()))
                .put("estimate", plain(e.estimate()))
                .put("limit", state.limit() == null ? null : plain(state.limit()))
                .put(
                        "reset_at",
                        state.resetAt() == null ? null : state.resetAt().toString());
        ApiError error = error(429, "insufficient_quota", "budget_exceeded", e).withBudget(budget);
        Instant reset = state.resetAt();
        return reset == null
                ? error
                : error.withRetryAfter(
                        Math.max(1, Duration.between(Instant.now(), reset).toSeconds() + 1));
    }

    /** OpenAI's own words for it; clients back off for as long as Retry-After says. */
    private static ApiError rateLimited(RateLimitedException e) {
        String code = switch (e.kind()) {
            case REQUESTS -> "requests_per_minute";
            case TOKENS -> "tokens_per_minute";
            case PARALLEL -> "parallel_requests";
        };
        ApiError error = error(429, "rate_limit_exceeded", code, e);
        Long seconds = e.retryAfterSeconds();
        return seconds == null ? error : error.withRetryAfter(seconds);
    }

    private static String plain(BigDecimal amount) {
        return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
    }

    private static ApiError error(int status, String type, String code, LlmDbException e) {
        return ApiError.of(status, type, code, String.valueOf(e.getMessage()));
    }
}
