package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * An end user.
 *
 * @param id the id that callers send
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param createdAt when it was made, or first seen
 */
public record EndUser(String id, EndUserSpec spec, SpendState spendState, Instant createdAt) {}
