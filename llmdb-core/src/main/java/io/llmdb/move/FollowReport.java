package io.llmdb.move;

import org.jspecify.annotations.Nullable;

/**
 * How the source is followed.
 *
 * @param method the method
 * @param slot the name of the replication slot and of the publication; null where there is none
 * @param reason why it is not logical replication, for people; empty where it is, or where another method was asked for
 */
public record FollowReport(FollowMethod method, @Nullable String slot, String reason) {}
