package io.llmdb.limits;

/** One limit that a call has to fit into: how much of it the call takes, and what the limit is now. */
record LimitNeed(LimitId id, long limit, long amount) {}
