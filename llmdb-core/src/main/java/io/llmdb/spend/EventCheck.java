package io.llmdb.spend;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Json;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds what PostgreSQL would refuse in an event, as far as that can be told without asking: so that most bad events of
 * a batch that failed are found in one pass, without a transaction each.
 */
final class EventCheck {

    private static final Instant FIRST = Instant.parse("-4712-01-01T00:00:00Z");
    private static final long MOST_TOKENS = 1_000_000_000_000L;
    private static final Instant LAST = Instant.parse("+294276-12-31T23:59:59Z");

    private EventCheck() {}

    /**
     * What is wrong with the event, for people; null where nothing was found, which proves nothing. What the books do
     * not hold is not looked at.
     */
    static @Nullable String problem(SpendEvent event, BookingPolicy policy) {
        try {
            times(event);
            if (policy.keepSpendLogs()) {
                texts(event);
                json("metadata", event.metadata());
                if (policy.keepPrompts()) {
                    json("messages", event.messages());
                    json("response", event.response());
                    json("proxyServerRequest", event.proxyServerRequest());
                }
            }
            RequestError error = event.error();
            if (error != null && policy.keepErrorLogs()) {
                text("error.type", error.type());
                text("error.message", error.message());
                text("error.statusCode", error.statusCode());
                json("error.requestJson", error.requestJson());
            }
            requireCountable(event);
            return null;
        } catch (RuntimeException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /**
     * Refuses token counts that no request has: in a sum that many share, one of them would leave no room for the
     * others'.
     *
     * @throws InvalidArgumentException where there are more
     */
    static void requireCountable(SpendEvent event) {
        if (event.promptTokens() > MOST_TOKENS
                || event.completionTokens() > MOST_TOKENS
                || event.totalTokens() > MOST_TOKENS) {
            throw new InvalidArgumentException("tokens " + event.promptTokens() + " + " + event.completionTokens()
                    + ", totalTokens " + event.totalTokens() + ": out of range, at most " + MOST_TOKENS);
        }
    }

    private static void times(SpendEvent event) {
        time("startTime", event.startTime());
        time("endTime", event.endTime());
        time("completionStartTime", event.completionStartTime());
    }

    private static void texts(SpendEvent event) {
        text("requestId", event.requestId());
        text("callType", event.callType());
        text("keyHash", event.keyHash());
        text("model", event.model());
        text("modelId", event.modelId());
        text("modelGroup", event.modelGroup());
        text("provider", event.provider());
        text("apiBase", event.apiBase());
        text("userId", event.userId());
        text("teamId", event.teamId());
        text("organizationId", event.organizationId());
        text("endUser", event.endUser());
        text("cacheHit", event.cacheHit());
        text("cacheKey", event.cacheKey());
        text("requesterIp", event.requesterIp());
        text("sessionId", event.sessionId());
        each("tags", event.tags());
    }

    private static void each(String name, List<String> values) {
        values.forEach(value -> text(name, value));
    }

    private static void time(String name, @Nullable Instant value) {
        if (value != null && (value.isBefore(FIRST) || value.isAfter(LAST))) {
            throw new InvalidArgumentException(name + ": timestamp out of range: " + value);
        }
    }

    private static void text(String name, @Nullable String value) {
        if (value == null) {
            return;
        }
        if (value.indexOf('\0') >= 0) {
            throw new InvalidArgumentException(name + ": a NUL character, which PostgreSQL cannot store in a text");
        }
        int half = Wtf8.indexOfHalf(value, 0);
        if (half >= 0) {
            throw new InvalidArgumentException(name + ": half a character (an unpaired surrogate, \\u"
                    + Integer.toHexString(value.charAt(half)) + ")");
        }
    }

    private static void json(String name, @Nullable String value) {
        if (value == null) {
            return;
        }
        text(name, value);
        try {
            Json.check(value);
        } catch (InvalidArgumentException e) {
            throw new InvalidArgumentException(name + ": invalid JSON: " + e.getMessage(), e);
        }
        if (value.contains("\\u0000")) {
            // Perhaps only the text of a backslash and what follows; then PostgreSQL takes it, and it is not asked for
            // here.
            String escaped = value.replace("\\\\", "");
            if (escaped.contains("\\u0000")) {
                throw new InvalidArgumentException(name + ": \\u0000, which PostgreSQL cannot store in JSON");
            }
        }
    }
}
