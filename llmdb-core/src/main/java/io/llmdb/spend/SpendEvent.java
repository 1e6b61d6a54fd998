package io.llmdb.spend;

import io.llmdb.common.Money;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Ids;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One finished request, successful or not: everything that {@code "LLM_SpendLogs"} holds of it.
 *
 * <p>It changes the log, the counters and the daily totals once, however often it is delivered: its id decides. The
 * same id with other content is an error. Immutable; made by {@link #builder(Instant)} or, with the caller's ids filled
 * in, by an admission.
 */
public final class SpendEvent {

    private final UUID id;
    private final String requestId;
    private final String callType;
    private final String keyHash;
    private final BigDecimal cost;
    private final long promptTokens;
    private final long completionTokens;
    private final long totalTokens;
    private final Instant startTime;
    private final Instant endTime;
    private final @Nullable Instant completionStartTime;
    private final String model;
    private final String modelId;
    private final String modelGroup;
    private final String provider;
    private final String apiBase;
    private final String userId;
    private final String teamId;
    private final String organizationId;
    private final String endUser;
    private final List<String> tags;
    private final @Nullable String metadata;
    private final String cacheHit;
    private final String cacheKey;
    private final String requesterIp;
    private final @Nullable String messages;
    private final @Nullable String response;
    private final @Nullable String proxyServerRequest;
    private final String sessionId;
    private final @Nullable RequestError error;
    private final @Nullable UUID leaseHolder;
    private final List<LeaseShare> leaseShares;
    private final List<CounterId> furtherCounters;

    /** The event as it was recorded, where it is booked under another hash of its key; null: this one. */
    private final @Nullable SpendEvent recorded;

    /** What the event was known by before something was left out of it; null: nothing was. */
    private final @Nullable Long knownBy;

    private SpendEvent(Builder builder) {
        this.id = builder.id;
        this.requestId = builder.requestId;
        this.callType = builder.callType;
        this.keyHash = builder.keyHash;
        this.cost = builder.cost;
        this.promptTokens = builder.promptTokens;
        this.completionTokens = builder.completionTokens;
        this.totalTokens = builder.totalTokens >= 0 ? builder.totalTokens : sum(promptTokens, completionTokens);
        this.startTime = builder.startTime;
        this.endTime = builder.endTime;
        this.completionStartTime = builder.completionStartTime;
        this.model = builder.model;
        this.modelId = builder.modelId;
        this.modelGroup = builder.modelGroup;
        this.provider = builder.provider;
        this.apiBase = builder.apiBase;
        this.userId = builder.userId;
        this.teamId = builder.teamId;
        this.organizationId = builder.organizationId;
        this.endUser = builder.endUser;
        this.tags = List.copyOf(builder.tags);
        this.metadata = KeyMask.orNull(builder.metadata);
        this.cacheHit = builder.cacheHit;
        this.cacheKey = builder.cacheKey;
        this.requesterIp = builder.requesterIp;
        this.messages = builder.messages;
        this.response = builder.response;
        this.proxyServerRequest = KeyMask.orNull(builder.proxyServerRequest);
        this.sessionId = builder.sessionId;
        this.error = builder.error;
        this.leaseHolder = builder.leaseHolder;
        this.leaseShares = List.copyOf(builder.leaseShares);
        this.recorded = builder.recorded;
        this.knownBy = builder.knownBy;
        this.furtherCounters = builder.furtherCounters.isEmpty()
                ? List.of()
                : builder.furtherCounters.stream()
                        .filter(counter -> !counter.model().isEmpty()
                                || !counter.duration().isEmpty())
                        .distinct()
                        .toList();
    }

    /** What is out of range is told when the event is to be booked; a proxy must be able to hand it in. */
    private static long sum(long prompt, long completion) {
        return prompt > Long.MAX_VALUE - completion ? Long.MAX_VALUE : prompt + completion;
    }

    /**
     * A builder with a new id.
     *
     * @param startTime when the request was admitted; cut to whole milliseconds, which the id then carries
     * @return the builder; {@code endTime} is the start until it is set
     */
    public static Builder builder(Instant startTime) {
        Instant start = startTime.truncatedTo(ChronoUnit.MILLIS);
        return new Builder(Ids.at(start), start);
    }

    /**
     * A builder for an id that was made before.
     *
     * @param id the id of an admission or of an earlier event
     * @return the builder; the start is the one that the id carries
     * @throws InvalidArgumentException where the id is no UUIDv7
     */
    public static Builder builder(UUID id) {
        if (id.version() != 7) {
            throw new InvalidArgumentException(
                    "id " + id + " is no UUIDv7: use SpendEvent.builder(startTime) to have one made");
        }
        return new Builder(id, Instant.ofEpochMilli(Ids.epochMilli(id)));
    }

    /** The same event, to be booked under the hash that its key has since it was replaced. */
    SpendEvent underKey(String hash) {
        Builder builder = toBuilder().keyHash(hash);
        builder.furtherCounters = furtherCounters.stream()
                .map(counter -> counter.scope() == Scope.KEY
                        ? new CounterId(Scope.KEY, hash, "", counter.model(), counter.duration())
                        : counter)
                .toList();
        builder.recorded = this;
        return builder.build();
    }

    /** The event as it was recorded, which says what it is known by and what was reserved for it. */
    SpendEvent recorded() {
        return recorded == null ? this : recorded;
    }

    boolean hasPrompts() {
        return messages != null || response != null || proxyServerRequest != null;
    }

    /** The event without what only the log keeps of a prompt and its answer. */
    SpendEvent withoutPrompts() {
        return toBuilder()
                .messages(null)
                .response(null)
                .proxyServerRequest(null)
                .build();
    }

    /** The event as one that something was left out of, with the digest that it had before. */
    SpendEvent knownBy(long digest) {
        Builder builder = toBuilder();
        builder.knownBy = digest;
        return builder.build();
    }

    @Nullable
    Long knownBy() {
        return knownBy;
    }

    /** @return whether the request succeeded */
    public boolean isSuccess() {
        return error == null;
    }

    /** @return a builder that holds what this event holds, its id included */
    public Builder toBuilder() {
        Builder builder = new Builder(id, startTime);
        builder.requestId = requestId;
        builder.callType = callType;
        builder.keyHash = keyHash;
        builder.cost = cost;
        builder.promptTokens = promptTokens;
        builder.completionTokens = completionTokens;
        builder.totalTokens = totalTokens;
        builder.endTime = endTime;
        builder.completionStartTime = completionStartTime;
        builder.model = model;
        builder.modelId = modelId;
        builder.modelGroup = modelGroup;
        builder.provider = provider;
        builder.apiBase = apiBase;
        builder.userId = userId;
        builder.teamId = teamId;
        builder.organizationId = organizationId;
        builder.endUser = endUser;
        builder.tags = tags;
        builder.metadata = metadata;
        builder.cacheHit = cacheHit;
        builder.cacheKey = cacheKey;
        builder.requesterIp = requesterIp;
        builder.messages = messages;
        builder.response = response;
        builder.proxyServerRequest = proxyServerRequest;
        builder.sessionId = sessionId;
        builder.error = error;
        builder.leaseHolder = leaseHolder;
        builder.leaseShares = leaseShares;
        builder.furtherCounters = furtherCounters;
        return builder;
    }

    /** @return our id, a UUIDv7 that carries {@link #startTime()} */
    public UUID id() {
        return id;
    }

    /** @return the caller's or provider's id of the request; may repeat or be empty */
    public String requestId() {
        return requestId;
    }

    /** @return the kind of call, such as {@code acompletion} or {@code aembedding} */
    public String callType() {
        return callType;
    }

    /** @return the hash of the virtual key, never the key; empty: none */
    public String keyHash() {
        return keyHash;
    }

    /** @return what the request cost, in the proxy's currency, exact */
    public BigDecimal cost() {
        return cost;
    }

    /** @return tokens of the prompt */
    public long promptTokens() {
        return promptTokens;
    }

    /** @return tokens of the answer */
    public long completionTokens() {
        return completionTokens;
    }

    /** @return all tokens; the sum of the two where it was not given */
    public long totalTokens() {
        return totalTokens;
    }

    /** @return when the request was admitted, in whole milliseconds; it decides the budget window and the day */
    public Instant startTime() {
        return startTime;
    }

    /** @return when the last of the answer was there */
    public Instant endTime() {
        return endTime;
    }

    /** @return when the first of the answer was there, or null */
    public @Nullable Instant completionStartTime() {
        return completionStartTime;
    }

    /** @return the model that answered, as the provider names it */
    public String model() {
        return model;
    }

    /** @return the id of the stored model; empty: none */
    public String modelId() {
        return modelId;
    }

    /** @return the model's public name, as it was asked for */
    public String modelGroup() {
        return modelGroup;
    }

    /** @return the provider, such as {@code openai} */
    public String provider() {
        return provider;
    }

    /** @return the provider's address */
    public String apiBase() {
        return apiBase;
    }

    /** @return the user of the key; empty: none */
    public String userId() {
        return userId;
    }

    /** @return the team of the key; empty: none */
    public String teamId() {
        return teamId;
    }

    /** @return the organization of the key; empty: none */
    public String organizationId() {
        return organizationId;
    }

    /** @return the customer's own user; empty: none */
    public String endUser() {
        return endUser;
    }

    /** @return the request's tags */
    public List<String> tags() {
        return tags;
    }

    /** @return a JSON object, or null */
    public @Nullable String metadata() {
        return metadata;
    }

    /** @return whether the answer came from a cache: {@code True}, {@code False} or empty */
    public String cacheHit() {
        return cacheHit;
    }

    /** @return the cache's key; empty: none */
    public String cacheKey() {
        return cacheKey;
    }

    /** @return the caller's address; empty: not known */
    public String requesterIp() {
        return requesterIp;
    }

    /** @return the prompt as JSON, or null; kept only where {@code store_prompts_in_spend_logs} says so */
    public @Nullable String messages() {
        return messages;
    }

    /** @return the answer as JSON, or null; kept as {@link #messages()} is */
    public @Nullable String response() {
        return response;
    }

    /** @return the request as JSON, or null; kept as {@link #messages()} is */
    public @Nullable String proxyServerRequest() {
        return proxyServerRequest;
    }

    /** @return the session; empty: none */
    public String sessionId() {
        return sessionId;
    }

    /** @return what went wrong; null where the request succeeded */
    public @Nullable RequestError error() {
        return error;
    }

    /** @return the instance whose leases the cost is taken from, or null where nothing was reserved */
    public @Nullable UUID leaseHolder() {
        return leaseHolder;
    }

    /** @return what is taken from each of its leases */
    public List<LeaseShare> leaseShares() {
        return leaseShares;
    }

    /** @return counters beside the main ones that the cost counts on, each once: budgets by model, further windows */
    public List<CounterId> furtherCounters() {
        return furtherCounters;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SpendEvent event && EventCodec.sameContent(this, event);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    /** @return id, model, tokens and cost; no prompt and no answer */
    @Override
    public String toString() {
        return "SpendEvent[" + id + ", key " + keyHash + ", model " + model + ", tokens " + promptTokens + " + "
                + completionTokens + ", cost " + cost.toPlainString() + (error == null ? "" : ", " + error) + "]";
    }

    /** Collects the parts of an event; what is not set is empty or zero. Not safe for use by several threads. */
    public static final class Builder {

        private final UUID id;
        private String requestId = "";
        private String callType = "acompletion";
        private String keyHash = "";
        private BigDecimal cost = BigDecimal.ZERO;
        private long promptTokens = 0;
        private long completionTokens = 0;
        private long totalTokens = -1;
        private final Instant startTime;
        private Instant endTime;
        private @Nullable Instant completionStartTime;
        private String model = "";
        private String modelId = "";
        private String modelGroup = "";
        private String provider = "";
        private String apiBase = "";
        private String userId = "";
        private String teamId = "";
        private String organizationId = "";
        private String endUser = "";
        private List<String> tags = List.of();
        private @Nullable String metadata;
        private String cacheHit = "";
        private String cacheKey = "";
        private String requesterIp = "";
        private @Nullable String messages;
        private @Nullable String response;
        private @Nullable String proxyServerRequest;
        private String sessionId = "";
        private @Nullable RequestError error;
        private @Nullable UUID leaseHolder;
        private List<LeaseShare> leaseShares = List.of();
        private @Nullable SpendEvent recorded;
        private @Nullable Long knownBy;
        private List<CounterId> furtherCounters = List.of();

        private Builder(UUID id, Instant startTime) {
            this.id = id;
            this.startTime = startTime;
            this.endTime = startTime;
        }

        /**
         * @param value the caller's or provider's id of the request; may repeat or be empty
         * @return this
         */
        public Builder requestId(String value) {
            this.requestId = Objects.requireNonNull(value, "requestId");
            return this;
        }

        /**
         * @param value the kind of call, such as {@code acompletion} or {@code aembedding}
         * @return this
         */
        public Builder callType(String value) {
            this.callType = Objects.requireNonNull(value, "callType");
            return this;
        }

        /**
         * @param value the hash of the virtual key, never the key; empty: none
         * @return this
         * @throws InvalidArgumentException where a raw key is given
         */
        public Builder keyHash(String value) {
            if (value.startsWith("sk-")) {
                throw new InvalidArgumentException("keyHash: a raw key was given where its hash belongs");
            }
            this.keyHash = value;
            return this;
        }

        /**
         * @param value what the request cost, in the proxy's currency, exact
         * @return this
         * @throws InvalidArgumentException where it is negative or has more digits than money has
         */
        public Builder cost(BigDecimal value) {
            this.cost = Money.check("cost", value);
            return this;
        }

        /**
         * @param prompt tokens of the prompt
         * @param completion tokens of the answer
         * @return this
         * @throws InvalidArgumentException where one is negative
         */
        public Builder tokens(long prompt, long completion) {
            if (prompt < 0 || completion < 0) {
                throw new InvalidArgumentException("tokens " + prompt + " + " + completion + ": none may be negative");
            }
            this.promptTokens = prompt;
            this.completionTokens = completion;
            return this;
        }

        /**
         * @param value all tokens, where they are not the sum of the two
         * @return this
         * @throws InvalidArgumentException where it is negative
         */
        public Builder totalTokens(long value) {
            if (value < 0) {
                throw new InvalidArgumentException("totalTokens " + value + " is negative");
            }
            this.totalTokens = value;
            return this;
        }

        /**
         * @param value when the last of the answer was there
         * @return this
         */
        public Builder endTime(Instant value) {
            this.endTime = Objects.requireNonNull(value, "endTime");
            return this;
        }

        /**
         * @param value when the first of the answer was there, or null
         * @return this
         */
        public Builder completionStartTime(@Nullable Instant value) {
            this.completionStartTime = value;
            return this;
        }

        /**
         * @param value the model that answered, as the provider names it
         * @return this
         */
        public Builder model(String value) {
            this.model = Objects.requireNonNull(value, "model");
            return this;
        }

        /**
         * @param value the id of the stored model; empty: none
         * @return this
         */
        public Builder modelId(String value) {
            this.modelId = Objects.requireNonNull(value, "modelId");
            return this;
        }

        /**
         * @param value the model's public name, as it was asked for
         * @return this
         */
        public Builder modelGroup(String value) {
            this.modelGroup = Objects.requireNonNull(value, "modelGroup");
            return this;
        }

        /**
         * @param value the provider, such as {@code openai}
         * @return this
         */
        public Builder provider(String value) {
            this.provider = Objects.requireNonNull(value, "provider");
            return this;
        }

        /**
         * @param value the provider's address
         * @return this
         */
        public Builder apiBase(String value) {
            this.apiBase = Objects.requireNonNull(value, "apiBase");
            return this;
        }

        /**
         * @param value the user of the key; empty: none
         * @return this
         */
        public Builder userId(String value) {
            this.userId = Objects.requireNonNull(value, "userId");
            return this;
        }

        /**
         * @param value the team of the key; empty: none
         * @return this
         */
        public Builder teamId(String value) {
            this.teamId = Objects.requireNonNull(value, "teamId");
            return this;
        }

        /**
         * @param value the organization of the key; empty: none
         * @return this
         */
        public Builder organizationId(String value) {
            this.organizationId = Objects.requireNonNull(value, "organizationId");
            return this;
        }

        /**
         * @param value the customer's own user; empty: none
         * @return this
         */
        public Builder endUser(String value) {
            this.endUser = Objects.requireNonNull(value, "endUser");
            return this;
        }

        /**
         * @param value the request's tags
         * @return this
         */
        public Builder tags(List<String> value) {
            this.tags = Objects.requireNonNull(value, "tags");
            return this;
        }

        /**
         * @param value a JSON object, or null
         * @return this
         */
        public Builder metadata(@Nullable String value) {
            this.metadata = value;
            return this;
        }

        /**
         * @param value whether the answer came from a cache: {@code True}, {@code False} or empty
         * @return this
         */
        public Builder cacheHit(String value) {
            this.cacheHit = Objects.requireNonNull(value, "cacheHit");
            return this;
        }

        /**
         * @param value the cache's key; empty: none
         * @return this
         */
        public Builder cacheKey(String value) {
            this.cacheKey = Objects.requireNonNull(value, "cacheKey");
            return this;
        }

        /**
         * @param value the caller's address; empty: not known
         * @return this
         */
        public Builder requesterIp(String value) {
            this.requesterIp = Objects.requireNonNull(value, "requesterIp");
            return this;
        }

        /**
         * @param value the prompt as JSON, or null; kept only where {@code store_prompts_in_spend_logs} says so
         * @return this
         */
        public Builder messages(@Nullable String value) {
            this.messages = value;
            return this;
        }

        /**
         * @param value the answer as JSON, or null; kept as {@link #messages()} is
         * @return this
         */
        public Builder response(@Nullable String value) {
            this.response = value;
            return this;
        }

        /**
         * @param value the request as JSON, or null; kept as {@link #messages()} is
         * @return this
         */
        public Builder proxyServerRequest(@Nullable String value) {
            this.proxyServerRequest = value;
            return this;
        }

        /**
         * @param value the session; empty: none
         * @return this
         */
        public Builder sessionId(String value) {
            this.sessionId = Objects.requireNonNull(value, "sessionId");
            return this;
        }

        /**
         * @param value what went wrong; null where the request succeeded
         * @return this
         */
        public Builder error(@Nullable RequestError value) {
            this.error = value;
            return this;
        }

        /**
         * Names the leases that the cost is taken from; an admission does it.
         *
         * @param holder the instance whose leases they are, or null where nothing was reserved
         * @param shares what is taken from each
         * @return this
         */
        public Builder leases(@Nullable UUID holder, List<LeaseShare> shares) {
            this.leaseHolder = holder;
            this.leaseShares = shares;
            return this;
        }

        /**
         * @param value counters beside the main ones that the cost counts on: budgets by model, further windows; main
         *     ones, which always count, are left out
         * @return this
         */
        public Builder furtherCounters(List<CounterId> value) {
            this.furtherCounters = Objects.requireNonNull(value, "furtherCounters");
            return this;
        }

        /** @return the event */
        public SpendEvent build() {
            return new SpendEvent(this);
        }
    }
}
